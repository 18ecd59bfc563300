import { type ComparedBy, featuresOf } from '../features.js';
import { readOptions, readWord } from '../options.js';
import { step } from '../steps.js';
import { keepChosen } from './choice.js';
import { type KeptOrder, readOrder } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link kCentre}. */
export interface KCentreOptions {
  /** What tokens are compared by where the inputs bring no metric: hidden, the default, or the mean over heads of k. */
  readonly metric?: ComparedBy;
  /** `1 - cosine`, the default, or the Euclidean distance. */
  readonly distance?: 'cosine' | 'l2';
  /** The first choice: the token whose nearest neighbour is farthest, the default, or an index for every row. */
  readonly start?: number | 'isolated';
  /** `'index'` by default; `'score'` is the order of choice, behind the protected ones. */
  readonly order?: KeptOrder;
}

/**
 * Greedy k-centre (Gonzalez 1985), the pruning of DivPrune (Alvar et al. 2025, arXiv 2503.02175): the tokens that stay
 * are spread out, each chosen as the one farthest from its nearest among those before it, so that every token that
 * goes is like one that stays. Protected tokens are chosen first. Needs no scores. See `farthestPoint`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * TypeError `ERR_TOKENSIEVE_TYPE` where there is no budget, or one that is no number of tokens
 */
export function kCentre(options: KCentreOptions = {}): Strategy {
  const { metric = 'hidden', distance = 'cosine', start = 'isolated' } = readOptions(options);
  const order = readOrder(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  readWord('options.distance', distance, ['cosine', 'l2']);
  return function* (decision) {
    const features = yield* featuresOf(decision.tokens, metric, 'kCentre');
    return yield* keepChosen(decision, features, order, 'kCentre', (rows) =>
      step.farthestPoint(rows.features, { ...rows.options, metric: distance, start }),
    );
  };
}
