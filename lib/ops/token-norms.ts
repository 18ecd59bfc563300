import { type FloatTensor, readTensor, reshape, type Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readInteger,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
} from './call.js';
import { type MaskOptions, readTokenRows } from './token-rows.js';

/** Options of {@link tokenNorms}. */
export interface TokenNormsOptions extends CommonOptions, MaskOptions {
  /** 2: Euclidean (default). 1: sum of absolute values. */
  p?: 1 | 2;
  /** A tensor to fill. */
  out?: { norms: Tensor<'float32'> };
}

function prepare(x: FloatTensor, options: TokenNormsOptions): Invocation<Tensor<'float32'>> {
  const tokens = readTensor('x', x, floatTypes);
  const channels = tokens.dims.at(-1) ?? 0;
  const dims = tokens.dims.slice(0, -1);
  const { mask, lengths, rowDims, length } = readTokenRows(dims, options);
  const norms = outputFor(options.out, 'norms', 'float32', dims);
  return {
    operation: 'tokenNorms',
    inputs: [reshape(tokens, [...rowDims, length, channels]), mask, lengths],
    outputs: [withDims(norms, [...rowDims, length])],
    numbers: [readInteger('options.p', options.p, 2)],
    result: () => norms.tensor,
  };
}

/**
 * The norm of every token: `norms[b,n] = ||x[b,n,:]||_p`, float32 whatever the type of x; 0 for a dropped token
 * (mask 2).
 *
 * @param x `[...,N,C]`, float32, float16 or bfloat16
 * @returns `[...,N]`, float32
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export async function tokenNorms(x: FloatTensor, options?: TokenNormsOptions): Promise<Tensor<'float32'>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link tokenNorms}, at once on the calling thread. */
export function tokenNormsSync(x: FloatTensor, options?: TokenNormsOptions): Tensor<'float32'> {
  return runSync(prepare(x, readOptions(options)));
}
