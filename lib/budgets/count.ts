import { rangeError, typeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import type { RowTokens } from '../sieve-inputs.js';
import type { Budget } from './budget.js';
import { type Rounding, readSchedule, roundCount, type Schedule } from './schedule.js';

/** How a fraction of tokens is counted. */
export interface FractionOptions {
  /** `'floor'` by default: Algorithm 1 of arXiv 2505.18227, `M = floor(N * (1 - ratio))`. */
  readonly rounding?: Rounding;
  /**
   * `'all'`, the default: of all tokens, kept ones included. `'free'`: of the others, kept ones staying besides; so
   * too where a number of tokens is counted. A number: of so many, such as the free tokens before the first layer, kept
   * ones staying besides.
   */
  readonly of?: 'all' | 'free' | number;
}

/** How many tokens stay, said in one of three ways; see {@link count}, {@link keep} and {@link ratio}. */
export type CountOptions =
  | { readonly count: Schedule; readonly keep?: undefined; readonly ratio?: undefined }
  | { readonly keep: Schedule; readonly count?: undefined; readonly ratio?: undefined }
  | { readonly ratio: Schedule; readonly count?: undefined; readonly keep?: undefined };

/**
 * So many tokens stay; a row that has fewer keeps all.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`, as all of these
 */
export function count(tokens: Schedule): Budget {
  return countBudget('count', 'count', tokens);
}

/** A fraction of the tokens stays: above 0, at most 1. */
export function keep(fraction: Schedule, options: FractionOptions = {}): Budget {
  return countBudget('keep', 'keep', fraction, options);
}

/** A fraction of the tokens goes: from 0, below 1. */
export function ratio(fraction: Schedule, options: FractionOptions = {}): Budget {
  return countBudget('ratio', 'ratio', fraction, options);
}

/** So many tokens go. */
export function remove(r: Schedule): Budget {
  return countBudget('r', 'r', r);
}

/** The budget of a method that is told in one of several ways. */
export function budgetOf(options: CountOptions, counting: FractionOptions = {}): Budget {
  const given = (['count', 'keep', 'ratio'] as const).filter(
    (way) => readOptions(options)[way] !== undefined,
  );
  const [way] = given;
  if (way === undefined || given.length > 1)
    throw typeError('options', 'an object with one of count, keep and ratio', given.join(' and ') || options);
  return countBudget(`options.${way}`, way, options[way] as Schedule, counting);
}

/** The ways of saying how many: the check of a value, and the tokens that stay by it. */
const ways = {
  count: {
    check: (path: string, value: number) => {
      if (!Number.isSafeInteger(value) || value < 1) throw rangeError(path, 'an integer from 1', value);
    },
    stay: (value: number, { kept }: RowTokens, { of }: Required<FractionOptions>) =>
      value + (of === 'all' ? 0 : kept),
  },
  keep: {
    check: (path: string, value: number) => {
      if (!(value > 0 && value <= 1)) throw rangeError(path, 'a number above 0, at most 1', value);
    },
    stay: fractionOf,
  },
  ratio: {
    check: (path: string, value: number) => {
      if (!(value >= 0 && value < 1)) throw rangeError(path, 'a number from 0, below 1', value);
    },
    stay: (value: number, row: RowTokens, options: Required<FractionOptions>) =>
      fractionOf(1 - value, row, options),
  },
  r: {
    check: (path: string, value: number) => {
      if (!Number.isSafeInteger(value) || value < 0) throw rangeError(path, 'an integer from 0', value);
    },
    stay: (value: number, { tokens }: RowTokens) => tokens - value,
  },
};

/** A budget by any way; errors name the schedule by `path`. */
export function countBudget(
  path: string,
  way: keyof typeof ways,
  schedule: Schedule,
  options: FractionOptions = {},
): Budget {
  const { rounding = 'floor', of = 'all' } = readOptions(options);
  readWord('options.rounding', rounding, ['floor', 'ceil', 'round', 'truncate']);
  if (typeof of !== 'number') readWord('options.of', of, ['all', 'free']);
  else if (!Number.isSafeInteger(of) || of < 0) throw rangeError('options.of', 'an integer from 0', of);
  const { check, stay } = ways[way];
  const valueAt = readSchedule(path, schedule, check);
  return (layer) => {
    const value = valueAt(layer);
    return value === undefined ? undefined : { count: (row) => stay(value, row, { rounding, of }) };
  };
}

function fractionOf(
  fraction: number,
  { tokens, kept }: RowTokens,
  { of, rounding }: Required<FractionOptions>,
): number {
  const apart = of === 'all' ? 0 : kept;
  const whole = typeof of === 'number' ? of : tokens - apart;
  return apart + roundCount(whole * fraction, Math.max(whole, tokens), rounding);
}
