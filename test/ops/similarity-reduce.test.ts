import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, SimilarityFunction, SimilarityReduceOptions, Tensor } from 'tokensieve';
import { similarity } from '../reference/paired-similarity.js';
import { similarityReduce as reference } from '../reference/similarity-reduce.js';
import { assertSameBits } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { similarityReduce, similarityReduceSync } from '../support/operations.js';
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

const functions: readonly SimilarityFunction[] = [
  'mean',
  'square',
  { elu: 0.3 },
  { elu: -0.2 },
  { gaussian: 0.5 },
  { countAbove: 0.25 },
];

/** How steep a function of similarities up to a size is, which is what an error of its argument grows by. */
const slopeOf = (f: SimilarityFunction, size: number): number =>
  f === 'square' ? 2 * size : typeof f === 'object' && 'gaussian' in f ? Math.exp(-0.5) / f.gaussian : 1;

/** Of how many similarities it is not known in float32 whether they are greater than the threshold. */
function doubtful(
  { data, dims: [length, channels] }: Values,
  i: number,
  threshold: number,
  metric: 'cosine' | 'dot' | 'l2',
  slack: number,
): number {
  const token = (j: number) => data.subarray(j * channels, (j + 1) * channels);
  return Array.from({ length }, (_, j) => similarity(token(i), token(j), metric)).filter(
    (s) => Math.abs(s - threshold) <= slack,
  ).length;
}

/** x of rank 2 or 3. */
function assertReduced(x: FloatTensor, options: SimilarityReduceOptions & { mask?: Uint8Array } = {}): void {
  const { f = 'mean', metric = 'cosine', self = true, mask } = options;
  const actual = similarityReduceSync(x, options);
  assert.deepEqual(actual.dims, x.dims.slice(0, -1));
  const { data, dims } = decode(x);
  const [length, channels] = dims.slice(-2);
  const batch = dims.length === 3 ? dims[0] : 1;
  for (let b = 0; b < batch; b++) {
    const item = values(data.subarray(b * length * channels, (b + 1) * length * channels), [
      length,
      channels,
    ]);
    const own = mask && mask.length > length ? mask.subarray(b * length, (b + 1) * length) : mask;
    const expected = reference(item, { f, metric, self, ...(own && { mask: own }) });
    const longest = Math.sqrt(
      Math.max(
        0,
        ...Array.from({ length }, (_, i) => {
          const token = item.data.subarray(i * channels, (i + 1) * channels);
          return similarity(token, token, 'dot');
        }),
      ),
    );
    const { ofMagnitude, relative } = errorBudget.similarityReduce;
    const size = metric === 'cosine' ? 1 : metric === 'dot' ? longest ** 2 : 4 * longest ** 2;
    const slack = ofMagnitude * size;
    for (let i = 0; i < length; i++) {
      const found = actual.data[b * length + i];
      const label = `${JSON.stringify(f)} ${metric} self ${self} ${x.type} ${x.dims} token ${i}`;
      const allowed =
        typeof f === 'object' && 'countAbove' in f
          ? doubtful(item, i, f.countAbove, metric, slack)
          : slack * slopeOf(f, size) + relative * (1 + Math.abs(expected[i]));
      assert.ok(Math.abs(found - expected[i]) <= allowed, `${label}: ${found}, expected ${expected[i]}`);
    }
  }
}

// Numbers of tokens about the tiles of every instruction set; on a device about its tile of 64 x 64.
const counts = isOnDevice ? [1, 2, 63, 65, 130] : [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 57, 65, 130];

suite(`similarityReduce (${place})`, () => {
  for (const type of floatTypes) {
    test(`any number of tokens and channels, ${type}`, () => {
      const random = seeded(1);
      for (const N of counts) {
        for (const C of isOnDevice ? [1, 37] : [1, 16, 37]) {
          const x = randomTensor(random, type, [N, C], { offset: N % 3 });
          for (const f of functions) assertReduced(x, { f, self: (N + C) % 2 === 0 });
        }
      }
    });
  }

  test('more tokens than one stretch of partial sums, in a batch', () => {
    const random = seeded(2);
    const x = randomTensor(random, 'float32', isOnDevice ? [2, 150, 8] : [2, 1100, 8]);
    for (const f of functions) assertReduced(x, { f });
    assertReduced(x, { f: { elu: 0.9 }, self: false });
  });

  test('as many tokens as an image has', () => {
    const random = seeded(9);
    for (const [type, N, C] of [
      ['float32', 197, 64],
      ['float16', 577, 16],
      ['bfloat16', 577, 16],
    ] as const) {
      const x = randomTensor(random, type, [N, C]);
      for (const f of ['mean', { elu: 0.3 }] as const) assertReduced(x, { f });
    }
  });

  test('product and distance', () => {
    const random = seeded(3);
    const x = randomTensor(random, 'float32', [3, 61, 16], { deviation: 0.3 });
    for (const metric of ['dot', 'l2'] as const)
      for (const f of functions) for (const self of [true, false]) assertReduced(x, { f, metric, self });
  });

  test('dropped tokens are averaged by nobody, by mask and by lengths', () => {
    const random = seeded(4);
    const x = randomTensor(random, 'float32', [3, 67, 8]);
    const mask = randomMask(random, 3 * 67);
    for (const f of functions) {
      for (const self of [true, false]) {
        assertReduced(x, { f, self, mask });
        assertReduced(x, { f, self, mask: mask.subarray(0, 67) });
      }
    }
    const lengths = Int32Array.of(67, 1, 0);
    const padding = Uint8Array.from({ length: 3 * 67 }, (_, i) =>
      i % 67 < lengths[Math.floor(i / 67)] ? 0 : 2,
    );
    assertSameBits(similarityReduceSync(x, { lengths }), similarityReduceSync(x, { mask: padding }));
    assertReduced(x, { mask: padding, self: false });
  });

  test('no tokens, one token, a token alone with itself', () => {
    assert.deepEqual(similarityReduceSync(emptyTensor('float32', [0, 4])).dims, [0]);
    const one = tensorOf('float32', [3, 4], [1, 2]);
    assert.deepEqual(Array.from(similarityReduceSync(one).data), [1]);
    assert.deepEqual(Array.from(similarityReduceSync(one, { self: false }).data), [0]);
  });

  test('copies are no more than equal, and a threshold is strict', () => {
    const x = tensorOf('float32', new Float64Array(70 * 24).fill(0.3), [70, 24]);
    assert.deepEqual(new Set(similarityReduceSync(x, { f: { countAbove: 1 } }).data), new Set([0]));
    assert.deepEqual(new Set(similarityReduceSync(x, { f: { countAbove: 0.9999 } }).data), new Set([70]));
    const signs = tensorOf('float32', [1, 0, 0, 1, -1, 0], [3, 2]);
    const above = (t: number) =>
      Array.from(similarityReduceSync(signs, { f: { countAbove: t }, metric: 'dot' }).data);
    assert.deepEqual(above(0), [1, 1, 1]);
    assert.deepEqual(above(-1e-50), [2, 3, 2]);
    assert.deepEqual(above(Number.NEGATIVE_INFINITY), [3, 3, 3]);
  });

  test('the mean of squares less the square of the mean is the variance', () => {
    const x = randomTensor(seeded(10), 'float32', [60, 8]);
    const [means, squares] = (['mean', 'square'] as const).map((f) => similarityReduceSync(x, { f }).data);
    for (let i = 0; i < 60; i++) {
      const token = (j: number) => x.data.subarray(j * 8, (j + 1) * 8);
      const cosines = Array.from({ length: 60 }, (_, j) => similarity(token(i), token(j)));
      const mean = cosines.reduce((a, b) => a + b) / 60;
      const variance = cosines.reduce((sum, s) => sum + (s - mean) ** 2, 0) / 60;
      assert.ok(Math.abs(squares[i] - means[i] ** 2 - variance) < 1e-5, `token ${i}`);
    }
  });

  test('zero vectors are like everything by 0', () => {
    const x = randomTensor(seeded(5), 'float32', [40, 8]);
    for (const i of [0, 7, 39]) x.data.fill(0, i * 8, i * 8 + 8);
    for (const f of functions) for (const self of [true, false]) assertReduced(x, { f, self });
  });

  test('a token that is not finite makes NaN of what meets it', () => {
    const x = randomTensor(seeded(6), 'float32', [20, 4]);
    x.data[5 * 4] = Number.NaN;
    x.data.fill(0, 7 * 4, 8 * 4);
    const found = similarityReduceSync(x);
    for (let i = 0; i < 20; i++) assert.equal(Number.isNaN(found.data[i]), i !== 7, `token ${i}`);
    assert.equal(found.data[7], 0);
    const counted = similarityReduceSync(x, { f: { countAbove: -1.5 } });
    for (let i = 0; i < 20; i++) assert.equal(counted.data[i], i === 7 ? 20 : i === 5 ? 1 : 19, `token ${i}`);
    const infinite = randomTensor(seeded(7), 'float32', [20, 4]);
    infinite.data[0] = Infinity;
    const distant = similarityReduceSync(infinite, { f: { gaussian: 1 }, metric: 'l2', self: false });
    for (let i = 0; i < 20; i++) assert.ok(distant.data[i] >= 0, `token ${i}: ${distant.data[i]}`);
  });

  test('tokens too long for float32 products', () => {
    const x = tensorOf('float32', [3e25, 4e25, 1, 2, -3e25, 4e25, 1e-40, 0], [4, 2]);
    for (const f of functions) assertReduced(x, { f });
    const counted = similarityReduceSync(x, { f: { countAbove: 0 }, metric: 'dot' });
    assert.deepEqual(Array.from(counted.data), [4, 4, 3, 2]);
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ similarity: emptyTensor('float32', dims) }),
    tensors: ({ similarity }: { similarity: Tensor<'float32'> }) => [similarity],
  });

  const [B, N] = isOnDevice ? [2, 71] : [3, 401];
  for (const f of ['mean', 'square', { elu: 0.2 }] as const) {
    suite(`as every operation, ${JSON.stringify(f)}`, () => {
      testContract({
        inputs: [randomTensor(seeded(8), 'float32', [B, N, 64])],
        run: ([x], extra) => similarityReduce(x, { f, ...extra }),
        runSync: ([x], extra) => similarityReduceSync(x, { f, ...extra }),
        tensors: (similarity) => [similarity],
        out: {
          ...roomFor([B, N]),
          overlapping: ([x]) => ({ similarity: viewOf(x, 64, [B, N]) }),
        },
      });
    });
  }

  const x = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  const refusal = (
    name: string,
    options: object,
    kind: 'TYPE' | 'RANGE' | 'SHAPE',
    path: string,
    value?: string | number,
  ) => ({
    name,
    args: [x, options],
    code: `ERR_TOKENSIEVE_${kind}` as const,
    path,
    ...(value !== undefined && { value }),
  });
  testRefusals(
    [similarityReduce, similarityReduceSync],
    [
      refusal('an unknown function', { f: 'median' }, 'TYPE', 'options\\.f', '"median"'),
      refusal('a function of another name', { f: { relu: 1 } }, 'TYPE', 'options\\.f'),
      refusal('a margin in words', { f: { elu: '1' } }, 'TYPE', 'options\\.f\\.elu', '"1"'),
      refusal('a margin that is not finite', { f: { elu: Infinity } }, 'RANGE', 'options\\.f\\.elu'),
      refusal('a sigma of 0', { f: { gaussian: 0 } }, 'RANGE', 'options\\.f\\.gaussian', 0),
      refusal('a negative sigma', { f: { gaussian: -1 } }, 'RANGE', 'options\\.f\\.gaussian', -1),
      refusal('NaN for a threshold', { f: { countAbove: Number.NaN } }, 'RANGE', 'options\\.f\\.countAbove'),
      refusal('an unknown metric', { metric: 'l1' }, 'TYPE', 'options\\.metric', '"l1"'),
      refusal('a self that is no boolean', { self: 1 }, 'TYPE', 'options\\.self', 1),
      refusal('a mask of another length', { mask: new Uint8Array(3) }, 'SHAPE', 'options\\.mask'),
      refusal('a mask of 3', { mask: Uint8Array.of(0, 3) }, 'RANGE', 'options\\.mask', 3),
      refusal('lengths past the tokens', { lengths: Int32Array.of(3) }, 'RANGE', 'options\\.lengths', 3),
      {
        name: 'integers',
        args: [tensorOf('int32', [1], [1, 1]), {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
    ],
    roomFor([2]),
  );
  testMalformed(
    [similarityReduce, similarityReduceSync],
    [
      x,
      {
        f: { elu: 0.5 },
        metric: 'dot',
        self: false,
        mask: new Uint8Array(2),
        lengths: Int32Array.of(1),
        out: roomFor([2]).empty(),
      },
    ],
  );
});
