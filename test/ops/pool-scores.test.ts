import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, Tensor } from 'tokensieve';
import { type Pooling, poolScores as reference } from '../reference/pool-scores.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { attentionScoresSync, poolScores, poolScoresSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, emptyTensor, floatTypes, randomTensor, tensorOf, viewOf } from '../support/tensors.js';

/** Compares rows of `[...,N]`; the mask has one entry for each score. */
function assertPooled(x: FloatTensor, pooling: Pooling, mask?: Uint8Array): void {
  const N = x.dims[x.dims.length - 1];
  const { data } = decode(x);
  const pooled = (of: Float64Array): Float64Array =>
    Float64Array.from(
      Array.from({ length: N === 0 ? 0 : of.length / N }, (_, r) => [
        ...reference(of.subarray(r * N, (r + 1) * N), pooling, mask?.subarray(r * N, (r + 1) * N)),
      ]).flat(),
    );
  const magnitudes = pooled(data.map(Math.abs));
  const { ofMagnitude } = errorBudget.poolScores;
  const options = mask && { mask: tensorOf('uint8', mask, x.dims) };
  assertWithin(
    poolScoresSync(x, { ...pooling, ...options }),
    { data: pooled(data), dims: x.dims },
    (i) => (pooling.mode === 'max' ? 0 : magnitudes[i] * ofMagnitude),
    `${x.type} ${x.dims} ${pooling.mode} of ${pooling.kernel}`,
  );
}

const modes = ['avg', 'max'] as const;

const rowLengths = [...capped([0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 257]), 197, 577];

suite(`poolScores (${place})`, () => {
  for (const type of floatTypes) {
    test(`rows of any length, ${type}`, () => {
      const random = seeded(1);
      for (const N of rowLengths) {
        const x = randomTensor(random, type, [2, N], { offset: N % 3 });
        for (const kernel of [1, 3, 5, 7, 11, 63, 2 * N + 1, 1001]) {
          for (const mode of modes) assertPooled(x, { kernel, mode });
        }
      }
    });
  }

  test('heads, a bare row, rows cut into pieces', () => {
    const random = seeded(2);
    for (const dims of [[2, 3, 4, 50], [40], [1, isOnDevice ? 2500 : 50_000], [0, 5], [2, 0, 5]]) {
      const x = randomTensor(random, 'float32', dims);
      for (const mode of modes) assertPooled(x, { kernel: 5, mode });
    }
    // A kernel of more than any row, on one that is long: no more than a few passes.
    const [long, longer] = isOnDevice ? [1500, 2 ** 13] : [70_000, 2 ** 20];
    assertPooled(tensorOf('float32', new Float32Array(long).fill(1), [long]), { kernel: 1, mode: 'avg' });
    const ones = tensorOf('float32', new Float32Array(longer).fill(1), [longer]);
    const pooled = poolScoresSync(ones, { kernel: 2 * longer + 1 });
    assert.ok(pooled.data.every((x) => x === Math.fround(longer / Math.fround(2 * longer + 1))));
  });

  test('dropped tokens are padding and get 0', () => {
    const random = seeded(3);
    for (const N of capped([1, 9, 40, 257])) {
      const x = randomTensor(random, 'float32', [4, N]);
      const mask = randomMask(random, 4 * N);
      for (const mode of modes) for (const kernel of [1, 3, 7]) assertPooled(x, { kernel, mode }, mask);
      const lengths = Int32Array.of(N, 0, N >> 1, 1);
      const cut = mask.map((state, i) => (i % N >= lengths[Math.floor(i / N)] ? 2 : state));
      for (const mode of modes) {
        const options = { kernel: 3, mode };
        const expected = poolScoresSync(x, { ...options, mask: tensorOf('uint8', cut, [4, N]) });
        assertSameBits(poolScoresSync(x, { ...options, mask, lengths }), expected);
      }
    }
    const nan = tensorOf('float32', [1, Number.NaN, 3], [3]);
    assert.deepEqual(
      poolScoresSync(nan, { kernel: 3, mask: Uint8Array.of(0, 2, 0) }).data,
      Float32Array.of(1 / 3, 0, 1),
    );
  });

  test('NaN and infinities', () => {
    const x = tensorOf('float32', [1, Number.NaN, 1, 2, Infinity, 2, 3, -Infinity], [8]);
    for (const mode of modes) for (const kernel of [1, 3, 5]) assertPooled(x, { kernel, mode });
  });

  test('is the pooling of attentionScores', () => {
    const random = seeded(4);
    const [q, k] = [
      randomTensor(random, 'float32', [2, 4, 8, 16]),
      randomTensor(random, 'float32', [2, 2, 50, 16]),
    ];
    for (const mode of modes) {
      const pooled = attentionScoresSync(q, k, { heads: 'none', pool: { kernel: 7, mode } }).scores;
      const { scores } = attentionScoresSync(q, k, { heads: 'none' });
      assertSameBits(poolScoresSync(scores, { kernel: 7, mode }), pooled);
    }
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ scores: emptyTensor('float32', dims) }),
    tensors: ({ scores }: { scores: Tensor<'float32'> }) => [scores],
  });
  suite('as every operation', () => {
    const dims = isOnDevice ? [6, 151] : [6, 20_001];
    testContract({
      inputs: [randomTensor(seeded(5), 'float32', dims)],
      run: ([x], extra) => poolScores(x, { kernel: 9, ...extra }),
      runSync: ([x], extra) => poolScoresSync(x, { kernel: 9, ...extra }),
      tensors: (scores) => [scores],
      out: { ...roomFor(dims), overlapping: ([x]) => ({ scores: viewOf(x, 0, dims) }) },
    });
  });

  const x = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  const kernel = 'options\\.kernel';
  testRefusals(
    [poolScores, poolScoresSync],
    [
      {
        name: 'an even kernel',
        args: [x, { kernel: 4 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: kernel,
        value: 4,
      },
      {
        name: 'a kernel of 0',
        args: [x, { kernel: 0 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: kernel,
        value: 0,
      },
      {
        name: 'a kernel under 0',
        args: [x, { kernel: -3 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: kernel,
        value: -3,
      },
      {
        name: 'half a kernel',
        args: [x, { kernel: 1.5 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: kernel,
        value: 1.5,
      },
      {
        name: 'a kernel past 2^31',
        args: [x, { kernel: 2 ** 31 + 1 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: kernel,
        value: 2 ** 31 + 1,
      },
      { name: 'no kernel', args: [x, {}], code: 'ERR_TOKENSIEVE_TYPE', path: kernel, value: 'undefined' },
      {
        name: 'a word for a kernel',
        args: [x, { kernel: '3' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: kernel,
        value: '"3"',
      },
      {
        name: 'an unknown mode',
        args: [x, { kernel: 3, mode: 'min' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.mode',
        value: '"min"',
      },
      {
        name: 'scores without dims',
        args: [tensorOf('float32', [1], []), { kernel: 3 }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'x\\.dims',
      },
      {
        name: 'a mask of another length',
        args: [x, { kernel: 3, mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
    ],
    roomFor([2, 2]),
  );
  testRefusals(
    [poolScores, poolScoresSync],
    [
      {
        name: 'an out of another shape',
        args: [x, { kernel: 3, out: { scores: emptyTensor('float32', [4]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.scores',
      },
    ],
  );
  testMalformed(
    [poolScores, poolScoresSync],
    [
      x,
      {
        kernel: 3,
        mode: 'max',
        mask: new Uint8Array(2),
        lengths: Int32Array.of(1, 2),
        out: roomFor([2, 2]).empty(),
      },
    ],
  );
});
