import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions } from '../options.js';
import { readJoin } from './join.js';
import { clusteredMap } from './maps.js';
import type { Strategy } from './strategy.js';
import { readWindows, type WindowOptions } from './windows.js';

/** Options of {@link poolWindows}. */
export interface PoolWindowsOptions extends WindowOptions {
  /** How the tokens of a window are joined: `'mean'`, the default, and `'norm'` weight them by size. */
  readonly reduce?: MergeReduce;
}

/**
 * Pooling, of the transformations of arXiv 2505.18227 (appendix A): each window of neighbours becomes one token,
 * `x'_W = sum over W of w_j x_j / sum of w_j`, w the token sizes. Windows do not overlap; where they do not fit
 * the grid, those at its right and lower borders are smaller. The windows alone decide how many tokens stay, so
 * there is no budget, and no scores are needed.
 *
 * Windows cover the free tokens alone: a protected token, such as a class token in front, stays as it is in its
 * place, a dropped one is no cell. Slots stand in the order of their first tokens.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * RangeError `ERR_TOKENSIEVE_SHAPE` naming `options.grid` where a row has another number of free tokens
 */
export function poolWindows(options: PoolWindowsOptions): Strategy {
  const given = readOptions(options);
  const { reduce = 'mean' } = given;
  const windows = readWindows(given, 'poolWindows');
  const join = readJoin(reduce);
  return (decision) => ({
    map: clusteredMap(decision.tokens, windows(decision).leaders),
    merge: join(decision.tokens),
  });
}
