import { typeError } from '../errors.js';
import { headsOf, headsSideBySide } from '../features.js';
import { required } from '../sieve-inputs.js';
import type { FloatTensor } from '../tensor.js';
import { type Criterion, scoresOf } from './criterion.js';

/**
 * Hands a criterion that reads q and k their heads as one, of `H D` channels: what attention says that looks at the
 * whole token at once. Each key head comes as often as queries read it.
 */
export function headsAsOne(criterion: Criterion): Criterion {
  if (typeof criterion !== 'function') throw typeError('criterion', 'a criterion', criterion);
  return function* (tokens) {
    const { layout } = tokens;
    const q = required(tokens, 'q', 'headsAsOne');
    const k = required(tokens, 'k', 'headsAsOne');
    const heads = headsOf(q, layout);
    return yield* scoresOf(criterion, {
      ...tokens,
      q: oneHead(yield* headsSideBySide(q, layout, heads)),
      k: oneHead(yield* headsSideBySide(k, layout, heads)),
      v: undefined,
      layout: 'bnhd',
    });
  };
}

/** `[B,N,D]` as `[B,N,1,D]`. */
const oneHead = (tensor: FloatTensor): FloatTensor => {
  const [batch, length, channels] = tensor.dims;
  return { ...tensor, dims: [batch, length, 1, channels] };
};
