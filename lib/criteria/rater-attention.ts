import { typeError } from '../errors.js';
import { readInteger, readOptions } from '../options.js';
import type { Ragged } from '../ragged.js';
import { byScore } from '../ranking.js';
import { required, type Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { raggedOf } from '../strategies/nearest.js';
import type { Tensor } from '../tensor.js';
import type { Criterion } from './criterion.js';
import { type GravityOptions, gravityOf } from './gravity.js';
import { chosenQueries, textBehind } from './queries.js';

/** Options of {@link raterAttention}. */
export interface RaterAttentionOptions extends GravityOptions {
  /** The heads that count: so many that turn most to the free tokens. All by default. */
  readonly heads?: number;
  /**
   * Evens out what rotary embeddings take from the attention to far tokens, by their positions, as `gravityCorrection`
   * does with the options of that name; false by default.
   */
  readonly gravity?: boolean;
}

/**
 * Attention from the text that has to do with the picture, as SparseVLM scores (Zhang et al. 2024, arXiv 2410.04417):
 * causal, the mean over raters and heads. Raters are those tokens of the text behind the free tokens to which these turn
 * more than to the mean text token, in `softmax over text of x_i . t_j`, averaged over the free tokens i; where none
 * stands out, all of that text. Compared are `metric`, or hidden where the inputs bring none: the paper takes the
 * embeddings that enter the first layer. A row without text is rated by all of its tokens.
 *
 * Reads q and k. Where q has fewer rows than there are tokens they are the last ones', and all of them rate.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function raterAttention(options: RaterAttentionOptions = {}): Criterion {
  const { heads, gravity = false } = readOptions(options);
  if (heads !== undefined) readInteger('options.heads', heads, 1);
  if (typeof gravity !== 'boolean') throw typeError('options.gravity', 'true or false', gravity);
  const correction = gravity ? gravityOf(options) : undefined;
  return function* (tokens) {
    const q = required(tokens, 'q', 'raterAttention');
    const k = required(tokens, 'k', 'raterAttention');
    const { batch, length, layout, mask } = tokens;
    const ofTokens = q.dims[layout === 'bnhd' ? 1 : 2] === length;
    const { scores } = yield* step.attentionScores(q, k, {
      layout,
      causal: true,
      ...(mask && { mask }),
      ...(ofTokens && chosenQueries(yield* ratersOf(tokens), batch)),
      ...correction?.(tokens, q.dims[3]),
      heads: heads === undefined ? 'mean' : 'none',
    });
    return heads === undefined ? scores : overBestHeads(tokens, scores, heads);
  };
}

/** `[B * N]`: 1 for a token that rates, else 0. */
function* ratersOf(tokens: Tokens): Steps<Uint8Array> {
  const { batch, length, mask } = tokens;
  const asked = textBehind(tokens);
  const raters = new Uint8Array(batch * length);
  const places = Array.from({ length: batch }, (_, row) =>
    placesOf(asked.subarray(row * length, (row + 1) * length)),
  );
  const { indices, offsets } = yield* standingOut(tokens, places);
  for (let row = 0; row < batch; row++) {
    const found = Array.from(indices.data.subarray(offsets[row], offsets[row + 1]), (at) => places[row][at]);
    for (const i of found.length > 0 ? found : places[row]) raters[row * length + i] = 1;
    if (places[row].length > 0) continue;
    for (let at = row * length; at < (row + 1) * length; at++) raters[at] = Number(mask?.[at] !== 2);
  }
  return raters;
}

const placesOf = (chosen: Uint8Array): number[] => [...chosen.keys()].filter((i) => chosen[i] === 1);

/** Of each row's text those that the free tokens turn to more than to the mean one, by their place in its list. */
function* standingOut(
  { batch, length, mask, metric, hidden }: Tokens,
  text: readonly number[][],
): Steps<Ragged> {
  const most = text.reduce((longest, list) => Math.max(longest, list.length), 0);
  if (most === 0) return raggedOf(text);
  const embeds = metric ?? hidden;
  const channels = embeds.dims[2];
  const asked = yield* step.gatherRagged(embeds, raggedOf(text), {});
  const there = Uint8Array.from({ length: batch * most }, (_, at) =>
    at % most < text[Math.floor(at / most)].length ? 0 : 2,
  );
  const free = Uint8Array.from({ length: batch * length }, (_, at) => Number(!mask?.[at]));
  const { scores } = yield* step.attentionScores(
    { ...embeds, dims: [batch, 1, length, channels] },
    { ...asked.tokens, dims: [batch, 1, most, channels] },
    { scale: 1, mask: there, ...chosenQueries(free, batch) },
  );
  return yield* step.selectThreshold(scores, { meanStd: 0 }, { mask: there });
}

/** `[B,N]`: the mean over those heads of `[B,H,N]` whose scores of the free tokens sum to most. */
function overBestHeads(
  { batch, length, mask }: Tokens,
  scores: Tensor<'float32'>,
  most: number,
): Tensor<'float32'> {
  const heads = scores.dims[1];
  const mean = new Float32Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const of = (head: number, i: number) => scores.data[(row * heads + head) * length + i];
    const sums = new Float64Array(heads);
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < length; i++) if (!mask?.[row * length + i]) sums[head] += of(head, i);
    const best = [...sums.keys()].sort(byScore(sums)).slice(0, most);
    for (let i = 0; i < length; i++) {
      const sum = best.reduce((total, head) => total + of(head, i), 0);
      mean[row * length + i] = sum / best.length;
    }
  }
  return { type: 'float32', data: mean, dims: [batch, length] };
}
