import { rangeError } from '../errors.js';
import { readOptions } from '../options.js';
import { proportionalBias } from '../proportional-bias.js';
import { required } from '../sieve-inputs.js';
import { step } from '../steps.js';
import type { AttentionCriterionOptions } from './attention-received.js';
import type { Criterion } from './criterion.js';

/** Options of {@link tokenEntropy}, as of `attentionScores`. */
export type EntropyOptions = Pick<
  AttentionCriterionOptions,
  'scale' | 'causal' | 'window' | 'softcap' | 'precision' | 'proportional'
>;

/**
 * The entropy score of arXiv 2505.18227, appendix A: a token of low entropy is pruned. The paper leaves open of what;
 * here it is the distribution of the attention that the token pays, `-sum over j of A_ij ln A_ij` in nats, averaged
 * over the heads: a token that looks at a few alone gathers little. Reads q and k, q of as many tokens as k.
 *
 * With `causal` a token sees only those before it, and early ones are low by that alone.
 *
 * @throws from the sieve, RangeError `ERR_TOKENSIEVE_SHAPE` naming `inputs.q`
 */
export function tokenEntropy(options: EntropyOptions = {}): Criterion {
  const { proportional = false, ...attention } = readOptions(options);
  return function* (tokens) {
    const { batch, length, mask, sizes, layout } = tokens;
    const q = required(tokens, 'q', 'tokenEntropy');
    const k = required(tokens, 'k', 'tokenEntropy');
    if (q.dims[layout === 'bnhd' ? 1 : 2] !== length)
      throw rangeError('inputs.q.dims', `of ${length} tokens, as k`, q.dims, 'ERR_TOKENSIEVE_SHAPE');
    const { entropy } = yield* step.attentionScores(q, k, {
      ...attention,
      layout,
      entropy: true,
      ...(mask && { mask, queryMask: mask }),
      ...(proportional && sizes && { bias: proportionalBias(sizes) }),
    });
    return { type: 'float32', data: meanOverHeads(entropy!, batch, length), dims: [batch, length] };
  };
}

/** `[B,H,N]` as `[B * N]`. */
function meanOverHeads(
  { data, dims: [, heads] }: { readonly data: Float32Array; readonly dims: readonly number[] },
  batch: number,
  length: number,
): Float32Array {
  return Float32Array.from({ length: batch * length }, (_, i) => {
    const first = Math.floor(i / length) * heads * length + (i % length);
    let sum = 0;
    for (let head = 0; head < heads; head++) sum += data[first + head * length];
    return sum / heads;
  });
}
