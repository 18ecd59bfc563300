// How much the tokens of a picture have to do with a text, in a space that both share, such as CLIP's.
import { typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { required, type Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { freeAlone } from '../strategies/among-free.js';
import { type FloatTensor, zeros } from '../tensor.js';
import { adoptTokenMap } from '../token-map.js';
import type { Criterion } from './criterion.js';

/** Options of {@link textSimilarity} and {@link textSoftmax}. */
export interface TextRelevanceOptions {
  /**
   * 1 where tokens like the text rank high. -1, the default, where those least like it do: the patches of CLIP, as it
   * comes, are the less like a text the more they show of what it says.
   */
  readonly sign?: 1 | -1;
}

/**
 * The mean cosine of a token with those of the text that are not dropped, times the sign; with a text that has none it
 * is 0. Reads imageEmbeds, textEmbeds and, where it is given, textMask. The text's mean direction has the type of
 * `textEmbeds`.
 */
export function textSimilarity(options: TextRelevanceOptions = {}): Criterion {
  const sign = readSign(options);
  return function* (tokens) {
    const { batch, length } = tokens;
    const image = required(tokens, 'imageEmbeds', 'textSimilarity');
    const text = yield* meanDirection(tokens, required(tokens, 'textEmbeds', 'textSimilarity'));
    const scores = zeros('float32', [batch, length]);
    if (text.dims[1] === 0) return scores;
    const { values } = yield* step.similarityArgmax(image, text, {});
    // A cosine with the mean of unit vectors is the mean of cosines but for the length of that mean.
    const lengths = yield* step.tokenNorms(text, {});
    for (let i = 0; i < batch * length; i++)
      scores.data[i] = sign * values.data[i] * lengths.data[Math.floor(i / length)];
    return scores;
  };
}

/**
 * The softmax over the free tokens of each one's product with a token of the text, times the sign; the mean over the
 * text's tokens that are not dropped. Reads imageEmbeds, textEmbeds and, where it is given, textMask.
 */
export function textSoftmax(options: TextRelevanceOptions = {}): Criterion {
  const sign = readSign(options);
  return function* (tokens) {
    const { batch, length, textMask } = tokens;
    const image = required(tokens, 'imageEmbeds', 'textSoftmax');
    const text = required(tokens, 'textEmbeds', 'textSoftmax');
    const [, words, channels] = text.dims;
    const { mask } = freeAlone(tokens);
    const { scores } = yield* step.attentionScores(
      { ...text, dims: [batch, 1, words, channels] },
      { ...image, dims: [batch, 1, length, channels] },
      { scale: sign, ...(mask && { mask }), ...(textMask && { queryMask: textMask }) },
    );
    return scores;
  };
}

function readSign(options: TextRelevanceOptions): 1 | -1 {
  const { sign = -1 } = readOptions(options);
  if (sign !== 1 && sign !== -1) throw typeError('options.sign', '1 or -1', sign);
  return sign;
}

/** `[B,1,D]`: the mean of the text's tokens at length 1; `[B,0,D]` where no row has any, zeros where some have. */
function* meanDirection({ batch, textMask }: Tokens, text: FloatTensor): Steps<FloatTensor> {
  const words = text.dims[1];
  const norms = yield* step.tokenNorms(text, {});
  const members: number[] = [];
  const offsets = [0];
  const outputLengths = new Int32Array(batch);
  const weights = new Float32Array(batch * words);
  const assignment = new Int32Array(batch * words).fill(-1);
  for (let row = 0; row < batch; row++) {
    const start = members.length;
    for (let i = 0; i < words; i++) if (textMask?.[row * words + i] !== 2) members.push(i);
    const own = members.slice(start);
    if (own.length === 0) continue;
    outputLengths[row] = 1;
    offsets.push(members.length);
    for (const i of own) {
      const norm = norms.data[row * words + i];
      assignment[row * words + i] = 0;
      weights[row * words + i] = norm > leastNorm ? 1 / (norm * own.length) : 0;
    }
  }
  const map = adoptTokenMap({
    rowDims: [batch],
    inputLength: words,
    outputLengths,
    offsets: Int32Array.from(offsets),
    members: Int32Array.from(members),
    weights: undefined,
    assignment,
    isPartition: true,
  });
  return (yield* step.mergeTokens(text, map, { weights, reduce: 'sum' })).tokens;
}

/** One over it is finite in float32; a shorter vector has no direction to speak of. */
const leastNorm = 1e-36;
