import type { AnyOptions, AnyTensor, DeviceOptions, FloatDeviceTensor } from '../device-tensor.js';
import { typeError } from '../errors.js';
import type { DeviceRagged, Ragged } from '../ragged.js';
import { elementCount, type FloatTensor, type FloatType } from '../tensor.js';
import {
  type CommonOptions,
  type Invocation,
  readInteger,
  readOptions,
  readSignal,
  runAsync,
  runSync,
} from './call.js';
import { type RaggedOut, raggedOutput } from './ragged-output.js';
import { readRowsOfScores } from './rows-of-scores.js';
import type { MaskOptions } from './token-rows.js';

/** Options of {@link sampleCdf}. */
export interface SampleCdfOptions extends CommonOptions, MaskOptions {
  /** Arrays to fill: `[R*count]` indices of room, of which the result's are the first, and `[R+1]` offsets. */
  out?: RaggedOut;
}

function prepare(
  scores: AnyTensor<FloatType>,
  count: number,
  options: AnyOptions<SampleCdfOptions>,
): Invocation<Ragged | DeviceRagged> {
  const rows = readRowsOfScores(scores, options, 'scores');
  if (typeof count !== 'number') throw typeError('count', 'an integer', count);
  const samples = readInteger('count', count, 0);
  const total = elementCount(rows.rowDims);
  // A count that no row has is refused before a result of that size would be made.
  const room = samples >= 0 && samples <= rows.length ? total * samples : 0;
  const { outputs, result } = raggedOutput(options.out, total, room, rows.x.data);
  return {
    operation: 'sampleCdf',
    inputs: [rows.x, rows.mask, rows.lengths],
    outputs,
    numbers: [samples],
    result,
  };
}

/** {@link sampleCdf} of scores on a device, where the indices and their offsets stay. */
export function sampleCdf(
  scores: FloatDeviceTensor,
  count: number,
  options?: DeviceOptions<SampleCdfOptions>,
): Promise<DeviceRagged>;
/**
 * Inverse-transform sampling of every row, at even points and so without chance (adaptive token sampling, Fayyaz et al.
 * 2022, arXiv 2111.15667, as its authors' code does it): high scores are picked one by one, low ones as many together
 * as make up a step, and a token picked twice is there once, so that a row keeps `count` tokens or fewer.
 *
 * The free tokens in ascending order of score (equal ones by index) have cumulative sums `c_0` to `c_(F-1)`, brought to
 * `y_j = (c_j - c_0) / (c_(F-1) - c_0)`. Each of K points, even from the least y above 0 up to 1, picks the token of
 * the nearest y, the first of those as near; a single point is 1. Kept tokens (mask 1) are always in and take part in
 * nothing else: K is `count` less their number. Dropped ones (mask 2) are out. Scores that are all 0 count as equal, an
 * infinite one as everything; NaN takes part only where no free score is a number.
 *
 * @param scores `[...,N]`, from 0; float32, float16 or bfloat16
 * @param count from the number of kept tokens to the number of those not dropped, in every row
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (also for negative scores),
 *   `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function sampleCdf(scores: FloatTensor, count: number, options?: SampleCdfOptions): Promise<Ragged>;
export async function sampleCdf(
  scores: AnyTensor<FloatType>,
  count: number,
  options?: AnyOptions<SampleCdfOptions>,
): Promise<Ragged | DeviceRagged> {
  const given = readOptions(options);
  return runAsync(prepare(scores, count, given), readSignal(given));
}

/** {@link sampleCdfSync} of scores on a device, where the indices and their offsets stay: checks and enqueues. */
export function sampleCdfSync(
  scores: FloatDeviceTensor,
  count: number,
  options?: DeviceOptions<SampleCdfOptions>,
): DeviceRagged;
/** {@link sampleCdf}, at once on the calling thread. */
export function sampleCdfSync(scores: FloatTensor, count: number, options?: SampleCdfOptions): Ragged;
export function sampleCdfSync(
  scores: AnyTensor<FloatType>,
  count: number,
  options?: AnyOptions<SampleCdfOptions>,
): Ragged | DeviceRagged {
  return runSync(prepare(scores, count, readOptions(options)));
}
