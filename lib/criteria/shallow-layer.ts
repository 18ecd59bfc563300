import { required } from '../sieve-inputs.js';
import { type Criterion, scoresOf } from './criterion.js';

/** Hands a criterion that reads q and k those of the earlier layer. `reader` is who an error says reads them. */
export function ofShallowLayer(criterion: Criterion, reader: string): Criterion {
  return function* (tokens) {
    const q = required(tokens, 'shallowQ', reader);
    const k = required(tokens, 'shallowK', reader);
    return yield* scoresOf(criterion, { ...tokens, q, k, v: undefined });
  };
}
