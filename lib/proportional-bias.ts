import { types } from 'node:util';
import { copyArray, readTensor, type Tensor } from './tensor.js';

/**
 * The bias by which the next attention attends in proportion to size (ToMe, Bolya et al. 2023, arXiv 2210.09461,
 * equation 1): log(size) for each key, and -Infinity for one of size 0, such as padding. Hand it on as `bias` to
 * `attention` or `attentionScores`. Models trained with labels need it; those trained by masked autoencoding do not.
 *
 * @param sizes float32 `[B,N]`, as a reduction gives them; or a bare array of B * N
 * @returns the same dims
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`
 */
export function proportionalBias(sizes: Float32Array): Float32Array;
export function proportionalBias(sizes: Tensor<'float32'>): Tensor<'float32'>;
export function proportionalBias(sizes: Float32Array | Tensor<'float32'>): Float32Array | Tensor<'float32'> {
  if (types.isFloat32Array(sizes)) return copyArray('sizes', sizes).map(Math.log);
  const { type, data, dims } = readTensor('sizes', sizes, ['float32']);
  return { type, data: copyArray('sizes', data).map(Math.log), dims: [...dims] };
}
