// Tokens of a vision encoder, and in float64 what methods over them go by: plain loops, nothing of the package.
import assert from 'node:assert/strict';
import type { FloatTensor, SieveInputs } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { seeded } from './random.js';
import { decode, randomTensor, type Values } from './tensors.js';

export interface EncoderShape {
  /** Tokens of a row, the class token included. */
  readonly length: number;
  readonly batch?: number;
  readonly channels?: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly seed?: number;
}

export interface EncoderTokens extends SieveInputs {
  readonly q: FloatTensor;
  readonly k: FloatTensor;
  readonly shallowQ: FloatTensor;
  readonly shallowK: FloatTensor;
}

/** Random tokens and the attention of two layers. */
export function encoderTokens(shape: EncoderShape): EncoderTokens {
  const { length, batch = 1, channels = 5, heads = 2, keyHeads = heads, seed = 1 } = shape;
  const random = seeded(seed);
  const draw = (...dims: number[]) => randomTensor(random, 'float32', dims);
  return {
    hidden: draw(batch, length, channels),
    q: draw(batch, heads, length, 4),
    k: draw(batch, keyHeads, length, 4),
    shallowQ: draw(batch, heads, length, 4),
    shallowK: draw(batch, keyHeads, length, 4),
  };
}

/** Attention that each token of a row receives, averaged over heads, and over queries where all are asked. */
export function attentionTo(
  queries: FloatTensor,
  keys: FloatTensor,
  asked: 'first' | 'all' = 'first',
  row = 0,
): number[] {
  const { scores } = attentionScores(decode(queries), decode(keys), { queries: asked });
  const { data, dims } = scores;
  return Array.from(data.subarray(row * dims[1], (row + 1) * dims[1]));
}

/** Token i of a row of `[B,N,C]`. */
export function tokenAt({ data, dims }: Values, i: number, row = 0): number[] {
  const start = (row * dims[1] + i) * dims[2];
  return Array.from(data.subarray(start, start + dims[2]));
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i], 0);
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms === 0 ? 0 : dot(a, b) / norms;
}

/** The k of some tokens that score best, best first; of equal ones the first listed. */
export function best(scores: readonly number[], among: readonly number[], k: number): number[] {
  return [...among].sort((i, j) => scores[j] - scores[i]).slice(0, k);
}

export const ascending = (tokens: readonly number[]): number[] => [...tokens].sort((a, b) => a - b);

/** Every number of a result beside what is expected. */
export function assertNear(actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) <= tolerance, `${i}: ${actual[i]}, not ${value}`);
  });
}

/** numpy's linear quantile. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

/** How many are past the third quartile by more than 1.5 times the distance of the first from it. */
export function outlierCount(values: readonly number[]): number {
  const [first, third] = [quantile(values, 0.25), quantile(values, 0.75)];
  return values.filter((value) => value > third + 1.5 * (third - first)).length;
}

/** Integers from one up to, not including, another. */
export const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);

/** The mean over heads of the keys of token i. */
export function meanKey(keys: FloatTensor, i: number, row = 0): number[] {
  const { data, dims } = decode(keys);
  const [, heads, length, depth] = dims;
  return range(0, depth).map((c) =>
    range(0, heads).reduce((sum, h) => sum + data[((row * heads + h) * length + i) * depth + c] / heads, 0),
  );
}

/** The weighted sum of tokens of a row. */
export function sumOf(
  hidden: Values,
  members: readonly number[],
  weights: readonly number[],
  row = 0,
): number[] {
  return tokenAt(hidden, 0, row).map((_, c) =>
    members.reduce((sum, i, m) => sum + weights[m] * tokenAt(hidden, i, row)[c], 0),
  );
}

/** The plain means of tokens of a row, one list of members after another. */
export function meansOf(hidden: Values, slots: readonly (readonly number[])[], row = 0): number[] {
  return slots.flatMap((members) =>
    sumOf(
      hidden,
      members,
      members.map(() => 1 / members.length),
      row,
    ),
  );
}
