import type { AnyOptions, AnyTensor, DeviceOptions, FloatDeviceTensor } from '../device-tensor.js';
import { rangeError, typeError } from '../errors.js';
import type { DeviceRagged, Ragged } from '../ragged.js';
import { elementCount, type FloatTensor, type FloatType } from '../tensor.js';
import {
  type CommonOptions,
  type Invocation,
  readInteger,
  readNumber,
  readOptions,
  readSignal,
  runAsync,
  runSync,
} from './call.js';
import { type RaggedOut, raggedOutput } from './ragged-output.js';
import { readRowsOfScores } from './rows-of-scores.js';
import type { MaskOptions } from './token-rows.js';

/**
 * What a score must pass. The first four are thresholds, read off the row but for `above`, and pass what is
 * strictly greater: t; the p-quantile (numpy's linear one); `Q3 + c * (Q3 - Q1)`; `mean + c * std`, with the
 * std over n - ddof (0 by default). `mass` passes the shortest prefix, best first, whose sum reaches p of the
 * row's.
 */
export type ThresholdRule =
  | { above: number }
  | { quantile: number }
  | { iqr: number }
  | { meanStd: number; ddof?: 0 | 1 }
  | { mass: number };

/** Options of {@link selectThreshold}. */
export interface SelectThresholdOptions extends CommonOptions, MaskOptions {
  /** The best are added up to so many, as far as there are. */
  min?: number;
  /** The worst are dropped down to so many. */
  max?: number;
  /** Arrays to fill: `[R*N]` indices of room, of which the result's are the first, and `[R+1]` offsets. */
  out?: RaggedOut;
}

const ruleNames = ['above', 'quantile', 'iqr', 'meanStd', 'mass'] as const;

function prepare(
  x: AnyTensor<FloatType>,
  rule: ThresholdRule,
  options: AnyOptions<SelectThresholdOptions>,
): Invocation<Ragged | DeviceRagged> {
  const scores = readRowsOfScores(x, options);
  const { number, parameter, ddof } = readRule(rule);
  const rows = elementCount(scores.rowDims);
  const { outputs, result } = raggedOutput(options.out, rows, rows * scores.length, scores.x.data);
  return {
    operation: 'selectThreshold',
    inputs: [scores.x, scores.mask, scores.lengths],
    outputs,
    numbers: [
      number,
      parameter,
      ddof,
      readLimit('options.min', options.min),
      readLimit('options.max', options.max),
    ],
    result,
  };
}

function readRule(value: unknown): { number: number; parameter: number; ddof: number } {
  if (typeof value === 'object' && value !== null) {
    const rule = value as Record<string, unknown>;
    const number = ruleNames.findIndex((name) => rule[name] !== undefined);
    if (number >= 0) {
      const path = `rule.${ruleNames[number]}`;
      const parameter = readNumber(path, rule[ruleNames[number]], 0);
      if (Number.isNaN(parameter)) throw rangeError(path, 'a number', parameter);
      return { number, parameter, ddof: readInteger('rule.ddof', rule.ddof, 0) };
    }
  }
  throw typeError('rule', `an object with one of ${ruleNames.join(', ')}`, value);
}

/** A number of tokens; none crosses as -1. */
function readLimit(path: string, value: unknown): number {
  if (value === undefined) return -1;
  const limit = readInteger(path, value, 0);
  if (limit < 0) throw rangeError(path, 'an integer from 0', limit);
  return limit;
}

/** {@link selectThreshold} of scores on a device, where the indices and their offsets stay. */
export function selectThreshold(
  x: FloatDeviceTensor,
  rule: ThresholdRule,
  options?: DeviceOptions<SelectThresholdOptions>,
): Promise<DeviceRagged>;
/**
 * The tokens of every row whose score passes a rule. Kept tokens (mask 1) are always in, even past `max`;
 * dropped ones (mask 2) are out, and out of the statistics, as scores that are NaN are. Statistics are in
 * float64.
 *
 * @param x `[...,N]`, float32, float16 or bfloat16
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (also for negative scores with
 *   `mass`), `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function selectThreshold(
  x: FloatTensor,
  rule: ThresholdRule,
  options?: SelectThresholdOptions,
): Promise<Ragged>;
export async function selectThreshold(
  x: AnyTensor<FloatType>,
  rule: ThresholdRule,
  options?: AnyOptions<SelectThresholdOptions>,
): Promise<Ragged | DeviceRagged> {
  const given = readOptions(options);
  return runAsync(prepare(x, rule, given), readSignal(given));
}

/** {@link selectThresholdSync} of scores on a device, where the indices and their offsets stay: checks and enqueues. */
export function selectThresholdSync(
  x: FloatDeviceTensor,
  rule: ThresholdRule,
  options?: DeviceOptions<SelectThresholdOptions>,
): DeviceRagged;
/** {@link selectThreshold}, at once on the calling thread. */
export function selectThresholdSync(
  x: FloatTensor,
  rule: ThresholdRule,
  options?: SelectThresholdOptions,
): Ragged;
export function selectThresholdSync(
  x: AnyTensor<FloatType>,
  rule: ThresholdRule,
  options?: AnyOptions<SelectThresholdOptions>,
): Ragged | DeviceRagged {
  return runSync(prepare(x, rule, readOptions(options)));
}
