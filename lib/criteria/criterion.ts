import { rangeError } from '../errors.js';
import type { Tokens } from '../sieve-inputs.js';
import { isSteps, type Steps } from '../steps.js';
import { copyArray, readTensor, type Tensor } from '../tensor.js';

/**
 * E of `X' = P(X, E(X))`: an importance score for every token, float32 `[B,N]`; the higher is kept. Scores of
 * tokens masked 2 mean nothing. A plain function where it needs no op; one that does is written as steps, so
 * that one body serves `reduce` and `reduceSync`.
 */
export type Criterion = (tokens: Tokens) => Steps<Tensor<'float32'>> | Tensor<'float32'>;

/** Asks a criterion, which may be anyone's, and checks what it says. */
export function* scoresOf(criterion: Criterion, tokens: Tokens): Steps<Tensor<'float32'>> {
  const { batch, length } = tokens;
  const asked = criterion(tokens);
  const scores = readTensor('scores', isSteps(asked) ? yield* asked : asked, ['float32']);
  const data = copyArray('scores', scores.data);
  if (data.length === batch * length) return { type: 'float32', data, dims: [batch, length] };
  const expected = `[${batch},${length}], one for each token`;
  throw rangeError('scores.dims', expected, scores.dims, 'ERR_TOKENSIEVE_SHAPE');
}
