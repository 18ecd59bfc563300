// similarityArgmax with precision 'fast': what it may choose, and where it must choose as exactly as without.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type FloatTensor,
  type FloatType,
  info,
  type SimilarityArgmaxOptions,
  type SimilarityMetric,
  similarityArgmax,
  similarityArgmaxSync,
  type Tensor,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { testContract } from '../support/contract.js';
import { randomMask } from '../support/masks.js';
import { type Random, seeded } from '../support/random.js';
import { emptyTensor, floatTypes, randomTensor, tensorOf, viewOf } from '../support/tensors.js';

const metrics = ['cosine', 'dot', 'l2'] as const satisfies readonly SimilarityMetric[];

/** The same tokens, and to the last bit the same similarities, as without. */
function assertAsExact(a: FloatTensor, b: FloatTensor, options: SimilarityArgmaxOptions): void {
  const exact = similarityArgmaxSync(a, b, options);
  const fast = similarityArgmaxSync(a, b, { ...options, precision: 'fast' });
  assertSameBits(fast.indices, exact.indices);
  assertSameBits(fast.values, exact.values);
}

/** Of tokens and candidates the nearest is far ahead: each token of a is one of b, and some noise. */
function separated(
  random: Random,
  [B, Na, Nb, C]: readonly [number, number, number, number],
  types: readonly [FloatType, FloatType] = ['float32', 'float32'],
  offset = 0,
): [FloatTensor, FloatTensor] {
  const b = Float64Array.from({ length: B * Nb * C }, () => random.normal() + offset);
  const a = Array.from({ length: B * Na }, (_, row) => {
    const token = Math.floor(row / Na) * Nb + random.integer(Nb);
    return Array.from(b.subarray(token * C, token * C + C), (x) => x + 0.2 * random.normal());
  });
  return [tensorOf(types[0], a.flat(), [B, Na, C], Nb % 3), tensorOf(types[1], b, [B, Nb, C], Na % 3)];
}

/** How often both choose alike, and how much is lost of the similarity where they do not, in shares. */
function agreement(a: FloatTensor, b: FloatTensor, metric: SimilarityMetric): { same: number; lost: number } {
  const exact = similarityArgmaxSync(a, b, { metric });
  const fast = similarityArgmaxSync(a, b, { metric, precision: 'fast' });
  let [same, lost, all] = [0, 0, 0];
  exact.indices.data.forEach((index, i) => {
    if (fast.indices.data[i] === index) same += 1;
    lost += exact.values.data[i] - fast.values.data[i];
    all += Math.abs(exact.values.data[i]);
  });
  return { same: same / exact.indices.data.length, lost: lost / all };
}

suite(`similarityArgmax, precision 'fast' (${info().isa})`, () => {
  test('chooses as exactly where the nearest token is far ahead, whatever the shapes and types', () => {
    const random = seeded(1);
    for (const metric of metrics) {
      for (const Na of [1, 2, 13, 14, 15, 29, 61]) {
        for (const Nb of [1, 2, 15, 16, 17, 31, 32, 33, 63, 65, 130]) {
          // Of random tokens in few channels some lie next to others.
          for (const C of [64, 67]) {
            const types = [floatTypes[Na % 3], floatTypes[Nb % 3]] as const;
            assertAsExact(...separated(random, [2, Na, Nb, C], types), { metric });
          }
        }
      }
    }
  });

  test('and over several blocks, pieces and channels', () => {
    const random = seeded(2);
    for (const metric of metrics)
      for (const [Na, Nb, C] of [
        [300, 900, 128],
        [700, 300, 100],
        [130, 150, 1030],
      ])
        assertAsExact(...separated(random, [1, Na, Nb, C]), { metric });
  });

  test('and on an offset that all tokens share', () => {
    const random = seeded(3);
    for (const metric of ['cosine', 'l2'] as const)
      assertAsExact(...separated(random, [1, 120, 200, 64], ['float32', 'float32'], 8), { metric });
  });

  test('and with masks, lengths and batches', () => {
    const random = seeded(4);
    const [a, b] = separated(random, [3, 41, 67, 64]);
    const [aMask, bMask] = [randomMask(random, 3 * 41), randomMask(random, 3 * 67)];
    const keepsFirst = bMask.map((mark, i) => (i % 67 < 2 ? 0 : mark));
    for (const metric of metrics) {
      assertAsExact(a, b, { metric, aMask });
      assertAsExact(a, b, { metric, aMask: aMask.subarray(0, 41) });
      // A token whose own candidate is dropped has many others about as far.
      const of = (options: SimilarityArgmaxOptions) =>
        similarityArgmaxSync(a, b, { metric, precision: 'fast', aMask, ...options }).indices.data;
      const chosen = of({ bMask: keepsFirst });
      chosen.forEach((index, i) => {
        if (aMask[i] === 2) assert.equal(index, -1);
        else assert.notEqual(keepsFirst[Math.floor(i / 41) * 67 + index], 2);
      });
      const lengths = Int32Array.of(67, 5, 30);
      const padding = Uint8Array.from({ length: 3 * 67 }, (_, i) =>
        i % 67 < lengths[Math.floor(i / 67)] ? 0 : 2,
      );
      assert.deepEqual(of({ lengths }), of({ bMask: padding }));
    }
    assertAsExact(a, b, { aMask: new Uint8Array(41).fill(2), lengths: new Int32Array(3) });
  });

  test('agrees on random tokens at 99 of 100, and loses less than a ten-thousandth of the similarity', () => {
    const random = seeded(5);
    for (const [Na, Nb, C] of [
      [577, 577, 64],
      [400, 300, 384],
    ]) {
      const plain = [Na, Nb].map((N) => randomTensor(random, 'float32', [N, C]));
      // A few channels are far wider than the others, and away from 0.
      const outliers = plain.map(({ data, dims }) =>
        tensorOf(
          'float32',
          data.map((x, i) => ((i % C) % 31 === 7 ? 20 * x + 30 : x)),
          dims,
        ),
      );
      for (const [a, b] of [plain, outliers])
        for (const metric of metrics) {
          const { same, lost } = agreement(a, b, metric);
          assert.ok(same >= 0.99, `${metric} ${a.dims}: ${same}`);
          assert.ok(lost <= 1e-4, `${metric} ${a.dims}: ${lost}`);
        }
    }
  });

  test('gives equal tokens the lowest index', () => {
    const random = seeded(6);
    const [a, once] = separated(random, [1, 60, 25, 64]);
    const b = tensorOf(
      'float32',
      [1, 2, 3, 4].flatMap(() => Array.from(once.data)),
      [1, 100, 64],
    );
    const same = tensorOf('float32', new Float64Array(50 * 6).fill(0.3), [50, 6]);
    for (const metric of metrics) {
      assertAsExact(a, b, { metric });
      assertAsExact(same, same, { metric });
    }
  });

  test('computes exactly what bytes are nothing for', () => {
    const random = seeded(7);
    for (const value of [Number.NaN, Infinity, -Infinity, 1e-42, 1e-30, 1e25, 3e38, 0]) {
      for (const side of [0, 1]) {
        const tensors = separated(random, [2, 20, 40, 64]);
        tensors[side].data.fill(value, 3 * 64, 4 * 64);
        for (const metric of metrics) assertAsExact(...tensors, { metric });
      }
    }
    const tokens = randomTensor(random, 'float32', [40, 64]);
    const tiny = tensorOf(
      'float32',
      tokens.data.map((x) => x * 1e-30),
      tokens.dims,
    );
    const zeros = tensorOf('float32', new Float32Array(40 * 64), [40, 64]);
    for (const metric of metrics) {
      assertAsExact(tiny, tiny, { metric });
      assertAsExact(zeros, tokens, { metric });
      assertAsExact(tokens, zeros, { metric });
    }
  });

  test('computes several nearest exactly, and everything where bytes are not multiplied', () => {
    const random = seeded(8);
    const [a, b] = [150, 170].map((N) => randomTensor(random, 'float32', [N, 16]));
    for (const metric of metrics) {
      for (const k of [2, 9]) assertAsExact(a, b, { metric, k });
      if (info().isa !== 'avx512') assertAsExact(a, b, { metric });
    }
  });

  suite('as every operation', () => {
    const random = seeded(9);
    const dims = [4, 301];
    const empty = (): { indices: Tensor<'int32'>; values: Tensor<'float32'> } => ({
      indices: emptyTensor('int32', dims),
      values: emptyTensor('float32', dims),
    });
    testContract({
      inputs: [randomTensor(random, 'float32', [4, 301, 64]), randomTensor(random, 'float32', [4, 333, 64])],
      run: ([a, b], extra) => similarityArgmax(a, b, { precision: 'fast', ...extra }),
      runSync: ([a, b], extra) => similarityArgmaxSync(a, b, { precision: 'fast', ...extra }),
      tensors: ({ indices, values }) => [indices, values],
      out: {
        empty,
        tensors: ({ indices, values }) => [indices, values],
        overlapping: ([, b]) => ({ indices: emptyTensor('int32', dims), values: viewOf(b, 64, dims) }),
      },
    });
  });
});
