import { type ComparedBy, featuresOf } from '../features.js';
import { readOptions, readWord } from '../options.js';
import { step } from '../steps.js';
import { keepChosen } from './choice.js';
import { type KeptOrder, readOrder, requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link dpp}. */
export interface DppOptions {
  /** What tokens are compared by where the inputs bring no metric: hidden, the default, or the mean over heads of k. */
  readonly metric?: ComparedBy;
  /** `'index'` by default; `'score'` is the order of choice, behind the protected ones. */
  readonly order?: KeptOrder;
}

/**
 * Determinantal pruning, as CDPruner does it (arXiv 2506.10967): the tokens that stay are relevant, by their scores,
 * and unlike each other, by their cosines. Each is chosen for what it adds to the determinant of
 * `diag(score) cosines diag(score)`; once none adds anything, by score. Protected tokens are chosen first, and count
 * for the others. See `dppGreedy`.
 *
 * Scores must be finite and not negative: `ERR_TOKENSIEVE_RANGE`. `criteria.combineByWeight` with
 * `normalize: 'range'` brings those of any criterion to 0..1.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` naming the option; from the sieve, TypeError `ERR_TOKENSIEVE_TYPE` where
 * there are no scores, no budget, or one that is no number of tokens
 */
export function dpp(options: DppOptions = {}): Strategy {
  const { metric = 'hidden' } = readOptions(options);
  const order = readOrder(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  return function* (decision) {
    const scores = requiredScores(decision);
    const features = yield* featuresOf(decision.tokens, metric, 'dpp');
    return yield* keepChosen({ ...decision, scores }, features, order, 'dpp', (rows) =>
      step.dppGreedy(rows.features, rows.scores ?? scores, rows.options),
    );
  };
}
