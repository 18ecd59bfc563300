import { readOptions, readThreshold } from '../options.js';
import { type BipartiteMergeOptions, bipartiteMerge } from './bipartite-merge.js';
import type { Strategy } from './strategy.js';

/** Options of {@link thresholdMerge}. */
export interface ThresholdMergeOptions extends BipartiteMergeOptions {
  /** The cosine from which on two tokens merge. */
  readonly threshold: number;
}

/**
 * Merging by threshold, equation (3) of arXiv 2505.18227 and the merge branch of its Algorithm 1: tokens with
 * `Sim(x_i, x_j) = x_i.x_j / (||x_i|| ||x_j||) > tau` merge, into the mean weighted by size of equation (6). How
 * many stay, the tokens decide row by row; a budget, where there is one, limits how many may go.
 *
 * The equation leaves open what becomes of a token in several such pairs. Here the pairs are those of bipartite
 * matching: each source goes to its most similar destination, and to that alone, so that no chain of pairs joins
 * tokens that are unlike; at most half of the free tokens go in a round.
 * A similarity of exactly tau is enough.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function thresholdMerge(options: ThresholdMergeOptions): Strategy {
  const { threshold } = readOptions(options);
  readThreshold('options.threshold', threshold);
  return bipartiteMerge(options);
}
