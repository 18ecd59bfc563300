import { typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { required, type Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { type FloatTensor, zeros } from '../tensor.js';
import { TokenMap } from '../token-map.js';
import type { Criterion } from './criterion.js';

/** Options of {@link meanQueryAttention}. */
export interface MeanQueryOptions {
  /** Multiplies by the L2 norm of the hidden state; true by default. */
  readonly norm?: boolean;
}

/**
 * What the mean query attends to, the efficient unimportant-token identification of PACT (Dhouib et al. 2025, arXiv
 * 2504.08966): `s_i = ||x_i|| * mean over heads of softmax(mean of q . k_i / sqrt(D))`. The mean is over the free
 * tokens' queries, the softmax over their keys: no text, no matrix of attention, and no preference for late or early
 * places. Kept tokens score 0.
 *
 * Reads q and k. Where q has another number of rows than there are tokens, the mean is over all of them.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` naming the option
 */
export function meanQueryAttention(options: MeanQueryOptions = {}): Criterion {
  const { norm = true } = readOptions(options);
  if (typeof norm !== 'boolean') throw typeError('options.norm', 'true or false', norm);
  return function* (tokens) {
    const { batch, length, layout, mask, rows, hidden } = tokens;
    const q = required(tokens, 'q', 'meanQueryAttention');
    const k = required(tokens, 'k', 'meanQueryAttention');
    if (rows.every(({ tokens: all, kept }) => all === kept)) return zeros('float32', [batch, length]);
    const free = Uint8Array.from({ length: batch * length }, (_, at) => (mask?.[at] ? 2 : 0));
    const mean = yield* meanQuery(tokens, q);
    const { scores } = yield* step.attentionScores(mean, k, { layout, mask: free });
    if (!norm) return scores;
    const norms = yield* step.tokenNorms(hidden, {});
    return { ...scores, data: scores.data.map((score, at) => score * norms.data[at]) };
  };
}

/**
 * `[B,H,1,D]`, or `[B,1,H,D]` by layout: the queries of each head, or of all heads side by side, merge into one; zeros
 * where no token is free.
 */
function* meanQuery({ batch, length, layout, mask }: Tokens, q: FloatTensor): Steps<FloatTensor> {
  const [, first, second, channels] = q.dims;
  const [heads, queries, width] =
    layout === 'bnhd' ? [1, first, second * channels] : [first, second, channels];
  const assignment = new Int32Array(batch * heads * queries);
  const outputLengths = new Int32Array(batch * heads).fill(1);
  for (let row = 0; row < batch && queries === length && mask; row++) {
    const own = assignment.subarray(0, queries).map((_, i) => (mask[row * length + i] === 0 ? 0 : -1));
    if (!own.includes(0)) outputLengths.fill(0, row * heads, (row + 1) * heads);
    for (let head = row * heads; head < (row + 1) * heads; head++) assignment.set(own, head * queries);
  }
  const map = TokenMap.fromAssignment(
    { type: 'int32', data: assignment, dims: [batch * heads, queries] },
    { outputLengths },
  );
  const merged = yield* step.mergeTokens({ ...q, dims: [batch * heads, queries, width] }, map, {});
  return {
    ...merged.tokens,
    dims: layout === 'bnhd' ? [batch, 1, second, channels] : [batch, heads, 1, channels],
  };
}
