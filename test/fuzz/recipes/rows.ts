// Operations on rows of scores and of keys, one row at a time.
import assert from 'node:assert/strict';
import type { Ragged, Tensor } from 'tokensieve';
import { poolScores } from '../../reference/pool-scores.js';
import { rotateKeys } from '../../reference/rotate-keys.js';
import { sampleCdf } from '../../reference/sample-cdf.js';
import { assertWithin } from '../../support/assertions.js';
import { errorBudget } from '../../support/error-budget.js';
import { decode } from '../../support/tensors.js';
import { type Recipes, recipe } from '../recipe.js';

const pooled = recipe((draw) => {
  const dims = [draw.batch(), draw.tokens()];
  const [batch, length] = dims;
  const x = draw.anyFloats(dims);
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const pooling = { kernel: draw.pick([1, 3, 5, 51]), mode: draw.pick(['avg', 'max']) };
  const out = draw.chance(0.5) ? { scores: draw.floats(dims) } : undefined;
  return {
    args: [x, { ...pooling, ...(mask && { mask }), ...(out && { out }) }],
    verify: (result) => {
      const { data } = decode(x);
      const row = <A extends Float64Array | Uint8Array>(of: A, r: number) =>
        of.subarray(r * length, (r + 1) * length) as A;
      const expected = Array.from({ length: batch }, (_, r) => [
        ...poolScores(row(data, r), pooling, mask && row(mask, r)),
      ]).flat();
      const allowed = () => 6 * errorBudget.poolScores.ofMagnitude;
      assertWithin(result as Tensor, { data: expected, dims }, allowed, 'scores');
    },
  };
});

const sampled = recipe((draw) => {
  const [batch, length] = [draw.batch(), draw.tokens()];
  const value = draw.chance(0.5) ? () => draw.integer(5) : draw.uniform;
  const scores = draw.numbers(draw.floatType(), [batch, length], value);
  const lengths = draw.chance(0.3) ? draw.lengths(batch, length) : undefined;
  const count = draw.between(0, Math.min(length, ...(lengths ?? [])));
  const out = draw.chance(0.3)
    ? { indices: draw.numbers('int32', [batch * count], () => 0), offsets: draw.int32(batch + 1, () => 0) }
    : undefined;
  return {
    args: [scores, count, { ...(lengths && { lengths }), ...(out && { out }) }],
    verify: (result) => {
      const { indices, offsets } = result as Ragged;
      const { data } = decode(scores);
      for (let r = 0; r < batch; r++) {
        const row = data.subarray(r * length, r * length + (lengths?.[r] ?? length));
        const chosen = Array.from(indices.data.subarray(offsets[r], offsets[r + 1]));
        assert.deepEqual(chosen, sampleCdf(row, count));
      }
    },
  };
});

const rotated = recipe((draw) => {
  const [batch, [, heads], length] = [draw.batch(), draw.heads(), draw.tokens()];
  const pairs = draw.between(1, 20);
  const k = draw.anyFloats([batch, heads, length, 2 * pairs]);
  const [from, to] = [0, 1].map(() => draw.int32(batch * length, () => draw.integer(5000)));
  const interleaved = draw.chance(0.5);
  const sections = draw.chance(0.2) ? [pairs] : undefined;
  const out = draw.chance(0.5) ? { keys: draw.numbers(k.type, k.dims, () => 0) } : undefined;
  return {
    args: [k, from, to, { interleaved, ...(sections && { sections }), ...(out && { out }) }],
    verify: (result) => {
      const shift = (b: number, _head: number, n: number) => to[b * length + n] - from[b * length + n];
      const data = rotateKeys(decode(k), shift, { interleaved });
      const allowed = () => 8 * errorBudget.rotateKeys.ofPair;
      assertWithin(result as Tensor, { data, dims: k.dims }, allowed, 'keys');
    },
  };
});

const decaying = recipe((draw) => {
  const [length, headDim] = [draw.tokens(), 2 * draw.between(1, 20)];
  return {
    args: [{ length, headDim, ...draw.some({ base: () => 1 + draw.uniform() * 1e6 }) }],
    verify: (result) => {
      const decay = result as Float32Array;
      assert.equal(decay.length, length);
      assert.ok(decay[0] === 1 && decay.every((x) => Math.abs(x) <= 1));
    },
  };
});

const correcting = recipe((draw) => {
  const [length, headDim] = [draw.tokens(), 2 * draw.between(1, 20)];
  const floor = draw.pick([0.1, 0.5]);
  return {
    args: [{ length, headDim, floor, ...draw.some({ frequencies: () => draw.float32(headDim / 2) }) }],
    verify: (result) => {
      assert.ok((result as Float32Array).every((x) => x >= 1 && x <= 1.001 / floor));
    },
  };
});

export const rowRecipes: Recipes = {
  gravityCorrection: correcting,
  rotaryDecay: decaying,
  poolScores: pooled,
  rotateKeys: rotated,
  sampleCdf: sampled,
};
