import { prunedMap } from './maps.js';
import { type KeptOrder, ordered, readOrder, requiredScores, selectTokens } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link prune}. */
export interface PruneOptions {
  /** `'index'` by default. */
  readonly order?: KeptOrder;
}

/** Hard pruning, equation (5) of arXiv 2505.18227: the tokens that score best stay, the others are dropped. */
export function prune(options: PruneOptions = {}): Strategy {
  const order = readOrder(options);
  return function* (decision) {
    const kept = yield* selectTokens(decision);
    const indices = ordered(kept, order, decision.tokens, requiredScores(decision));
    return { map: prunedMap(decision.tokens, indices, kept.offsets) };
  };
}
