import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HolovOptions, holov } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  ascending,
  attentionTo,
  best,
  cosine,
  encoderTokens,
  range,
  tokenAt,
} from '../support/encoder-tokens.js';
import { membersOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const patches = 27;
const inputs = encoderTokens({ length: 1 + patches, heads: 4, keyHeads: 2, seed: 6 });
const tokens = range(0, 1 + patches).map((i) => tokenAt(decode(inputs.hidden), i));
const attention = attentionTo(inputs.q, inputs.k);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

/** The patches in so many crops, the first longer by one where they are not even. */
function cropped(count: number): number[][] {
  const sizes = range(0, count).map((p) => Math.floor(patches / count) + Number(p < patches % count));
  return sizes.map((size, p) => range(1 + sum(sizes.slice(0, p)), 1 + sum(sizes.slice(0, p)) + size));
}

/** Variance of a token's cosines with the others of its crop; the authors leave a 0 for itself among them. */
function variance(i: number, crop: readonly number[], isAuthors: boolean): number {
  if (crop.length < 2) return 0;
  const cosines = crop.filter((j) => j !== i).map((j) => cosine(tokens[i], tokens[j]));
  const middle = mean(cosines);
  const entries = isAuthors ? [...cosines, 0] : cosines;
  return sum(entries.map((value) => (value - middle) ** 2)) / cosines.length;
}

function weights(crops: readonly number[][], alpha: number, beta: number, isAuthors: boolean): number[] {
  const scaled = crops.map((crop) => crop.map((i) => 1e3 * attention[i]));
  const variances = crops.map((crop) => crop.map((i) => variance(i, crop, isAuthors)));
  return crops.map((crop, p) => {
    if (isAuthors && crop.length < 2) return attention[crop[0]];
    const scale = isAuthors
      ? mean(scaled[p]) / (mean(variances[p]) + 1e-6)
      : mean(scaled.flat()) / Math.max(mean(variances.flat()), 1e-9);
    return mean(crop.map((_, at) => alpha * scaled[p][at] + beta * scale * variances[p][at]));
  });
}

/** The patches that stay, crop after crop. */
function chosen(count: number, { crops = 16, alpha = 1, beta = 0.09 }, isAuthors: boolean): number[] {
  const parts = cropped(crops);
  const scores = weights(parts, alpha, beta, isAuthors);
  const total = sum(scores) + (isAuthors ? 1e-6 : 0);
  const shares = scores.map((score) => Math.floor((score / total) * count));
  const order = best(scores, range(0, crops), crops);
  for (const p of order.slice(0, count - sum(shares))) shares[p]++;
  parts.forEach((part, p) => {
    shares[p] = Math.min(shares[p], part.length);
  });
  while (!isAuthors && sum(shares) < count)
    for (const p of order) if (sum(shares) < count && shares[p] < parts[p].length) shares[p]++;
  return parts.flatMap((part, p) => best(attention, part, shares[p]));
}

const kept = (options: HolovOptions) => membersOf(holov(options).reduceSync(inputs).map, 0).flat();

describe('holov', () => {
  for (const [count, more] of [
    [12, {}],
    [13, { crops: 4 }],
    [9, { crops: 5, alpha: 0.2, beta: 3 }],
    [20, { crops: 4, beta: 5 }],
    [25, { crops: 9 }],
    [27, { crops: 4 }],
    [1, { crops: 4 }],
    [14, { crops: 27 }],
  ] as const)
    it(`keeps exactly ${count} by the shares of crops, with ${JSON.stringify(more)}`, () => {
      const expected = ascending(chosen(count, more, false));
      assert.equal(expected.length, count);
      assert.deepEqual(kept({ count, ...more }), [0, ...expected]);
      assert.deepEqual(kept({ count, ...more, reference: 'authors' }), [0, ...chosen(count, more, true)]);
    });

  it('cuts no more crops than there are tokens, and rounds a fraction down', () => {
    assert.deepEqual(kept({ count: 5, crops: 99 }), kept({ count: 5, crops: 27 }));
    assert.equal(kept({ keep: 0.35 }).length, 1 + 9);
    assert.equal(kept({ ratio: 0.5 }).length, 1 + 13);
  });

  it('shares evenly where nothing is attended to', () => {
    const scores = { type: 'float32', data: new Float32Array(28), dims: [1, 28] } as const;
    const left = holov({ count: 8, crops: 4 }).reduceSync({ ...inputs, scores });
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, 1, 2, 8, 9, 15, 16, 22, 23]);
    const authors = holov({ count: 8, crops: 4, reference: 'authors' }).reduceSync({ ...inputs, scores });
    assert.deepEqual(membersOf(authors.map, 0).flat(), [0, 1, 8, 15, 22]);
  });

  it('names what is wrong', () => {
    const create = holov as (options: unknown) => unknown;
    for (const [name, value] of [
      ['crops', 0],
      ['crops', 1.5],
      ['alpha', -1],
      ['beta', Number.NaN],
    ] as const)
      assert.throws(
        () => create({ keep: 0.5, [name]: value }),
        isArgumentError('ERR_TOKENSIEVE_RANGE', `options.${name}`, value),
      );
    assert.throws(
      () => create({ keep: 0.5, beta: '1' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.beta'),
    );
  });
});
