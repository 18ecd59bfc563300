import { typeError } from '../errors.js';
import { type Criterion, scoresOf } from './criterion.js';

/** The least important first: the control that shows whether a criterion means anything. NaN stays last. */
export function inverse(criterion: Criterion): Criterion {
  if (typeof criterion !== 'function') throw typeError('criterion', 'a criterion', criterion);
  return function* (tokens) {
    const scores = yield* scoresOf(criterion, tokens);
    return { ...scores, data: scores.data.map((score) => -score) };
  };
}
