import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type FloatTensor, type Tensor, TokenMap } from 'tokensieve';
import { type MergeReduce, mergeTokens as reference, type Slot } from '../reference/merge-tokens.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, capped, isOnDevice, place, runs } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { mapOf, randomOverlapping, randomPartition } from '../support/maps.js';
import { mergeTokens, mergeTokensSync, restoreTokensSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  tensorOf,
  values,
  viewOf,
} from '../support/tensors.js';
import { withThreads } from '../support/threads.js';

const reductions: readonly MergeReduce[] = ['mean', 'sum', 'max', 'norm'];

interface Options {
  readonly reduce?: MergeReduce;
  readonly weights?: Float32Array;
}

/** The rows of x `[B,N,C]` merged by the slots of each, padded with zeros to the longest row. */
function assertMerged(x: FloatTensor, rows: readonly (readonly Slot[])[], options: Options = {}): void {
  const [batch, N, C] = x.dims;
  const longest = Math.max(0, ...rows.map((slots) => slots.length));
  const tokens = new Float64Array(batch * longest * C);
  const tolerance = new Float64Array(tokens.length);
  const sizes = new Float64Array(batch * longest);
  const { ofMagnitude } = errorBudget.mergeTokens;
  rows.forEach((slots, b) => {
    const row = values(decode(x).data.subarray(b * N * C, (b + 1) * N * C), [N, C]);
    const { weights, reduce = 'mean' } = options;
    const merged = reference(row, slots, {
      reduce,
      ...(weights && { sizes: weights.subarray(b * N, (b + 1) * N) }),
    });
    tokens.set(merged.tokens, b * longest * C);
    tolerance.set(
      merged.magnitude.map((m) => m * ofMagnitude),
      b * longest * C,
    );
    sizes.set(merged.sizes, b * longest);
  });
  const actual = mergeTokensSync(x, mapOf(rows, N), options);
  const label = `${x.type} ${x.dims} ${options.reduce}`;
  assert.equal(actual.tokens.type, x.type);
  assertWithin(actual.tokens, { data: tokens, dims: [batch, longest, C] }, tolerance, `${label} tokens`);
  assertWithin(
    actual.sizes,
    { data: sizes, dims: [batch, longest] },
    (i) => sizes[i] * errorBudget.mergeTokens.sizes,
    `${label} sizes`,
  );
  const isRagged = rows.some((slots) => slots.length !== longest);
  if (isRagged)
    assert.deepEqual(
      actual.lengths,
      Int32Array.from(rows, (slots) => slots.length),
    );
}

suite(`mergeTokens (${place})`, () => {
  for (const type of floatTypes) {
    test(`channels of any number, every reduction, ${type}`, () => {
      const random = seeded(1);
      for (const C of capped([1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 100, 768])) {
        const x = randomTensor(random, type, [2, 23, C], { offset: C % 3 });
        const rows = [randomPartition(random, 23, 9, 0.2), randomPartition(random, 23, 9)];
        const weights = Float32Array.from({ length: 46 }, () => 1 + random.integer(5));
        for (const reduce of reductions) {
          assertMerged(x, rows, { reduce });
          assertMerged(x, rows, { reduce, weights });
        }
      }
    });

    test(`weighted, overlapping slots of any number, ${type}`, () => {
      const random = seeded(2);
      for (const [N, M, most] of [
        [1, 1, 1],
        [5, 9, 3],
        [97, 20, 40],
        [33, 33, 1],
        [atMost(200), 1, atMost(300)],
        [197, 90, 4],
        [577, 288, 3],
      ]) {
        const x = randomTensor(random, type, [2, N, 20]);
        const rows = [randomOverlapping(random, N, M, most), randomOverlapping(random, N, M, most)];
        const weights = Float32Array.from({ length: 2 * N }, () => 0.5 + random.uniform());
        for (const reduce of reductions) {
          assertMerged(x, rows, { reduce });
          assertMerged(x, rows, { reduce, weights });
        }
      }
    });
  }

  test('rows of different length: padded with zeros, or packed', () => {
    const random = seeded(3);
    const x = randomTensor(random, 'float32', [3, 17, 12]);
    const rows = [randomPartition(random, 17, 4), [], randomPartition(random, 17, 9)];
    assertMerged(x, rows);
    const padded = mergeTokensSync(x, mapOf(rows, 17));
    const packed = mergeTokensSync(x, mapOf(rows, 17), { packed: true });
    assert.deepEqual(packed.tokens.dims, [13, 12]);
    assert.deepEqual(packed.sizes.dims, [13]);
    const perRow = [0, 1, 2].flatMap((b) =>
      Array.from(padded.tokens.data.subarray(b * 9 * 12, (b * 9 + rows[b].length) * 12) as Float32Array),
    );
    assert.deepEqual(Array.from(packed.tokens.data as Float32Array), perRow);
  });

  test('a token alone in its slot keeps its bits', () => {
    for (const type of floatTypes) {
      const random = seeded(4);
      const x = randomTensor(random, type, [1, 9, 35]);
      for (const reduce of ['mean', 'sum', 'max'] as const) {
        const { tokens, sizes } = mergeTokensSync(x, TokenMap.fromKept(Int32Array.of(7, 0, 3), 9), {
          reduce,
        });
        const expected = [7, 0, 3].flatMap((i) => Array.from(x.data.subarray(i * 35, i * 35 + 35)));
        assert.deepEqual(Array.from(tokens.data as Float32Array), expected);
        assert.deepEqual(Array.from(sizes.data), [1, 1, 1]);
      }
    }
  });

  test('a map a key head moves keys and values [B,Hkv,N,D]', () => {
    const random = seeded(5);
    const x = randomTensor(random, 'float32', [2, 3, 11, 8]);
    const rows = Array.from({ length: 6 }, () => randomPartition(random, 11, 4));
    const { tokens, sizes } = mergeTokensSync(x, mapOf(rows, 11, [2, 3]));
    const flat = mergeTokensSync({ ...x, dims: [6, 11, 8] }, mapOf(rows, 11));
    assert.deepEqual(tokens.dims, [2, 3, 4, 8]);
    assert.deepEqual(sizes.dims, [2, 3, 4]);
    assert.deepEqual(tokens.data, flat.tokens.data);
  });

  test('a leading 1-dim may be left out', () => {
    const random = seeded(6);
    const x = randomTensor(random, 'float32', [1, 11, 8]);
    const map = mapOf([randomPartition(random, 11, 4)], 11);
    const { tokens, sizes } = mergeTokensSync({ ...x, dims: [11, 8] }, map);
    assert.deepEqual(tokens.dims, [4, 8]);
    assert.deepEqual(sizes.dims, [4]);
    assert.deepEqual(tokens.data, mergeTokensSync(x, map).tokens.data);
  });

  test('sizes past what float16 counts stay exact', () => {
    const x = randomTensor(seeded(7), 'float16', [1, 4, 8]);
    const weights = Float32Array.of(2047, 2, 4099, 1);
    const { sizes } = mergeTokensSync(x, mapOf([[{ members: [0, 1] }, { members: [2, 3] }]], 4), { weights });
    assert.deepEqual(Array.from(sizes.data), [2049, 4100]);
  });

  test('16-bit means accumulate wider than they are stored', () => {
    const N = atMost(3000);
    const x = tensorOf('float16', new Float64Array(N * 4).fill(60000), [1, N, 4]);
    const all = { members: Int32Array.from({ length: N }, (_, i) => i) };
    assert.deepEqual(
      Array.from(decode(mergeTokensSync(x, mapOf([[all]], N)).tokens).data),
      [60000, 60000, 60000, 60000],
    );
  });

  test('a token of size 0 adds nothing; a slot of them is zero, not NaN', () => {
    const x = tensorOf('float32', [1, 2, 3, 4], [1, 2, 2]);
    const map = mapOf([[{ members: [0, 1] }]], 2);
    assert.deepEqual(
      Array.from(mergeTokensSync(x, map, { weights: Float32Array.of(0, 2) }).tokens.data as Float32Array),
      [3, 4],
    );
    const none = mergeTokensSync(x, map, { weights: Float32Array.of(0, 0) });
    assert.deepEqual(Array.from(none.tokens.data as Float32Array), [0, 0]);
    assert.deepEqual(Array.from(none.sizes.data), [0]);
  });

  test('norm: opposite tokens have no direction, and give zero', () => {
    const x = tensorOf('float32', [1, -2, -1, 2], [1, 2, 2]);
    const { tokens } = mergeTokensSync(x, mapOf([[{ members: [0, 1] }]], 2), { reduce: 'norm' });
    assert.deepEqual(Array.from(tokens.data as Float32Array), [0, 0]);
  });

  test('NaN and infinity stay in their slot', () => {
    const x = randomTensor(seeded(8), 'float32', [1, 6, 5]);
    x.data[2] = Number.NaN;
    x.data[8] = Number.POSITIVE_INFINITY;
    const slots = [{ members: [0, 3] }, { members: [1, 2] }, { members: [4, 5] }];
    for (const reduce of ['mean', 'sum'] as const) assertMerged(x, [slots], { reduce });
  });

  test('denormals are not flushed', () => {
    for (const type of floatTypes) {
      assertMerged(tensorOf(type, [2e-42, 4e-42, 6e-8, 1.2e-7], [1, 2, 2]), [[{ members: [0, 1] }]]);
    }
  });

  test('restoring what was merged gives every member of a partition its group mean', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        (N, seed, C) => {
          const random = seeded(seed);
          const slots = randomPartition(random, N, 1 + random.integer(N));
          const x = randomTensor(random, 'float32', [1, N, C]);
          const map = mapOf([slots], N);
          const restored = restoreTokensSync(mergeTokensSync(x, map).tokens, map);
          const { data } = decode(x);
          for (const { members } of slots) {
            for (const i of Array.from(members)) {
              for (let c = 0; c < C; c++) {
                const column = Array.from(members, (m) => data[m * C + c]);
                const mean = column.reduce((a, y) => a + y, 0) / column.length;
                const magnitude = column.reduce((a, y) => a + Math.abs(y), 0) / column.length;
                const error = Math.abs((restored.data[i * C + c] as number) - mean);
                assert.ok(error <= errorBudget.mergeTokens.ofMagnitude * magnitude);
              }
            }
          }
        },
      ),
      { numRuns: runs(100) },
    );
  });

  test('sizes sum to the token weight that was not dropped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (N, seed) => {
        const random = seeded(seed);
        const slots = randomPartition(random, N, 1 + random.integer(N), 0.3);
        const x = randomTensor(random, 'float32', [1, N, 2]);
        const weights = Float32Array.from({ length: N }, () => 1 + random.integer(100));
        const map = mapOf([slots], N);
        const { sizes } = mergeTokensSync(x, map, { weights });
        const total = weights.reduce((sum, w, i) => (map.assignment[i] === -1 ? sum : sum + w), 0);
        assert.equal(
          sizes.data.reduce((a, y) => a + y, 0),
          total,
        );
        assert.deepEqual(sizes.data, map.sizes(weights));
      }),
      { numRuns: runs(100) },
    );
  });

  suite('as every operation', () => {
    const random = seeded(9);
    const [N, M, C] = isOnDevice ? [60, 30, 67] : [377, 200, 257];
    const x = randomTensor(random, 'float32', [2, N, C]);
    const map = mapOf([randomPartition(random, N, M), randomPartition(random, N, M)], N);
    testContract({
      inputs: [x],
      run: ([x], extra) => mergeTokens(x, map, extra),
      runSync: ([x], extra) => mergeTokensSync(x, map, extra),
      tensors: ({ tokens, sizes }) => [tokens, sizes],
      out: {
        empty: () => ({
          tokens: emptyTensor('float32', [2, M, C]),
          sizes: emptyTensor('float32', [2, M]),
        }),
        tensors: ({ tokens, sizes }) => [tokens, sizes],
        overlapping: ([x]) => ({
          tokens: viewOf(x, 0, [2, M, C]),
          sizes: emptyTensor('float32', [2, M]),
        }),
      },
    });
  });

  test('a map of a few slots of many members gives the same bits at any number of threads', () => {
    const N = atMost(4000);
    const x = randomTensor(seeded(10), 'float32', [1, N, 65]);
    const map = mapOf([randomPartition(seeded(11), N, 3)], N);
    const [one, two, four] = [1, 2, 4].map((threads) => withThreads(threads, () => mergeTokensSync(x, map)));
    assertSameBits(two.tokens, one.tokens);
    assertSameBits(four.tokens, one.tokens);
  });

  const x = randomTensor(seeded(12), 'float32', [1, 4, 3]);
  const map = mapOf([[{ members: [0, 1] }, { members: [2, 3] }]], 4);
  testRefusals(
    [mergeTokens, mergeTokensSync],
    [
      {
        name: 'x of another length',
        args: [randomTensor(seeded(1), 'float32', [1, 5, 3]), map, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'x|map',
      },
      {
        name: 'x of another batch',
        args: [randomTensor(seeded(1), 'float32', [2, 4, 3]), map, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'x|map',
      },
      {
        name: 'integers',
        args: [tensorOf('int32', [1, 2, 3, 4], [1, 4, 1]), map, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
      {
        name: 'no map',
        args: [x, undefined, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'map',
        value: 'undefined',
      },
      {
        name: 'a map that is no TokenMap',
        args: [x, { members: [] }, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'map',
      },
      {
        name: 'weights of another length',
        args: [x, map, { weights: new Float32Array(5) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.weights',
      },
      {
        name: 'weights of another type',
        args: [x, map, { weights: new Int32Array(4) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.weights',
      },
      {
        name: 'an unknown reduce',
        args: [x, map, { reduce: 'median' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.reduce',
        value: '"median"',
      },
      {
        name: 'a number for packed',
        args: [x, map, { packed: 1 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.packed',
        value: 1,
      },
    ],
    {
      empty: () => ({ tokens: emptyTensor('float32', [1, 2, 3]), sizes: emptyTensor('float32', [1, 2]) }),
      tensors: ({ tokens, sizes }: { tokens: Tensor; sizes: Tensor }) => [tokens, sizes],
    },
  );

  testMalformed(
    [mergeTokens, mergeTokensSync],
    [x, map, { weights: new Float32Array(4), reduce: 'sum', packed: true }],
  );
});
