import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, SimilarityArgmax, SimilarityMetric, Tensor } from 'tokensieve';
import { similarity } from '../reference/paired-similarity.js';
import { similarityArgmax as reference } from '../reference/similarity-argmax.js';
import { assertSameBits } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { similarityArgmax, similarityArgmaxSync } from '../support/operations.js';
import { type Random, seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  tensorOf,
  type Values,
  values,
  viewOf,
} from '../support/tensors.js';

const metrics = ['cosine', 'dot', 'l2'] as const satisfies readonly SimilarityMetric[];

interface Options {
  readonly metric?: SimilarityMetric;
  readonly k?: number;
  readonly aMask?: Uint8Array;
  readonly bMask?: Uint8Array;
}

const itemOf = ({ data, dims }: Values, b: number): Values => {
  const [, length, channels] = dims;
  return values(data.subarray(b * length * channels, (b + 1) * length * channels), [length, channels]);
};

const withBatch = (tensor: FloatTensor): Values => {
  const { data, dims } = decode(tensor);
  return { data, dims: [...new Array<number>(3 - dims.length).fill(1), ...dims] };
};

/** How far apart two similarities may be for either to be taken as the greater: the rounding of float32 products. */
function slackOf(a: Values, b: Values, metric: SimilarityMetric): number {
  const { ofMagnitude } = errorBudget.similarityArgmax;
  if (metric === 'cosine') return ofMagnitude;
  const [, channels] = b.dims;
  const middle = new Float64Array(channels);
  if (metric === 'l2') for (const [i, x] of b.data.entries()) middle[i % channels] += x / b.dims[0];
  const longest = ({ data, dims }: Values) =>
    Math.max(
      0,
      ...Array.from({ length: dims[0] }, (_, i) =>
        Math.sqrt(-similarity(data.subarray(i * channels, (i + 1) * channels), middle, 'l2')),
      ),
    );
  const [x, y] = [longest(a), longest(b)];
  return ofMagnitude * (metric === 'l2' ? (x + y) ** 2 : x * y);
}

/** a and b of rank 2 or 3. Exact where the data make every product exact. */
function assertBest(a: FloatTensor, b: FloatTensor, options: Options, exact = false): void {
  const { metric = 'cosine', k = 1, aMask, bMask } = options;
  const result = similarityArgmaxSync(a, b, options);
  const [left, right] = [withBatch(a), withBatch(b)];
  const [batch, Na, C] = left.dims;
  const Nb = right.dims[1];
  assert.deepEqual(result.indices.dims, [...a.dims.slice(0, -1), ...(k === 1 ? [] : [k])]);
  assert.deepEqual(result.values.dims, result.indices.dims);
  for (let item = 0; item < batch; item++) {
    const [x, y] = [itemOf(left, item), itemOf(right, item)];
    const expected = reference(x, y, {
      metric,
      k,
      ...(aMask && { aMask: aMask.length > Na ? aMask.subarray(item * Na, (item + 1) * Na) : aMask }),
      ...(bMask && { bMask: bMask.length > Nb ? bMask.subarray(item * Nb, (item + 1) * Nb) : bMask }),
    });
    const slack = exact ? 0 : slackOf(x, y, metric);
    for (let i = 0; i < Na; i++) {
      const at = (item * Na + i) * k;
      const indices = Array.from(result.indices.data.subarray(at, at + k));
      const found = Array.from(result.values.data.subarray(at, at + k));
      const label = `${metric} k ${k}, ${a.dims} and ${b.dims}, item ${item} token ${i}`;
      if (exact || expected[i].indices[0] === -1) {
        assert.deepEqual(indices, expected[i].indices, label);
        assert.deepEqual(found, expected[i].values.map(Math.fround), label);
        continue;
      }
      assert.equal(new Set(indices).size, k, `${label}: none twice`);
      const token = x.data.subarray(i * C, (i + 1) * C);
      for (let n = 0; n < k; n++) {
        const j = indices[n];
        const own = similarity(token, y.data.subarray(j * C, (j + 1) * C), metric);
        const rounding = 2 ** -24 * Math.abs(own) + 2 ** -45 * (1 + slack);
        assert.ok(Math.abs(found[n] - own) <= rounding, `${label}: ${found[n]}, expected ${own}`);
        assert.ok(own >= expected[i].values[n] - slack, `${label}: ${own} is not ${expected[i].values[n]}`);
        if (n > 0) {
          const inOrder = found[n] < found[n - 1] || (found[n] === found[n - 1] && j > indices[n - 1]);
          assert.ok(inOrder, `${label}: best first, then by index`);
        }
      }
    }
  }
}

/** Small whole numbers, whose products are exact and often equal. */
function wholeTensor(random: Random, dims: readonly number[]): Tensor<'float32'> {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return tensorOf(
    'float32',
    Array.from({ length: count }, () => random.integer(5) - 2),
    dims,
  );
}

// Numbers of tokens about the tiles of every instruction set; on a device about its tile of 64 x 64.
const rowCounts = isOnDevice ? [1, 15, 65] : [1, 2, 7, 14, 15, 61];
const columnCounts = isOnDevice ? [1, 9, 64, 130] : [1, 2, 5, 8, 9, 16, 17, 31, 32, 33, 63, 65, 130];

suite(`similarityArgmax (${place})`, () => {
  for (const type of floatTypes) {
    test(`any number of tokens and channels, ${type}`, () => {
      const random = seeded(1);
      for (const Na of rowCounts) {
        for (const Nb of columnCounts) {
          for (const C of isOnDevice ? [1, 37] : [1, 16, 37]) {
            const a = randomTensor(random, type, [Na, C], { offset: Nb % 3 });
            const b = randomTensor(random, floatTypes[(Na + Nb) % 3], [Nb, C], { offset: Na % 3 });
            const metric = metrics[(Na + Nb + C) % 3];
            for (const k of new Set([1, Math.min(2, Nb), Math.min(5, Nb), Nb]))
              assertBest(a, b, { metric, k });
          }
        }
      }
    });

    test(`as many tokens as an image has, ${type}`, () => {
      const random = seeded(11);
      for (const [N, C] of [
        [197, 64],
        [577, 16],
      ]) {
        const [a, b] = [randomTensor(random, type, [N, C]), randomTensor(random, type, [N, C])];
        assertBest(a, b, {});
        assertBest(a, b, { k: 3, metric: 'dot' });
      }
    });
  }

  test('each metric, over a batch, on both sides of a block', () => {
    const random = seeded(2);
    for (const metric of metrics) {
      for (const C of [8, 64, 130]) {
        const a = randomTensor(random, 'float32', [isOnDevice ? 1 : 3, 71, C]);
        const b = randomTensor(random, 'float32', [isOnDevice ? 1 : 3, 97, C]);
        for (const k of [1, 3, 16]) assertBest(a, b, { metric, k });
      }
    }
    const C = atMost(1024);
    assertBest(randomTensor(random, 'float32', [40, C]), randomTensor(random, 'float32', [50, C]), { k: 4 });
  });

  test('one token, and leading dims left out', () => {
    const random = seeded(3);
    const b = randomTensor(random, 'float32', [1, 9, 5]);
    const a = randomTensor(random, 'float32', [5]);
    assertBest(a, b, {});
    assertBest(a, b, { k: 2 });
    assert.deepEqual(similarityArgmaxSync(a, b).indices.dims, []);
    const none = similarityArgmaxSync(randomTensor(random, 'float32', [0, 5]), b, { k: 3 });
    assert.deepEqual(none.indices.dims, [0, 3]);
  });

  test('ties go to the lower index, for every k', () => {
    const random = seeded(4);
    for (const metric of ['dot', 'l2'] as const) {
      for (const Nb of [3, 16, 40, 133]) {
        const a = wholeTensor(random, [21, 4]);
        const b = wholeTensor(random, [Nb, 4]);
        for (const k of new Set([1, 2, Math.min(7, Nb), Nb]))
          if (metric === 'dot') assertBest(a, b, { metric, k }, true);
          else assertBest(a, b, { metric, k });
      }
    }
    const same = tensorOf('float32', new Float64Array(50 * 6).fill(0.3), [50, 6]);
    for (const metric of metrics) {
      const { indices, values } = similarityArgmaxSync(same, same, { metric, k: 4 });
      for (let i = 0; i < 50; i++)
        assert.deepEqual(Array.from(indices.data.subarray(i * 4, i * 4 + 4)), [0, 1, 2, 3]);
      assert.equal(new Set(values.data).size, 1);
    }
  });

  test('columns from worst to best and from best to worst', () => {
    const length = atMost(300);
    const ascending = tensorOf(
      'float32',
      Array.from({ length }, (_, i) => i),
      [length, 1],
    );
    const descending = tensorOf(
      'float32',
      Array.from({ length }, (_, i) => length - i),
      [length, 1],
    );
    const a = tensorOf('float32', [1, 2, -1], [3, 1]);
    for (const b of [ascending, descending])
      for (const k of [1, 2, 17, length - 1, length]) assertBest(a, b, { metric: 'dot', k }, true);
  });

  test('dropped tokens, kept tokens, and lengths', () => {
    const random = seeded(5);
    const a = randomTensor(random, 'float32', [3, 41, 16]);
    const b = randomTensor(random, 'float32', [3, 67, 16]);
    const [aMask, bMask] = [randomMask(random, 3 * 41), randomMask(random, 3 * 67)];
    for (const k of [1, 5]) {
      assertBest(a, b, { k, aMask, bMask });
      assertBest(a, b, { k, aMask: aMask.subarray(0, 41), bMask: bMask.subarray(0, 67) });
      const lengths = Int32Array.of(67, 5, 30);
      const padding = Uint8Array.from({ length: 3 * 67 }, (_, i) =>
        i % 67 < lengths[Math.floor(i / 67)] ? 0 : 2,
      );
      const [byLength, byMask] = [{ lengths }, { bMask: padding }].map((options) =>
        similarityArgmaxSync(a, b, { k, ...options }),
      );
      assertSameBits(byLength.indices, byMask.indices);
      assertSameBits(byLength.values, byMask.values);
    }
    const nothing = similarityArgmaxSync(a, b, {
      aMask: new Uint8Array(41).fill(2),
      lengths: new Int32Array(3),
    });
    assert.deepEqual(new Set(nothing.indices.data), new Set([-1]));
    assert.deepEqual(new Set(nothing.values.data), new Set([-Infinity]));
  });

  test('zero vectors and tokens that are not finite', () => {
    const random = seeded(6);
    const unusual = [0, Number.NaN, Infinity, -Infinity];
    const make = (N: number) => {
      const tensor = wholeTensor(random, [N, 4]);
      for (let i = 0; i < N; i += 3) {
        const value = unusual[random.integer(4)];
        if (value === 0) tensor.data.fill(0, i * 4, i * 4 + 4);
        else tensor.data[i * 4 + random.integer(4)] = value;
      }
      return tensor;
    };
    for (let round = 0; round < (isOnDevice ? 5 : 20); round++) {
      const [a, b] = [make(13), make(11)];
      for (const k of [1, 3, 8, 11]) assertBest(a, b, { metric: 'dot', k }, true);
      for (const metric of ['cosine', 'l2'] as const) {
        for (const k of [1, 8, 11]) {
          const { indices, values: found } = similarityArgmaxSync(a, b, { metric, k });
          reference(decode(a), decode(b), { metric, k }).forEach((row, i) => {
            const label = `${metric} k ${k} round ${round} row ${i}`;
            const at = i * k;
            const [mine, theirs] = [found.data.subarray(at, at + k), row.values];
            assert.equal(new Set(indices.data.subarray(at, at + k)).size, k, label);
            for (let n = 0; n < k; n++) {
              const near = Math.abs(mine[n] - theirs[n]) < 1e-5 * (1 + Math.abs(theirs[n]));
              assert.ok(Object.is(mine[n], theirs[n]) || mine[n] === theirs[n] || near, label);
            }
          });
        }
      }
    }
  });

  test('near the ends of the range', () => {
    const random = seeded(7);
    for (const [small, large] of [
      [1e-42, 1],
      [1e-30, 1e30],
      [1, 3e37],
    ]) {
      const a = randomTensor(random, 'float32', [9, 8]);
      const b = randomTensor(random, 'float32', [20, 8]);
      for (const [tensor, period] of [
        [a, 16],
        [b, 24],
      ] as const)
        for (const i of tensor.data.keys()) tensor.data[i] *= i % period < 8 ? small : large;
      for (const k of [1, 4]) {
        const { indices, values: found } = similarityArgmaxSync(a, b, { k });
        reference(decode(a), decode(b), { k }).forEach((row, i) => {
          for (let n = 0; n < k; n++)
            assert.ok(Math.abs(found.data[i * k + n] - row.values[n]) < 1e-6, `${indices.data[i * k + n]}`);
        });
      }
    }
    const far = tensorOf('float32', [5e18, 8e18, -5e18, 9e18, 1, 0], [6, 1]);
    for (const metric of ['dot', 'l2'] as const)
      for (const k of [1, 2, 6]) {
        const { indices } = similarityArgmaxSync(far, far, { metric, k });
        const expected = reference(decode(far), decode(far), { metric, k });
        assert.deepEqual(
          Array.from(indices.data),
          expected.flatMap((row) => row.indices),
          metric,
        );
      }
  });

  test('near duplicates on a large offset that all share', () => {
    const random = seeded(8);
    const length = atMost(200);
    for (const offset of [100, 1e4]) {
      const b = tensorOf(
        'float32',
        Array.from({ length: length * 16 }, () => offset + random.normal()),
        [length, 16],
      );
      // The step of float32 at the offset is what tokens can differ by.
      const step = 2 ** (Math.floor(Math.log2(offset)) - 23);
      const a = tensorOf(
        'float32',
        b.data.map((x, i) => x + (i % 5 === 0 ? 4 * step : 0)),
        [length, 16],
      );
      for (const k of [1, 6]) assertBest(a, b, { metric: 'l2', k });
      const { indices } = similarityArgmaxSync(a, b, { metric: 'l2' });
      assert.deepEqual(
        Array.from(indices.data),
        Array.from({ length }, (_, i) => i),
      );
    }
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ indices: emptyTensor('int32', dims), values: emptyTensor('float32', dims) }),
    tensors: ({ indices, values }: SimilarityArgmax) => [indices, values],
  });

  for (const k of [1, 4]) {
    suite(`as every operation, k = ${k}`, () => {
      const random = seeded(10);
      const [B, Na, Nb] = isOnDevice ? [2, 41, 53] : [4, 301, 333];
      const dims = [B, Na, ...(k === 1 ? [] : [k])];
      testContract({
        inputs: [randomTensor(random, 'float32', [B, Na, 64]), randomTensor(random, 'float32', [B, Nb, 64])],
        run: ([a, b], extra) => similarityArgmax(a, b, { k, ...extra }),
        runSync: ([a, b], extra) => similarityArgmaxSync(a, b, { k, ...extra }),
        tensors: ({ indices, values }) => [indices, values],
        out: {
          ...roomFor(dims),
          overlapping: ([, b]) => ({
            indices: emptyTensor('int32', dims),
            values: viewOf(b, 64, dims),
          }),
        },
      });
    });
  }

  const a = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  const b = tensorOf('float32', [1, 2, 3, 4, 5, 6], [3, 2]);
  testRefusals(
    [similarityArgmax, similarityArgmaxSync],
    [
      ...[0, -1, 4, 2 ** 40].map((k) => ({
        name: `k of ${k}`,
        args: [a, b, { k, out: undefined }],
        code: 'ERR_TOKENSIEVE_RANGE' as const,
        path: 'options\\.k',
        value: k,
      })),
      {
        name: 'a k past the candidates of an item',
        args: [a, b, { k: 2, bMask: Uint8Array.of(0, 2, 2), out: undefined }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.k',
        value: 2,
      },
      {
        name: 'no candidates',
        args: [a, b, { bMask: Uint8Array.of(2, 2, 2) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.k',
        value: 1,
      },
      {
        name: 'half a token',
        args: [a, b, { k: 1.5, out: undefined }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.k',
        value: 1.5,
      },
      {
        name: 'an unknown metric',
        args: [a, b, { metric: 'cos' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.metric',
        value: '"cos"',
      },
      {
        name: 'an unknown precision',
        args: [a, b, { precision: 'low' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.precision',
        value: '"low"',
      },
      {
        name: 'other channels',
        args: [a, tensorOf('float32', [1, 2, 3], [1, 3]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'b',
        value: '[1,1,3]',
      },
      {
        name: 'another batch',
        args: [a, tensorOf('float32', [1, 2, 3, 4], [2, 1, 2]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'b',
        value: '[2,1,2]',
      },
      {
        name: 'a mask of another length',
        args: [a, b, { aMask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.aMask',
      },
      {
        name: 'a mask of 3',
        args: [a, b, { bMask: Uint8Array.of(0, 3, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.bMask',
        value: 3,
      },
      {
        name: 'lengths past b',
        args: [a, b, { lengths: Int32Array.of(4) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.lengths',
        value: 4,
      },
    ],
    roomFor([2]),
  );
  testMalformed(
    [similarityArgmax, similarityArgmaxSync],
    [
      a,
      b,
      {
        metric: 'dot',
        k: 1,
        aMask: new Uint8Array(2),
        bMask: new Uint8Array(3),
        lengths: Int32Array.of(3),
        precision: 'exact',
        out: roomFor([2]).empty(),
      },
    ],
  );
});
