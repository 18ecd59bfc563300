import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { AttentionScoresOptions, FloatTensor, FloatType, Tensor } from 'tokensieve';
import { attentionScores as reference } from '../reference/attention-scores.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, capped, isOnDevice, place, runs } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { attentionScores, attentionScoresSync } from '../support/operations.js';
import { type Random, seeded } from '../support/random.js';
import type { ScoresOptions } from '../support/scores-options.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  swapHeads,
  tensorOf,
  viewOf,
} from '../support/tensors.js';
import { withThreads } from '../support/threads.js';

interface Shape {
  readonly B?: number;
  readonly H?: number;
  readonly Hkv?: number;
  readonly Nq?: number;
  readonly N: number;
  readonly D?: number;
  readonly type?: FloatType;
  readonly deviation?: number;
}

function makeInputs(
  random: Random,
  { B = 1, H = 1, Hkv = H, N, Nq = N, D = 16, type = 'float32', deviation = 1 }: Shape,
) {
  const q = randomTensor(random, type, [B, H, Nq, D], { deviation, offset: N % 3 });
  const k = randomTensor(random, type, [B, Hkv, N, D], { deviation, offset: Nq % 5 });
  return { q, k };
}

/** Scores, lse and entropy within the budget of the float64 reference on the same stored values. */
function assertScores(q: FloatTensor, k: FloatTensor, options: ScoresOptions = {}): void {
  const { values, ...rest } = options;
  const expected = reference(decode(q), decode(k), { ...rest, ...(values && { values: decode(values) }) });
  const actual = attentionScoresSync(q, k, { ...options, entropy: true });
  const label = `q ${q.dims} k ${k.dims} ${q.type}`;
  assertWithin(actual.scores, expected.scores, expected.tolerance, `${label} scores`);
  const { ofSize } = errorBudget.lse;
  assertWithin(
    actual.lse,
    expected.lse,
    (i) => expected.rowError[i] + ofSize * Math.abs(expected.lse.data[i]),
    `${label} lse`,
  );
  assert.ok(actual.entropy);
  assertWithin(
    actual.entropy,
    expected.entropy,
    (i) => expected.rowError[i] * (1 + expected.entropy.data[i]) + ofSize * Math.abs(expected.lse.data[i]),
    `${label} entropy`,
  );
}

/** As {@link assertScores}, for a lse that is given: it does not make the probabilities sum to one. */
function assertScoresAlone(q: FloatTensor, k: FloatTensor, options: Omit<ScoresOptions, 'values'>): void {
  const expected = reference(decode(q), decode(k), options);
  const { scores, lse } = attentionScoresSync(q, k, options);
  assertWithin(scores, expected.scores, expected.tolerance, 'scores');
  assertWithin(lse, expected.lse, (i) => errorBudget.lse.ofSize * Math.abs(expected.lse.data[i]), 'lse');
}

function assertCase(shape: Shape, options: ScoresOptions = {}, seed = 1): void {
  const { q, k } = makeInputs(seeded(seed), shape);
  assertScores(q, k, options);
}

// On a device, whose tiles are of 64 rows and 64 or 128 keys, fewer sizes.
const queryCounts = isOnDevice ? [1, 9, 65] : [1, 2, 5, 6, 7, 13, 14, 15, 28, 29, 57];
const keyCounts = isOnDevice ? [1, 17, 64, 129] : [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97];
const depths = isOnDevice
  ? [1, 7, 16, 33, 48, 64, 72, 80, 128, 144]
  : [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 64, 65, 72, 80, 96, 128, 129, 144, 256, 257];

suite(`attentionScores (${place})`, () => {
  for (const type of floatTypes) {
    test(`queries and keys about every tile, ${type}`, () => {
      for (const Nq of queryCounts) {
        for (const N of keyCounts) assertCase({ Nq, N, type }, {}, N);
      }
    });

    test(`any head dimension, ${type}`, () => {
      for (const D of depths) assertCase({ N: 37, Nq: 16, D, type }, {}, D);
    });
  }

  test('grouped heads: 1, 4 and 7 query heads to a key head, every head reduction', () => {
    const counts = [
      [1, 1],
      [2, 2],
      [4, 1],
      [8, 2],
      [7, 1],
      [14, 2],
    ];
    for (const [H, Hkv] of isOnDevice ? [counts[2], counts[3]] : counts) {
      for (const heads of [
        'mean',
        'sum',
        'max',
        'none',
        'group',
        { group: 'sum' },
        { group: 'max' },
        { group: 'mean' },
      ] as const) {
        assertCase({ B: 2, H, Hkv, N: 33, Nq: 20 }, { heads });
      }
    }
  });

  test('every reduction over queries, with and without masks', () => {
    const random = seeded(3);
    const mask = Uint8Array.from({ length: 2 * 67 }, () => [0, 0, 1, 2][random.integer(4)]);
    const queryMask = Uint8Array.from({ length: 2 * 67 }, () => [0, 0, 1, 2][random.integer(4)]);
    const shape = { B: 2, H: isOnDevice ? 1 : 3, N: 67 };
    for (const reduce of ['mean', 'sum', 'max', 'observed'] as const) {
      for (const causal of [false, true]) {
        assertCase(shape, { reduce, causal });
        assertCase(shape, { reduce, causal, mask, queryMask });
        assertCase(shape, { reduce, causal, lengths: Int32Array.of(41, 67) });
      }
    }
  });

  test('causal is aligned at the bottom right, for fewer and for more queries than keys', () => {
    for (const [Nq, N] of [
      [1, 1],
      [1, 40],
      [13, 40],
      [40, 40],
      [33, 32],
      [40, 13],
      [40, 1],
      [64, atMost(200)],
    ]) {
      for (const reduce of ['mean', 'observed', 'max'] as const)
        assertCase({ Nq, N, H: 2 }, { causal: true, reduce });
    }
  });

  test('a window counts the own key', () => {
    for (const [Nq, N] of [
      [65, 65],
      [20, 65],
      [1, 65],
      [40, 13],
    ]) {
      for (const window of isOnDevice ? [1, 17, 64, 1000] : [1, 2, 15, 16, 17, 33, 64, 65, 1000])
        assertCase({ Nq, N }, { causal: true, window });
    }
  });

  test('masked keys, masked queries, and rows of which nothing is left', () => {
    assertCase({ N: 33 }, { mask: new Uint8Array(33).fill(2) });
    assertCase({ N: 33 }, { queryMask: new Uint8Array(33).fill(2) });
    assertCase(
      { N: 33 },
      { mask: Uint8Array.from({ length: 33 }, (_, i) => (i < 20 ? 2 : 0)), causal: true },
    );
    assertCase({ B: 3, N: 33 }, { lengths: Int32Array.of(0, 1, 33) });
    assertCase({ B: 3, N: 33, Nq: 7 }, { lengths: Int32Array.of(0, 1, 33) });
    assertCase({ B: 2, N: 33 }, { mask: Uint8Array.from({ length: 66 }, (_, i) => i % 3) });
    const N = atMost(200);
    const one = new Uint8Array(N).fill(2);
    one[137] = 0;
    assertCase({ N, Nq: 9, H: 2 }, { mask: one });
  });

  test('a bias, a softcap, a scale', () => {
    const random = seeded(4);
    const bias = Float32Array.from({ length: 2 * 45 }, () => Math.log(1 + random.integer(9)));
    for (const options of [
      { bias },
      { softcap: 2 },
      { softcap: 30, bias },
      { scale: 0.7 },
      { scale: 0 },
      { scale: -1 },
    ]) {
      assertCase({ B: 2, H: 2, N: 45, D: 24 }, options);
      assertCase({ B: 2, H: 2, N: 45, D: 24 }, { ...options, causal: true });
    }
    const N = atMost(577);
    const outlier = new Float32Array(N).fill(-60);
    outlier[N >> 1] = 60;
    assertCase({ H: 2, N, Nq: 20 }, { bias: outlier });
  });

  test('logits far below and far above zero, whatever the padding of a tile', () => {
    for (const N of capped([1, 15, 33, 97, 577])) {
      for (const sign of [-1, 1]) {
        const q = tensorOf('float32', new Float64Array(7 * 16).fill(8), [1, 1, 7, 16]);
        const k = randomTensor(seeded(N), 'float32', [1, 1, N, 16], { deviation: 0.25 });
        k.data.forEach((x, i) => {
          k.data[i] = x + 9 * sign;
        });
        assertScores(q, k);
        assertScores(q, k, { causal: true });
        assertScores(q, k, { softcap: 50 });
      }
    }
  });

  test('a bias of -Infinity leaves a key nothing', () => {
    const bias = Float32Array.from({ length: 45 }, (_, i) => (i % 3 === 0 ? Number.NEGATIVE_INFINITY : 0));
    assertCase({ H: 2, N: 45 }, { bias });
    assertCase({ H: 2, N: 45 }, { bias, causal: true, softcap: 3 });
    assertCase({ H: 2, N: 45 }, { bias: new Float32Array(45).fill(Number.NEGATIVE_INFINITY) });
  });

  test('options that meet, of 16-bit types', () => {
    const mask = Uint8Array.from({ length: 2 * 70 }, (_, i) => (i % 3 === 1 ? 2 : 0));
    const queryMask = Uint8Array.from({ length: 2 * 66 }, (_, i) => (i % 5 === 1 ? 2 : 0));
    const bias = Float32Array.from({ length: 2 * 70 }, (_, i) => Math.log(1 + (i % 4)));
    for (const type of ['float16', 'bfloat16'] as const) {
      for (const options of [
        { causal: true, mask, reduce: 'max', heads: 'max' },
        { window: 9, bias, queryMask, reduce: 'observed', keys: { last: 40 }, heads: 'group' },
        { queries: Int32Array.of(3, 3, 65, 0), softcap: 3, mask, reduce: 'sum', heads: 'none' },
        { causal: true, window: 20, queries: { last: 8 }, keys: { first: 60 } },
      ] as const)
        assertCase({ B: 2, H: 4, Hkv: 2, N: 70, Nq: 66, D: 32, type }, options);
    }
  });

  test('chosen queries', () => {
    const chosen = [
      'all',
      'first',
      'last',
      { last: 1 },
      { last: 13 },
      Int32Array.of(0, 5, 31, 64),
      Int32Array.of(40),
    ] as const;
    for (const queries of chosen) {
      assertCase({ H: 2, N: 65 }, { queries });
      assertCase({ H: 2, N: 65 }, { queries, causal: true, reduce: 'observed' });
      assertCase({ H: 2, N: 90, Nq: 65 }, { queries, causal: true, reduce: 'max' });
    }
  });

  test('scored keys: the softmax is over all', () => {
    for (const keys of [
      { first: 1 },
      { first: 32 },
      { first: 65 },
      { last: 1 },
      { last: 33 },
      { last: 65 },
    ]) {
      assertCase({ H: 4, Hkv: 2, N: 65, Nq: 20 }, { keys });
      assertCase(
        { H: 4, Hkv: 2, N: 65, Nq: 20 },
        { keys, heads: 'group', causal: true, pool: { kernel: 5, mode: 'avg' } },
      );
    }
  });

  test('weighted by the norms of the values', () => {
    for (const type of floatTypes) {
      const random = seeded(5);
      const { q, k } = makeInputs(random, { B: 2, H: 4, Hkv: 2, N: 37, Nq: 11, type });
      const values = randomTensor(random, type, [2, 2, 37, 20]);
      for (const heads of ['mean', 'max', 'none', 'group'] as const) assertScores(q, k, { values, heads });
      assertScores(q, k, { values, pool: { kernel: 3, mode: 'max' }, reduce: 'max' });
    }
  });

  test('pooled along the keys', () => {
    for (const mode of ['avg', 'max'] as const) {
      for (const kernel of [1, 3, 5, 7, 33, 101])
        assertCase({ H: 2, N: 40, Nq: 9 }, { pool: { kernel, mode }, heads: 'none' });
    }
  });

  test('a window of queries over many keys', () => {
    const N = isOnDevice ? 577 : 5000;
    assertCase(
      { H: 2, Hkv: 1, Nq: 32, N, D: 64 },
      { causal: true, keys: { first: N - 32 }, pool: { kernel: 5, mode: 'avg' } },
    );
    assertCase({ H: 1, Nq: 1, N: isOnDevice ? 577 : 9001, D: 32 }, { causal: true });
  });

  test('many queries and keys', () => {
    assertCase({ H: isOnDevice ? 1 : 2, N: 577, D: 64, type: isOnDevice ? 'float16' : 'float32' });
    for (const type of floatTypes) {
      assertCase({ N: 577, Nq: 70, D: 32, type }, { causal: true, window: 200, reduce: 'observed' });
      assertCase({ N: 197, D: 16, type }, { reduce: 'max' });
    }
  });

  test('large logits stay within the contract', () => {
    for (const type of floatTypes) {
      for (const deviation of [4, 12]) assertCase({ H: 2, N: 97, D: 64, deviation, type });
    }
  });

  test('denormal and zero inputs', () => {
    const q = tensorOf('float32', new Float64Array(4 * 8).fill(1e-42), [1, 1, 4, 8]);
    const k = tensorOf('float32', new Float64Array(9 * 8).fill(-0), [1, 1, 9, 8]);
    assertScores(q, k);
    assertScores(k, q);
  });

  test('a lse that is known is used as it is', () => {
    for (const options of [{}, { causal: true }, { queries: { last: 9 } }, { softcap: 3 }] as const) {
      const { q, k } = makeInputs(seeded(6), { B: 2, H: 2, N: 45 });
      const { scores, lse } = attentionScoresSync(q, k, options);
      const again = attentionScoresSync(q, k, { ...options, lse: lse.data });
      assertWithin(again.scores, decode(scores), (i) => 2e-5 * scores.data[i]);
      const shifted = lse.data.map((x) => x + 1);
      assertScoresAlone(q, k, { ...options, lse: shifted });
    }
  });

  test('NaN and infinity in one query or batch item leave the others alone', () => {
    const { q, k } = makeInputs(seeded(7), { B: 2, H: 2, N: 33 });
    const clean = attentionScoresSync(q, k, { heads: 'none' });
    q.data[5] = Number.NaN;
    q.data[40] = Number.POSITIVE_INFINITY;
    const dirty = attentionScoresSync(q, k, { heads: 'none' });
    const half = 33 * 3;
    assert.deepEqual(dirty.scores.data.slice(33), clean.scores.data.slice(33));
    assert.deepEqual(dirty.lse.data.slice(half), clean.lse.data.slice(half));
    assert.deepEqual(dirty.lse.data.slice(3, half), clean.lse.data.slice(3, half));
    assert.ok(Number.isNaN(dirty.lse.data[0]));
  });

  test('NaN in a masked key or query is never looked at', () => {
    const { q, k } = makeInputs(seeded(8), { N: 33, H: 2 });
    const mask = Uint8Array.from({ length: 33 }, (_, i) => (i === 7 || i === 32 ? 2 : 0));
    const queryMask = Uint8Array.from({ length: 33 }, (_, i) => (i === 4 ? 2 : 0));
    const clean = attentionScoresSync(q, k, { mask, queryMask });
    for (const h of [0, 1]) {
      for (const j of [7, 32]) k.data.fill(Number.NaN, (h * 33 + j) * 16, (h * 33 + j + 1) * 16);
      q.data.fill(Number.NaN, (h * 33 + 4) * 16, (h * 33 + 5) * 16);
    }
    const dirty = attentionScoresSync(q, k, { mask, queryMask });
    assertSameBits(dirty.scores, clean.scores);
    assertSameBits(dirty.lse, clean.lse);
  });

  test('a query of NaN or infinity that sees no key has nothing, with padding of the tile or a softcap', () => {
    for (const N of [1, 3, 16, 33]) {
      for (const unusual of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const { q, k } = makeInputs(seeded(19), { N });
        q.data.fill(unusual);
        const mask = new Uint8Array(N).fill(2);
        for (const options of [{}, { softcap: 5 }]) {
          const { scores, lse } = attentionScoresSync(q, k, { mask, ...options });
          assert.ok(scores.data.every((score) => score === 0));
          assert.ok(lse.data.every((x) => x === Number.NEGATIVE_INFINITY));
        }
      }
    }
  });

  test('a NaN stays in the greatest probability of a key, whichever query has it', () => {
    for (const place of [0, 32, 60]) {
      const { q, k } = makeInputs(seeded(20), { N: 61 });
      q.data[place * 16] = Number.NaN;
      const { scores } = attentionScoresSync(q, k, { reduce: 'max' });
      assert.ok(scores.data.every(Number.isNaN));
    }
  });

  test('layout bnhd', () => {
    for (const type of floatTypes) {
      const { q, k } = makeInputs(seeded(9), { B: 2, H: 4, Hkv: 2, N: 33, Nq: 15, type });
      const values = randomTensor(seeded(10), type, [2, 2, 33, 8]);
      const swapped = <T extends FloatTensor>(tensor: T) => {
        const { data, dims } = swapHeads(decode(tensor));
        return tensorOf(tensor.type, data, dims, 1);
      };
      const expected = attentionScoresSync(q, k, { values, causal: true, entropy: true, heads: 'group' });
      const actual = attentionScoresSync(swapped(q), swapped(k), {
        values: swapped(values),
        layout: 'bnhd',
        causal: true,
        entropy: true,
        heads: 'group',
      });
      assertSameBits(actual.scores, expected.scores);
      assertSameBits(actual.lse, expected.lse);
      assert.ok(actual.entropy && expected.entropy);
      assertSameBits(actual.entropy, expected.entropy);
    }
  });

  test('leading 1-dims may be left out', () => {
    const { q, k } = makeInputs(seeded(11), { H: 3, N: 19, Nq: 4 });
    const expected = attentionScoresSync(q, k);
    const actual = attentionScoresSync({ ...q, dims: [3, 4, 16] }, { ...k, dims: [3, 19, 16] });
    assert.deepEqual(actual.scores.data, expected.scores.data);
    assert.deepEqual(actual.scores.dims, [19]);
    assert.deepEqual(actual.lse.dims, [3, 4]);
    const single = makeInputs(seeded(11), { N: 19, Nq: 4 });
    const bare = attentionScoresSync({ ...single.q, dims: [4, 16] }, { ...single.k, dims: [19, 16] });
    assert.deepEqual(bare.scores.data, attentionScoresSync(single.q, single.k).scores.data);
  });

  test('queries and keys of different types', () => {
    const { q } = makeInputs(seeded(20), { N: 33, Nq: 15, type: 'float16' });
    const { k } = makeInputs(seeded(21), { N: 33, type: 'bfloat16' });
    assertScores(q, k, { values: randomTensor(seeded(22), 'float32', [1, 1, 33, 7]) });
  });

  test('no query, no key, no batch', () => {
    assertCase({ N: 5, Nq: 0 });
    assertCase({ N: 0, Nq: 5 });
    assertCase({ N: 5, Nq: 4, B: 0 });
    assertCase({ N: 5 }, { queries: new Int32Array(0) });
  });

  test('mask, bias and lse as tensors, a mask of one row for all', () => {
    const { q, k } = makeInputs(seeded(12), { B: 2, N: 17 });
    const mask = Uint8Array.from({ length: 17 }, (_, i) => (i % 5 === 0 ? 2 : 0));
    const bias = randomTensor(seeded(13), 'float32', [2, 17]);
    const options = { bias: bias.data, lse: randomTensor(seeded(14), 'float32', [2, 1, 17]).data };
    const expected = attentionScoresSync(q, k, { ...options, mask: Uint8Array.of(...mask, ...mask) });
    const actual = attentionScoresSync(q, k, {
      mask: { type: 'uint8', data: mask, dims: [17] },
      bias,
      lse: { type: 'float32', data: options.lse, dims: [2, 1, 17] },
    });
    assertSameBits(actual.scores, expected.scores);
  });

  test('precision fast ranks as exact does, up to its stated error; on a device it is exact', () => {
    const { q, k } = makeInputs(seeded(14), { H: isOnDevice ? 1 : 4, N: atMost(197), D: 64 });
    const exact = attentionScoresSync(q, k);
    const fast = attentionScoresSync(q, k, { precision: 'fast' });
    assertWithin(fast.scores, decode(exact.scores), (i) => (isOnDevice ? 0 : 0.02) * exact.scores.data[i]);
  });

  test('whatever the masks, the scores of a query sum to one and its lse is finite', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.nat(),
        (Nq, N, H, causal, seed) => {
          const random = seeded(seed);
          const { q, k } = makeInputs(random, { H, Nq, N, D: 8 });
          const mask = Uint8Array.from({ length: N }, () => [0, 1, 2][random.integer(3)]);
          const { scores, lse } = attentionScoresSync(q, k, { causal, mask, reduce: 'sum', heads: 'sum' });
          const total = scores.data.reduce((sum, x) => sum + x, 0);
          const rows = lse.data.filter((x) => x > -Infinity).length;
          assert.ok(Math.abs(total - rows) <= 2e-5 * rows, `${total} of ${rows}`);
          assert.ok(scores.data.every((score, j) => mask[j] !== 2 || score === 0));
        },
      ),
      { numRuns: runs(100) },
    );
  });

  suite('as every operation', () => {
    const N = isOnDevice ? 41 : 331;
    const { q, k } = makeInputs(seeded(15), { B: 2, H: 3, Hkv: 1, N, D: 40 });
    const scoring: AttentionScoresOptions = { causal: true, entropy: true, reduce: 'observed' };
    testContract({
      inputs: [q, k],
      run: ([q, k], extra) => attentionScores(q, k, { ...scoring, ...extra }),
      runSync: ([q, k], extra) => attentionScoresSync(q, k, { ...scoring, ...extra }),
      tensors: ({ scores, lse, entropy }) => [scores, lse, entropy as Tensor],
      out: {
        empty: () => ({
          scores: emptyTensor('float32', [2, N]),
          lse: emptyTensor('float32', [2, 3, N]),
          entropy: emptyTensor('float32', [2, 3, N]),
        }),
        tensors: ({ scores, lse, entropy }) => [scores, lse, entropy],
        overlapping: ([q]) => ({
          scores: viewOf(q, 7, [2, N]),
          lse: emptyTensor('float32', [2, 3, N]),
          entropy: emptyTensor('float32', [2, 3, N]),
        }),
      },
    });
  });

  test('threads give the same bits for a long window and for a wide head reduction', {
    skip: isOnDevice,
  }, () => {
    const { q, k } = makeInputs(seeded(16), { H: 7, Hkv: 1, Nq: 33, N: 3001, D: 64 });
    const results = [1, 2, 4].map((threads) =>
      withThreads(threads, () => attentionScoresSync(q, k, { causal: true })),
    );
    for (const { scores, lse } of results.slice(1)) {
      assertSameBits(scores, results[0].scores);
      assertSameBits(lse, results[0].lse);
    }
  });

  const { q, k } = makeInputs(seeded(17), { H: 2, N: 4, Nq: 3, D: 8 });
  const other = (dims: readonly number[]) => randomTensor(seeded(18), 'float32', dims);
  testRefusals(
    [attentionScores, attentionScoresSync],
    [
      { name: 'no q', args: [undefined, k, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'q', value: 'undefined' },
      {
        name: 'integers for q',
        args: [tensorOf('int32', [1], [1, 1, 1, 1]), k, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'q\\.type',
        value: 'int32',
      },
      {
        name: 'a head dimension that differs',
        args: [q, other([1, 2, 4, 9]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'q|k',
      },
      {
        name: 'a batch that differs',
        args: [q, other([2, 2, 4, 8]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'q|k',
      },
      {
        name: 'heads that do not group',
        args: [q, other([1, 3, 4, 8]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'q|k',
      },
      {
        name: 'a head dimension of 0',
        args: [other([1, 2, 3, 0]), other([1, 2, 4, 0]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'q|k',
      },
      {
        name: 'too many dims',
        args: [other([1, 1, 2, 3, 8]), k, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'q',
      },
      {
        name: 'NaN for scale',
        args: [q, k, { scale: Number.NaN }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.scale',
        value: 'NaN',
      },
      {
        name: 'a word for scale',
        args: [q, k, { scale: '1' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.scale',
        value: '"1"',
      },
      {
        name: 'a number for causal',
        args: [q, k, { causal: 1 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.causal',
        value: 1,
      },
      {
        name: 'a window of 0',
        args: [q, k, { causal: true, window: 0 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.window',
        value: 0,
      },
      {
        name: 'a broken window',
        args: [q, k, { causal: true, window: 1.5 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.window',
        value: 1.5,
      },
      {
        name: 'a mask of another length',
        args: [q, k, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask of another type',
        args: [q, k, { mask: new Float32Array(4) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask value of 7',
        args: [q, k, { mask: Uint8Array.of(0, 7, 0, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.mask',
        value: 7,
      },
      {
        name: 'a queryMask of another length',
        args: [q, k, { queryMask: new Uint8Array(4) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.queryMask',
      },
      {
        name: 'a bias of another length',
        args: [q, k, { bias: new Float32Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.bias',
      },
      {
        name: 'a bias of another type',
        args: [q, k, { bias: new Float64Array(4) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.bias',
      },
      {
        name: 'a length past N',
        args: [q, k, { lengths: Int32Array.of(9) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.lengths',
        value: 9,
      },
      {
        name: 'a negative length',
        args: [q, k, { lengths: Int32Array.of(-1) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.lengths',
        value: -1,
      },
      {
        name: 'lengths of another batch',
        args: [q, k, { lengths: Int32Array.of(1, 1) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.lengths',
      },
      {
        name: 'a softcap under 0',
        args: [q, k, { softcap: -1 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.softcap',
        value: -1,
      },
      {
        name: 'a query past Nq',
        args: [q, k, { queries: Int32Array.of(0, 3) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.queries',
        value: 3,
      },
      {
        name: 'more last queries than there are',
        args: [q, k, { queries: { last: 4 } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.queries',
        value: 4,
      },
      {
        name: 'unknown queries',
        args: [q, k, { queries: 'some' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.queries',
        value: '"some"',
      },
      {
        name: 'more keys than there are',
        args: [q, k, { keys: { first: 5 } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.keys',
        value: 5,
      },
      {
        name: 'unknown keys',
        args: [q, k, { keys: { middle: 2 } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.keys',
      },
      {
        name: 'an unknown reduce',
        args: [q, k, { reduce: 'min' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.reduce',
        value: '"min"',
      },
      {
        name: 'an unknown heads',
        args: [q, k, { heads: 'best' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.heads',
        value: '"best"',
      },
      {
        name: 'an unknown heads.group',
        args: [q, k, { heads: { group: 'none' } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.heads\\.group',
        value: '"none"',
      },
      {
        name: 'an even kernel',
        args: [q, k, { pool: { kernel: 4, mode: 'avg' } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.pool\\.kernel',
        value: 4,
      },
      {
        name: 'an unknown pool mode',
        args: [q, k, { pool: { kernel: 3, mode: 'min' } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.pool\\.mode',
        value: '"min"',
      },
      {
        name: 'values of another length',
        args: [q, k, { values: other([1, 2, 5, 8]) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.values',
      },
      {
        name: 'a lse of another length',
        args: [q, k, { lse: new Float32Array(5) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.lse',
      },
      {
        name: 'an unknown precision',
        args: [q, k, { precision: 'low' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.precision',
        value: '"low"',
      },
      {
        name: 'an unknown layout',
        args: [q, k, { layout: 'nbhd' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.layout',
        value: '"nbhd"',
      },
    ],
    {
      empty: () => ({ scores: emptyTensor('float32', [1, 4]), lse: emptyTensor('float32', [1, 2, 3]) }),
      tensors: ({ scores, lse }: { scores: Tensor; lse: Tensor }) => [scores, lse],
    },
  );

  testMalformed(
    [attentionScores, attentionScoresSync],
    [
      q,
      k,
      {
        scale: 1,
        causal: true,
        window: 2,
        mask: new Uint8Array(4),
        queryMask: new Uint8Array(3),
        lengths: Int32Array.of(4),
        bias: new Float32Array(4),
        softcap: 1,
        queries: 'all',
        keys: { first: 4 },
        reduce: 'sum',
        values: other([1, 2, 4, 5]),
        pool: { kernel: 3, mode: 'avg' },
        heads: { group: 'sum' },
        lse: new Float32Array(6),
        entropy: false,
        precision: 'exact',
        layout: 'bhnd',
      },
    ],
  );
});
