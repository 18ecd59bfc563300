import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
} from '../device-tensor.js';
import { typeError } from '../errors.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  type Invocation,
  outputFor,
  readChoice,
  readInteger,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
} from './call.js';
import { readRowsOfScores } from './rows-of-scores.js';
import type { MaskOptions } from './token-rows.js';

/** Options of {@link poolScores}. */
export interface PoolScoresOptions extends CommonOptions, MaskOptions {
  /** Scores in a window, the middle one included; odd. */
  kernel: number;
  /** The mean of a window (default), or its maximum. */
  mode?: 'avg' | 'max';
  /** A tensor to fill. */
  out?: { scores: Tensor<'float32'> };
}

function prepare(
  x: AnyTensor<FloatType>,
  options: AnyOptions<PoolScoresOptions>,
): Invocation<AnyTensor<'float32'>> {
  const rows = readRowsOfScores(x, options);
  if (options.kernel === undefined) throw typeError('options.kernel', 'an odd integer from 1', undefined);
  const scores = outputFor(options.out, 'scores', 'float32', [...rows.leading, rows.length], rows.x.data);
  return {
    operation: 'poolScores',
    inputs: [rows.x, rows.mask, rows.lengths],
    outputs: [withDims(scores, rows.x.dims)],
    numbers: [
      readInteger('options.kernel', options.kernel, 1),
      readChoice('options.mode', options.mode, ['avg', 'max'], 'avg'),
    ],
    result: () => scores.shown,
  };
}

/** {@link poolScores} of tensors on a device, where the result stays. */
export function poolScores(
  x: FloatDeviceTensor,
  options: DeviceOptions<PoolScoresOptions>,
): Promise<DeviceTensor<'float32'>>;
/**
 * Scores smoothed along the last dim, as the `pool` option of `attentionScores` does it (SnapKV, Li et al. 2024, arXiv
 * 2404.14469): stride 1; `avg` pads with 0 and divides by the kernel, `max` pads with -Infinity. A dropped token (mask
 * 2) counts as padding and gets 0. A NaN makes every window that holds it NaN. The same bits on every instruction set.
 *
 * @param x `[...,N]`, float32, float16 or bfloat16
 * @returns `[...,N]`, float32
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function poolScores(x: FloatTensor, options: PoolScoresOptions): Promise<Tensor<'float32'>>;
export async function poolScores(
  x: AnyTensor<FloatType>,
  options: AnyOptions<PoolScoresOptions>,
): Promise<AnyTensor<'float32'>> {
  const given = readOptions(options);
  return runAsync(prepare(x, given), readSignal(given));
}

/** {@link poolScoresSync} of tensors on a device, where the result stays: checks and enqueues. */
export function poolScoresSync(
  x: FloatDeviceTensor,
  options: DeviceOptions<PoolScoresOptions>,
): DeviceTensor<'float32'>;
/** {@link poolScores}, at once on the calling thread. */
export function poolScoresSync(x: FloatTensor, options: PoolScoresOptions): Tensor<'float32'>;
export function poolScoresSync(
  x: AnyTensor<FloatType>,
  options: AnyOptions<PoolScoresOptions>,
): AnyTensor<'float32'> {
  return runSync(prepare(x, readOptions(options)));
}
