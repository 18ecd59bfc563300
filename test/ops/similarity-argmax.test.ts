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

const candidateRules = ['all', 'others', 'later', 'earlier'] as const;
type Candidates = (typeof candidateRules)[number];
const metrics = ['cosine', 'dot', 'l2'] as const satisfies readonly SimilarityMetric[];

interface Options {
  readonly metric?: SimilarityMetric;
  readonly k?: number;
  readonly aMask?: Uint8Array;
  readonly bMask?: Uint8Array;
  readonly candidates?: Candidates;
  readonly scale?: Float32Array;
  readonly bias?: Float32Array;
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
  const { metric = 'cosine', k = 1, aMask, bMask, candidates = 'all', scale, bias } = options;
  const result = similarityArgmaxSync(a, b, options);
  const [left, right] = [withBatch(a), withBatch(b)];
  const [batch, Na, C] = left.dims;
  const Nb = right.dims[1];
  assert.deepEqual(result.indices.dims, [...a.dims.slice(0, -1), ...(k === 1 ? [] : [k])]);
  assert.deepEqual(result.values.dims, result.indices.dims);
  for (let item = 0; item < batch; item++) {
    const [x, y] = [itemOf(left, item), itemOf(right, item)];
    const ofItem = <A extends Uint8Array | Float32Array>(array: A | undefined, N: number) =>
      array && array.length > N ? (array.subarray(item * N, (item + 1) * N) as A) : array;
    const [factors, added] = [ofItem(scale, Nb), ofItem(bias, Nb)];
    const compared = (s: number, j: number) => s * (factors?.[j] ?? 1) + (added?.[j] ?? 0);
    const expected = reference(x, y, {
      metric,
      k,
      candidates,
      aMask: ofItem(aMask, Na) ?? [],
      bMask: ofItem(bMask, Nb) ?? [],
      scale: factors ?? [],
      bias: added ?? [],
    });
    const greatest = (array: Float32Array | undefined, otherwise: number) =>
      array?.reduce((most, number) => Math.max(most, Math.abs(number)), 0) ?? otherwise;
    const ofSum = 2 ** -22 * greatest(added, 0);
    const slack = exact ? 0 : slackOf(x, y, metric) * greatest(factors, 1) + ofSum;
    for (let i = 0; i < Na; i++) {
      const at = (item * Na + i) * k;
      const indices = Array.from(result.indices.data.subarray(at, at + k));
      const found = Array.from(result.values.data.subarray(at, at + k));
      const label = `${metric} k ${k} of ${candidates}, ${a.dims} and ${b.dims}, item ${item} token ${i}`;
      if (exact || expected[i].indices[0] === -1) {
        assert.deepEqual(indices, expected[i].indices, label);
        assert.deepEqual(found, expected[i].values.map(Math.fround), label);
        continue;
      }
      const count = expected[i].indices.filter((j) => j >= 0).length;
      assert.deepEqual(indices.slice(count), expected[i].indices.slice(count), label);
      assert.deepEqual(found.slice(count), expected[i].values.slice(count), label);
      assert.equal(new Set(indices.slice(0, count)).size, count, `${label}: none twice`);
      const token = x.data.subarray(i * C, (i + 1) * C);
      for (let n = 0; n < count; n++) {
        const j = indices[n];
        const mayChoose = { all: true, others: j !== i, later: j > i, earlier: j < i };
        assert.ok(mayChoose[candidates] && ofItem(bMask, Nb)?.[j] !== 2, `${label}: ${j} is no candidate`);
        const s = similarity(token, y.data.subarray(j * C, (j + 1) * C), metric);
        const own = compared(s, j);
        const rounding =
          2 ** -24 * (Math.abs(own) + Math.abs(s * (factors?.[j] ?? 1))) + 2 ** -45 * (1 + slack);
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

  test('only others, later or earlier tokens', () => {
    const random = seeded(20);
    for (const [n, N] of (isOnDevice ? [1, 2, 65, 150] : [1, 2, 3, 16, 17, 33, 65, 130, 301]).entries()) {
      for (const C of isOnDevice ? [5, 37] : [1, 16, 37]) {
        const a = randomTensor(random, floatTypes[n % 3], [N, C], { offset: N % 3 });
        const b = randomTensor(random, floatTypes[(n + C) % 3], [N, C]);
        for (const candidates of candidateRules) {
          const metric = metrics[random.integer(3)];
          for (const k of new Set([1, Math.min(5, N), Math.min(N, isOnDevice ? 20 : 140)]))
            assertBest(a, b, { metric, k, candidates });
        }
      }
    }
    const x = randomTensor(random, 'float32', [3, 41, 16]);
    for (const candidates of candidateRules) {
      const [aMask, bMask] = [randomMask(random, 3 * 41), randomMask(random, 3 * 41)];
      for (const k of [1, 7]) {
        assertBest(x, x, { k, candidates, aMask, bMask });
        assertBest(x, x, { k, candidates, aMask: aMask.subarray(0, 41) });
        const lengths = Int32Array.of(41, 8, 20);
        const padding = Uint8Array.from({ length: 3 * 41 }, (_, i) =>
          i % 41 < lengths[Math.floor(i / 41)] ? 0 : 2,
        );
        const [byLength, byMask] = [{ lengths }, { bMask: padding }].map((options) =>
          similarityArgmaxSync(x, x, { k, candidates, ...options }),
        );
        assertSameBits(byLength.indices, byMask.indices);
        assertSameBits(byLength.values, byMask.values);
      }
    }
    const alone = similarityArgmaxSync(x, x, { candidates: 'others', lengths: Int32Array.of(1, 0, 2) });
    assert.deepEqual(Array.from(alone.indices.data.subarray(0, 3)), [-1, 0, 0]);
    assert.deepEqual(new Set(alone.indices.data.subarray(41, 82)), new Set([-1]));
    assert.deepEqual(new Set(alone.values.data.subarray(41, 82)), new Set([-Infinity]));
    assert.deepEqual(Array.from(alone.indices.data.subarray(82, 84)), [1, 0]);
  });

  test('ties among candidates go to the lower index', () => {
    const random = seeded(21);
    for (const N of isOnDevice ? [40, 70] : [3, 16, 40, 133]) {
      const [a, b] = [wholeTensor(random, [N, 4]), wholeTensor(random, [N, 4])];
      const whole = () => Float32Array.from({ length: N }, () => random.integer(5) - 2);
      for (const candidates of candidateRules)
        for (const k of new Set([1, 2, Math.min(7, N), N])) {
          assertBest(a, b, { metric: 'dot', k, candidates }, true);
          assertBest(a, b, { metric: 'dot', k, candidates, scale: whole(), bias: whole() }, true);
        }
    }
    const same = tensorOf('float32', new Float64Array(50 * 6).fill(0.3), [50, 6]);
    const { indices } = similarityArgmaxSync(same, same, { candidates: 'others', k: 2 });
    for (let i = 0; i < 50; i++) {
      const expected = i === 0 ? [1, 2] : i === 1 ? [0, 2] : [0, 1];
      assert.deepEqual(Array.from(indices.data.subarray(2 * i, 2 * i + 2)), expected);
    }
  });

  test('columns with a scale and a bias', () => {
    const random = seeded(22);
    const numbers = (count: number, size: number) =>
      Float32Array.from({ length: count }, () => size * random.normal());
    for (const Nb of isOnDevice ? [9, 130] : [1, 9, 17, 64, 130]) {
      const a = randomTensor(random, 'float32', [2, 31, 12]);
      const b = randomTensor(random, floatTypes[Nb % 3], [2, Nb, 12]);
      for (const metric of metrics) {
        for (const k of new Set([1, Math.min(4, Nb)])) {
          assertBest(a, b, { metric, k, scale: numbers(Nb, 1) });
          assertBest(a, b, { metric, k, bias: numbers(2 * Nb, 3) });
          const bMask = randomMask(random, 2 * Nb);
          bMask.fill(0, 0, Math.min(4, Nb)).fill(0, Nb, Nb + Math.min(4, Nb));
          assertBest(a, b, { metric, k, scale: numbers(2 * Nb, 2), bias: numbers(Nb, 1), bMask });
        }
      }
    }
    const [a, b] = [tensorOf('float32', [1, 0], [1, 2]), tensorOf('float32', [1, 0, 0, 1], [2, 2])];
    const weighted = similarityArgmaxSync(a, b, {
      scale: Float32Array.of(0.5, 9),
      bias: Float32Array.of(0, 1),
    });
    assert.deepEqual([weighted.indices.data[0], weighted.values.data[0]], [1, 1]);
    const unit = { scale: new Float32Array(301).fill(1), bias: new Float32Array(301) };
    const x = randomTensor(random, 'float32', [301, 16]);
    for (const k of [1, 5]) {
      const [plain, same] = [{}, unit].map((options) => similarityArgmaxSync(x, x, { k, ...options }));
      assertSameBits(plain.indices, same.indices);
      assertSameBits(plain.values, same.values);
    }
    const nothing = emptyTensor('float32', [5, 0]);
    const least = similarityArgmaxSync(nothing, nothing, { bias: Float32Array.of(-3, -1, -2, -1, -4) });
    assert.deepEqual(new Set(least.indices.data), new Set([1]));
    const dropped = { scale: Float32Array.of(1, Number.NaN, 1), bMask: Uint8Array.of(0, 2, 0) };
    const among = tensorOf('float32', [1, 0, 0, 1, -1, 0], [3, 2]);
    assert.deepEqual(Array.from(similarityArgmaxSync(among, among, dropped).indices.data), [0, 0, 2]);
  });

  test('candidates, scale and bias are exact with precision fast too', () => {
    const random = seeded(23);
    const x = randomTensor(random, 'float32', [150, 32]);
    const bias = Float32Array.from({ length: 150 }, () => random.normal());
    for (const options of [{ bias }, { candidates: 'later' as const }, { scale: bias }]) {
      const [fast, exact] = (['fast', 'exact'] as const).map((precision) =>
        similarityArgmaxSync(x, x, { ...options, precision }),
      );
      assertSameBits(fast.indices, exact.indices);
      assertSameBits(fast.values, exact.values);
    }
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
      const scale = Float32Array.from({ length: 11 }, () => random.integer(4) - 1);
      const rows = { ...a, data: a.data.subarray(0, 44), dims: [11, 4] };
      for (const candidates of candidateRules)
        for (const k of [1, 3, 11]) assertBest(rows, b, { metric: 'dot', k, candidates, scale }, true);
      for (const metric of ['cosine', 'l2'] as const) {
        for (const [k, options] of [1, 8, 11].flatMap((k) => [
          [k, {}] as const,
          [k, { candidates: candidateRules[round % 4], bias: scale }] as const,
        ])) {
          const given = 'bias' in options ? rows : a;
          const { indices, values: found } = similarityArgmaxSync(given, b, { metric, k, ...options });
          reference(decode(given), decode(b), { metric, k, ...options }).forEach((row, i) => {
            const label = `${metric} k ${k} round ${round} row ${i}`;
            const at = i * k;
            const [mine, theirs] = [found.data.subarray(at, at + k), row.values];
            const chosen = Array.from(indices.data.subarray(at, at + k)).filter((j) => j >= 0);
            assert.equal(new Set(chosen).size, row.indices.filter((j) => j >= 0).length, label);
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

  suite('as every operation, with candidates and weights', () => {
    const random = seeded(24);
    const [B, N] = isOnDevice ? [2, 41] : [4, 301];
    const [scale, bias] = [1, 2].map(() => Float32Array.from({ length: N }, () => random.normal()));
    const options = { k: 3, candidates: 'earlier', scale, bias } as const;
    const dims = [B, N, 3];
    testContract({
      inputs: [randomTensor(random, 'float32', [B, N, 64])],
      run: ([x], extra) => similarityArgmax(x, x, { ...options, ...extra }),
      runSync: ([x], extra) => similarityArgmaxSync(x, x, { ...options, ...extra }),
      tensors: ({ indices, values }) => [indices, values],
      out: {
        ...roomFor(dims),
        overlapping: ([x]) => ({ indices: emptyTensor('int32', dims), values: viewOf(x, 64, dims) }),
      },
    });
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
        name: 'unknown candidates',
        args: [a, a, { candidates: 'before' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.candidates',
        value: '"before"',
      },
      {
        name: 'others of another number',
        args: [a, b, { candidates: 'others' }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.candidates',
      },
      {
        name: 'a k past the tokens of b',
        args: [a, a, { candidates: 'later', k: 3, out: undefined }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.k',
        value: 3,
      },
      {
        name: 'a scale of another length',
        args: [a, b, { scale: new Float32Array(2) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.scale',
      },
      {
        name: 'a scale of another type',
        args: [a, b, { scale: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.scale',
      },
      {
        name: 'a bias for another batch',
        args: [a, b, { bias: tensorOf('float32', [1, 2, 3, 4, 5, 6], [2, 3]) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.bias',
      },
      ...['scale', 'bias'].map((name) => ({
        name: `a ${name} that is not finite`,
        args: [a, b, { [name]: Float32Array.of(1, Infinity, 1) }],
        code: 'ERR_TOKENSIEVE_RANGE' as const,
        path: `options\\.${name}`,
      })),
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
        candidates: 'all',
        scale: new Float32Array(3).fill(1),
        bias: new Float32Array(3),
        out: roomFor([2]).empty(),
      },
    ],
  );
});
