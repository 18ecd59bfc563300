import { rangeError, typeError } from '../errors.js';
import type { ThresholdRule } from '../ops/select-threshold.js';
import { readInteger, readOptions } from '../options.js';
import type { Budget } from './budget.js';
import { readSchedule, type Schedule } from './schedule.js';

/** Bounds on what a rule may leave. */
export interface ThresholdLimits {
  /** The best are added up to so many; 1 by default. */
  readonly min?: number;
  /** The worst are dropped down to so many; without bound by default. Kept tokens stay even past it. */
  readonly max?: number;
}

/**
 * The tokens whose score passes stay, `s_i > tau` of equation (5) of arXiv 2505.18227; how many, the scores
 * decide row by row.
 *
 * @param rule a score to be above, or a rule of `selectThreshold`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`
 */
export function threshold(rule: number | ThresholdRule, limits: ThresholdLimits = {}): Budget {
  if (typeof rule !== 'number' && (typeof rule !== 'object' || rule === null))
    throw typeError('rule', 'a number or a rule such as { quantile: 0.5 }', rule);
  const amount = { rule: typeof rule === 'number' ? { above: rule } : { ...rule }, ...readLimits(limits) };
  return () => amount;
}

/**
 * The fewest tokens that together hold a share of the row's scores stay, the best first.
 *
 * @param share above 0, at most 1; may be a {@link Schedule}
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`
 */
export function mass(share: Schedule, limits: ThresholdLimits = {}): Budget {
  const bounds = readLimits(limits);
  const shareAt = readSchedule('mass', share, (path, value) => {
    if (!(value > 0 && value <= 1)) throw rangeError(path, 'a number above 0, at most 1', value);
  });
  return (layer) => {
    const value = shareAt(layer);
    return value === undefined ? undefined : { rule: { mass: value }, ...bounds };
  };
}

function readLimits(limits: ThresholdLimits): { min: number; max?: number } {
  const { min = 1, max } = readOptions(limits);
  readInteger('options.min', min, 1);
  if (max === undefined) return { min };
  readInteger('options.max', max, 1);
  if (max < min) throw rangeError('options.max', `an integer from ${min}, the min`, max);
  return { min, max };
}
