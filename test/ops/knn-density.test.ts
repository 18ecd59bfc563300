import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, KnnDensity, KnnDensityOptions, Tensor } from 'tokensieve';
import { densities, separations } from '../reference/knn-density.js';
import { assertSameBits } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { knnDensity, knnDensitySync } from '../support/operations.js';
import { seeded } from '../support/random.js';
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

const metrics = ['l2', 'cosine'] as const;

/** The square of the greatest distance of a token from the mean of all, over the channels. */
function squaredRadius({ data, dims: [length, channels] }: Values): number {
  const mean = new Float64Array(channels);
  for (const [i, x] of data.entries()) mean[i % channels] += x / length;
  const squares = new Float64Array(length);
  for (const [i, x] of data.entries()) squares[Math.floor(i / channels)] += (x - mean[i % channels]) ** 2;
  return Math.max(0, ...squares) / Math.max(1, channels);
}

/** x of rank 2 or 3: densities to within rounding, separations by the densities that came out. */
function assertPeaks(x: FloatTensor, options: KnnDensityOptions & { mask?: Uint8Array }): void {
  const { k, metric = 'l2', mask } = options;
  const actual = knnDensitySync(x, options);
  assert.deepEqual(actual.density.dims, x.dims.slice(0, -1));
  assert.deepEqual(actual.separation.dims, x.dims.slice(0, -1));
  const { data, dims } = decode(x);
  const [length, channels] = dims.slice(-2);
  const batch = dims.length === 3 ? dims[0] : 1;
  for (let b = 0; b < batch; b++) {
    const item = values(data.subarray(b * length * channels, (b + 1) * length * channels), [
      length,
      channels,
    ]);
    const own = mask && mask.length > length ? mask.subarray(b * length, (b + 1) * length) : mask;
    const masked = own && { mask: own };
    const found = actual.density.data.subarray(b * length, (b + 1) * length);
    const { relative, ofMagnitude } = errorBudget.knnDensity;
    // Of squared distances: which of two tokens as near is taken. A cosine is 1 at most, and what it is short of 1 by
    // has the rounding of a number of that size.
    const slack = ofMagnitude * (metric === 'l2' ? squaredRadius(item) : 2);
    densities(item, { k, metric, ...masked }).forEach((density, i) => {
      const label = `density of ${metric} k ${k} ${x.type} ${x.dims} token ${i}`;
      const off = Math.abs(found[i] - density);
      assert.ok(
        off <= (relative + slack) * density + 2 ** -126,
        `${label}: ${found[i]}, expected ${density}`,
      );
    });
    const expected = separations(item, found, { metric, ...masked }).separations;
    expected.forEach((separation, i) => {
      const label = `separation of ${metric} k ${k} ${x.type} ${x.dims} token ${i}`;
      const value = actual.separation.data[b * length + i];
      const squares = metric === 'l2' ? Math.abs(value ** 2 - separation ** 2) : Math.abs(value - separation);
      const allowed = slack + relative * (metric === 'l2' ? separation ** 2 : separation);
      assert.ok(squares <= allowed, `${label}: ${value}, expected ${separation}`);
    });
  }
}

// Numbers of tokens about the tiles of every instruction set; on a device about its tile of 64 x 64.
const counts = isOnDevice ? [1, 2, 31, 130] : [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 57, 65, 130];

suite(`knnDensity (${place})`, () => {
  for (const type of floatTypes) {
    test(`any number of tokens and channels, ${type}`, () => {
      const random = seeded(1);
      for (const N of counts) {
        for (const C of isOnDevice ? [1, 37] : [1, 16, 37]) {
          const x = randomTensor(random, type, [N, C], { offset: N % 3 });
          for (const k of new Set(isOnDevice ? [1, Math.min(5, N)] : [1, Math.min(5, N), N]))
            for (const metric of metrics) assertPeaks(x, { k, metric });
        }
      }
    });
  }

  test('in a batch, on many channels', () => {
    const random = seeded(2);
    for (const metric of metrics) {
      assertPeaks(randomTensor(random, 'float32', [3, 97, 64]), { k: 5, metric });
      assertPeaks(randomTensor(random, 'float32', [2, 61, atMost(768)]), { k: 7, metric });
    }
  });

  test('as many tokens as an image has', () => {
    const random = seeded(9);
    assertPeaks(randomTensor(random, 'float16', [197, 64]), { k: 5, metric: 'cosine' });
    assertPeaks(randomTensor(random, 'bfloat16', [577, 16]), { k: 5 });
  });

  test('clusters: the centres have the greatest separations', () => {
    const random = seeded(3);
    const centres = Array.from({ length: 4 * 16 }, () => 10 * random.normal());
    const x = tensorOf(
      'float32',
      Array.from({ length: 120 * 16 }, (_, i) => {
        const [token, c] = [Math.floor(i / 16), i % 16];
        return centres[(token % 4) * 16 + c] + 0.1 * random.normal();
      }),
      [120, 16],
    );
    assertPeaks(x, { k: 5 });
    const { density, separation } = knnDensitySync(x, { k: 5 });
    const score = (i: number) => density.data[i] * separation.data[i];
    const best = Array.from({ length: 120 }, (_, i) => i).sort((i, j) => score(j) - score(i));
    assert.deepEqual(new Set(best.slice(0, 4).map((i) => i % 4)), new Set([0, 1, 2, 3]));
  });

  test('copies: equal densities, of which the lower index is the higher', () => {
    const same = tensorOf('float32', new Float64Array(50 * 6).fill(0.3), [50, 6]);
    for (const metric of metrics) {
      const { density, separation } = knnDensitySync(same, { k: 4, metric });
      assert.deepEqual(new Set(density.data), new Set([1]));
      assert.deepEqual(new Set(separation.data), new Set([0]));
    }
    // Pairs of copies: only the first of each pair stands apart.
    const pairs = tensorOf(
      'float32',
      Array.from({ length: 40 }, (_, i) => Math.floor(i / 2) * (1 + Math.floor(i / 2))),
      [40, 1],
    );
    const { density, separation } = knnDensitySync(pairs, { k: 2 });
    assert.deepEqual(new Set(density.data), new Set([1]));
    for (let i = 0; i < 40; i++) {
      const pair = i >> 1;
      const expected = i % 2 === 1 ? 0 : pair === 0 ? 380 : 2 * pair;
      assert.equal(separation.data[i], expected, `token ${i}`);
    }
  });

  test('near copies on a large offset that all share', () => {
    const random = seeded(4);
    for (const offset of [1000, 1e5]) {
      const step = 2 ** (Math.floor(Math.log2(offset)) - 23);
      const base = Array.from({ length: 30 * 8 }, () => offset + 64 * step * random.normal());
      const numbers = Array.from({ length: 90 * 8 }, (_, i) => {
        const [token, c] = [Math.floor(i / 8), i % 8];
        return (
          Math.fround(base[(token % 30) * 8 + c]) + (c === token % 8 ? Math.floor(token / 30) * step : 0)
        );
      });
      const x = tensorOf('float32', numbers, [90, 8]);
      for (const k of [1, 3, 6]) assertPeaks(x, { k });
      // Each token's two near copies are one or two steps away, which is what the three nearest come to.
      const { density } = knnDensitySync(x, { k: 3 });
      const expected = densities(decode(x), { k: 3 });
      for (let i = 0; i < 90; i++)
        assert.ok(Math.abs(density.data[i] - expected[i]) <= 2 ** -23 * expected[i]);
      const { separation } = knnDensitySync(x, { k: 3 });
      const { separations: exact } = separations(decode(x), density.data);
      for (let i = 0; i < 90; i++)
        assert.ok(Math.abs(separation.data[i] - exact[i]) <= 2 ** -23 * exact[i], `token ${i}`);
    }
  });

  test('dropped tokens, and lengths', () => {
    const random = seeded(5);
    const x = randomTensor(random, 'float32', [3, 67, 8]);
    const mask = randomMask(random, 3 * 67);
    for (const metric of metrics) {
      assertPeaks(x, { k: 4, metric, mask });
      assertPeaks(x, { k: 4, metric, mask: mask.subarray(0, 67) });
    }
    const lengths = Int32Array.of(67, 5, 0);
    const padding = Uint8Array.from({ length: 3 * 67 }, (_, i) =>
      i % 67 < lengths[Math.floor(i / 67)] ? 0 : 2,
    );
    const [byLength, byMask] = [{ lengths }, { mask: padding }].map((options) =>
      knnDensitySync(x, { k: 5, ...options }),
    );
    assertSameBits(byLength.density, byMask.density);
    assertSameBits(byLength.separation, byMask.separation);
    assert.deepEqual(new Set(byLength.density.data.subarray(2 * 67)), new Set([0]));
  });

  test('zero vectors, one token, no tokens', () => {
    const x = randomTensor(seeded(6), 'float32', [40, 8]);
    for (const i of [0, 7, 39]) x.data.fill(0, i * 8, i * 8 + 8);
    for (const metric of metrics) assertPeaks(x, { k: 4, metric });
    const one = knnDensitySync(tensorOf('float32', [3, 4], [1, 2]), { k: 1 });
    assert.deepEqual([one.density.data[0], one.separation.data[0]], [1, 0]);
    assert.deepEqual(knnDensitySync(emptyTensor('float32', [2, 0, 4]), { k: 1 }).density.dims, [2, 0]);
  });

  test("a token that is not finite is nobody's neighbour", () => {
    const random = seeded(7);
    const x = randomTensor(random, 'float32', [33, 8]);
    for (const value of [Number.NaN, Infinity]) {
      const spoilt = { ...x, data: Float32Array.from(x.data) };
      spoilt.data[4 * 8 + 3] = value;
      const mask = Uint8Array.from({ length: 33 }, (_, i) => (i === 4 ? 2 : 0));
      for (const metric of metrics) {
        const [actual, expected] = [{}, { mask }].map((options) =>
          knnDensitySync(spoilt, { k: 5, metric, ...options }),
        );
        for (let i = 0; i < 33; i++) {
          if (i === 4) continue;
          const label = `${metric} ${value} token ${i}`;
          assert.ok(Math.abs(actual.density.data[i] - expected.density.data[i]) < 1e-6, label);
          assert.ok(Math.abs(actual.separation.data[i] - expected.separation.data[i]) < 1e-5, label);
        }
        assert.ok(Number.isNaN(actual.separation.data[4]));
      }
    }
  });

  test('tokens too long for float32 products', () => {
    const x = tensorOf('float32', [3e18, 4e18, 1e18, 2e18, -3e18, 4e18, 1, 0, 2, 0], [5, 2]);
    const { density, separation } = knnDensitySync(x, { k: 1 });
    assert.deepEqual(new Set(density.data), new Set([1]));
    const { separations: expected } = separations(decode(x), density.data);
    for (let i = 0; i < 5; i++)
      assert.ok(Math.abs(separation.data[i] - expected[i]) <= 1e-6 * expected[i], `token ${i}`);
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ density: emptyTensor('float32', dims), separation: emptyTensor('float32', dims) }),
    tensors: ({ density, separation }: { density: Tensor<'float32'>; separation: Tensor<'float32'> }) => [
      density,
      separation,
    ],
  });

  const [B, N] = isOnDevice ? [2, 71] : [3, 401];
  for (const metric of metrics) {
    suite(`as every operation, ${metric}`, () => {
      testContract({
        inputs: [randomTensor(seeded(8), 'float32', [B, N, 32])],
        run: ([x], extra) => knnDensity(x, { k: 5, metric, ...extra }),
        runSync: ([x], extra) => knnDensitySync(x, { k: 5, metric, ...extra }),
        tensors: ({ density, separation }: KnnDensity) => [density, separation],
        out: {
          ...roomFor([B, N]),
          overlapping: ([x]) => ({
            density: viewOf(x, 64, [B, N]),
            separation: emptyTensor('float32', [B, N]),
          }),
        },
      });
    });
  }

  const x = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  testRefusals(
    [knnDensity, knnDensitySync],
    [
      ...[0, -1, 3, 2 ** 40].map((k) => ({
        name: `k of ${k}`,
        args: [x, { k }],
        code: 'ERR_TOKENSIEVE_RANGE' as const,
        path: 'options\\.k',
        value: k,
      })),
      { name: 'no k', args: [x, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'options\\.k' },
      {
        name: 'a k past the tokens of an item',
        args: [x, { k: 2, mask: Uint8Array.of(0, 2) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.k',
        value: 2,
      },
      {
        name: 'the product, which is no distance',
        args: [x, { k: 1, metric: 'dot' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.metric',
        value: '"dot"',
      },
      {
        name: 'a mask of another length',
        args: [x, { k: 1, mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'lengths past the tokens',
        args: [x, { k: 1, lengths: Int32Array.of(3) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.lengths',
        value: 3,
      },
      {
        name: 'four dimensions',
        args: [tensorOf('float32', [1], [1, 1, 1, 1]), { k: 1 }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'x\\.dims',
        value: 4,
      },
    ],
    roomFor([2]),
  );
  testMalformed(
    [knnDensity, knnDensitySync],
    [
      x,
      {
        k: 1,
        metric: 'cosine',
        mask: new Uint8Array(2),
        lengths: Int32Array.of(2),
        out: roomFor([2]).empty(),
      },
    ],
  );
});
