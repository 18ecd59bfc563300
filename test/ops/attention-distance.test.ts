// Logits scaled by how far query and key stand apart, of both attention operations.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatType, Tensor } from 'tokensieve';
import { packKeysSync } from 'tokensieve';
import { attention as attentionReference } from '../reference/attention.js';
import { attentionScores as scoresReference } from '../reference/attention-scores.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { type Extra, testContract, testMalformed, testRefusals } from '../support/contract.js';
import { isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { attention, attentionScores, attentionScoresSync, attentionSync } from '../support/operations.js';
import { type Random, seeded } from '../support/random.js';
import type { ScoresOptions } from '../support/scores-options.js';
import { decode, floatTypes, randomTensor } from '../support/tensors.js';

interface Shape {
  readonly B?: number;
  readonly H?: number;
  readonly Hkv?: number;
  readonly Nq?: number;
  readonly N: number;
  readonly D?: number;
  readonly type?: FloatType;
}

function makeInputs(random: Random, { B = 1, H = 1, Hkv = H, N, Nq = N, D = 16, type = 'float32' }: Shape) {
  return {
    q: randomTensor(random, type, [B, H, Nq, D], { offset: N % 3 }),
    k: randomTensor(random, type, [B, Hkv, N, D], { offset: Nq % 5 }),
    v: randomTensor(random, type, [B, Hkv, N, 24], { offset: 1 }),
  };
}

/** Factors of either sign, none like its neighbours. */
function factors(length: number): Float32Array {
  return Float32Array.from({ length }, (_, d) => 1.5 * Math.cos(0.9 * d) - 0.2);
}

/** Scores, lse, entropy and output within the budget of the float64 references. */
function assertCase(shape: Shape, options: ScoresOptions, seed = 1): void {
  const { q, k, v } = makeInputs(seeded(seed), shape);
  const label = `q ${q.dims} k ${k.dims} ${q.type}`;
  const { values: _, ...rest } = options;
  const expected = scoresReference(decode(q), decode(k), rest);
  const { scores, lse, entropy } = attentionScoresSync(q, k, { ...options, entropy: true });
  const { ofSize } = errorBudget.lse;
  const lseError = (of: { lse: { data: ArrayLike<number> }; rowError: Float64Array }) => (i: number) =>
    of.rowError[i] + ofSize * Math.abs(of.lse.data[i]);
  assertWithin(scores, expected.scores, expected.tolerance, `${label} scores`);
  assertWithin(lse, expected.lse, lseError(expected), `${label} lse`);
  assert.ok(entropy);
  const entropyError = (i: number) => lseError(expected)(i) + expected.rowError[i] * expected.entropy.data[i];
  assertWithin(entropy, expected.entropy, entropyError, `${label} entropy`);

  const { queries: _1, keys: _2, reduce: _3, pool: _4, heads: _5, ...masking } = rest;
  const wanted = attentionReference(decode(q), decode(k), decode(v), masking);
  const both = attentionSync(q, k, v, { ...options, scores: true });
  assertWithin(both.output, wanted.output, wanted.tolerance, `${label} output`);
  assertWithin(both.lse, wanted.lse, lseError(wanted), `${label} lse of the output`);
  assert.ok(both.scores);
  assertWithin(both.scores, expected.scores, expected.tolerance, `${label} scores beside the output`);
}

const queryCounts = isOnDevice ? [1, 65] : [1, 2, 7, 8, 9, 14, 15, 29, 57, 65, 130];
const keyCounts = isOnDevice ? [1, 17, 64, 129] : [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 64, 97, 129];
const extremes = [-(2 ** 31), 2 ** 31 - 1, 0, -1, 2 ** 31 - 2, 1 - 2 ** 31];

suite(`attention with distances (${place})`, () => {
  for (const type of floatTypes) {
    test(`queries and keys about every tile, in place and as others went, ${type}`, () => {
      for (const Nq of queryCounts) {
        for (const N of keyCounts) {
          const random = seeded(Nq + N);
          let next = 0;
          const positions = Int32Array.from({ length: N }, () => (next += 1 + (random.integer(4) & 2)));
          const queryPositions = Int32Array.from({ length: Nq }, () => random.integer(3 * N));
          for (const distanceScale of [factors(N), factors(5)]) {
            if (Nq <= N) assertCase({ Nq, N, type }, { distanceScale });
            assertCase({ Nq, N, type }, { distanceScale, positions, queryPositions });
          }
        }
      }
    });
  }

  test('of any depth, with grouped heads and every reduction', () => {
    for (const D of isOnDevice ? [7, 16, 80, 144] : [1, 3, 8, 17, 40, 64, 128, 144]) {
      for (const [heads, reduce] of [
        ['mean', 'observed'],
        ['none', 'max'],
        ['group', 'sum'],
      ] as const) {
        const type = D % 16 === 0 ? 'float16' : 'float32';
        assertCase(
          { B: 2, H: 4, Hkv: 2, N: 37, Nq: 20, D, type },
          { distanceScale: factors(9), heads, reduce },
        );
      }
    }
  });

  test('a scale of 1s changes nothing but roundings; one number is a scale', () => {
    const { q, k, v } = makeInputs(seeded(2), { H: 2, N: 65 });
    const plain = attentionSync(q, k, v, { scores: true });
    const ones = attentionSync(q, k, v, { scores: true, distanceScale: Float32Array.of(1, 1, 1) });
    assertWithin(ones.output, decode(plain.output), () => 1e-6);
    const halved = attentionSync(q, k, v, { scale: 0.125 });
    const half = attentionSync(q, k, v, { distanceScale: Float32Array.of(0.5) });
    assertWithin(half.output, decode(halved.output), () => 1e-6);
  });

  test('positions of each item, of one row for all, of either type, as tensors', () => {
    const shape = { B: 2, H: 2, N: 40, Nq: 33 };
    const random = seeded(3);
    const distanceScale = factors(20);
    const of = (length: number) => Int32Array.from({ length }, () => random.integer(50) - 10);
    for (const [positions, queryPositions] of [
      [of(80), of(66)],
      [of(40), of(33)],
      [of(80), of(33)],
      [of(80), undefined],
      [undefined, of(66)],
    ]) {
      const options = {
        distanceScale,
        ...(positions && { positions }),
        ...(queryPositions && { queryPositions }),
      };
      assertCase(shape, options);
      assertCase(shape, { ...options, causal: true, window: 30 });
      const { q, k } = makeInputs(seeded(4), shape);
      const wide = (places: Int32Array | undefined, n: number) => {
        if (places === undefined) return undefined;
        const dims = places.length > n ? [2, n] : [n];
        return { type: 'int64', data: BigInt64Array.from(places, BigInt), dims } as Tensor<'int64'>;
      };
      const expected = attentionScoresSync(q, k, options);
      const actual = attentionScoresSync(q, k, {
        distanceScale: { type: 'float32', data: distanceScale, dims: [20] },
        ...(positions && { positions: wide(positions, 40)! }),
        ...(queryPositions && { queryPositions: wide(queryPositions, 33)! }),
      });
      assertSameBits(actual.scores, expected.scores);
      assertSameBits(actual.lse, expected.lse);
    }
  });

  test('distances of any two positions, without overflow', () => {
    const N = 37;
    const positions = Int32Array.from({ length: N }, (_, j) => extremes[j % extremes.length]);
    const run = Int32Array.from({ length: N }, (_, j) => 2 ** 31 - N + j);
    for (const distanceScale of [factors(1), factors(2), factors(3), factors(40)]) {
      for (const keys of [positions, run]) {
        for (const queries of [positions, run, run.map((p) => -p)])
          assertCase({ N }, { distanceScale, positions: keys, queryPositions: queries });
      }
    }
  });

  test('with masks, bias, soft cap, scale, lengths, chosen queries and keys', () => {
    const N = 70;
    const random = seeded(5);
    const mask = Uint8Array.from({ length: 2 * N }, () => [0, 0, 1, 2][random.integer(4)]);
    const queryMask = Uint8Array.from({ length: 2 * N }, () => [0, 0, 1, 2][random.integer(4)]);
    const bias = Float32Array.from({ length: 2 * N }, (_, i) =>
      i % 9 === 0 ? Number.NEGATIVE_INFINITY : Math.log(1 + random.integer(9)),
    );
    const distanceScale = factors(30);
    for (const options of [
      { mask, queryMask },
      { bias },
      { softcap: 2 },
      { softcap: 5, bias, mask },
      { scale: -0.7, causal: true },
      { lengths: Int32Array.of(0, 41) },
      { queries: Int32Array.of(3, 3, 69, 0), keys: { first: 40 } },
      { queries: { last: 5 }, bias, causal: true, pool: { kernel: 3, mode: 'avg' } },
      { queries: 'first', softcap: 3, mask },
      { mask: new Uint8Array(2 * N).fill(2) },
    ] as const) {
      for (const type of ['float32', 'bfloat16'] as const)
        assertCase({ B: 2, H: 2, N, type }, { ...options, distanceScale });
    }
  });

  test('a few queries, a window of them, and keys in tiles', () => {
    const N = isOnDevice ? 300 : 5000;
    const distanceScale = factors(N >> 1);
    for (const Nq of [1, 2, 33]) assertCase({ H: 2, Hkv: 1, Nq, N, D: 32 }, { distanceScale, causal: true });
    const long = isOnDevice ? 577 : 41_000;
    const positions = Int32Array.from({ length: long }, (_, j) => j + (j >> 9));
    assertCase({ Nq: 70, N: long, D: 8 }, { distanceScale, positions, queries: 'last' });
  });

  test('precision fast computes it exactly, of keys packed too', { skip: isOnDevice }, () => {
    const { q, k } = makeInputs(seeded(6), { H: 2, N: 97, D: 64 });
    const options = { distanceScale: factors(50), causal: true };
    const exact = attentionScoresSync(q, k, options);
    const fast = attentionScoresSync(q, k, { ...options, precision: 'fast' });
    assertSameBits(fast.scores, exact.scores);
    const packed = attentionScoresSync(q, packKeysSync(k), { ...options, precision: 'fast' });
    assertWithin(packed.scores, decode(exact.scores), (i) => 0.05 * exact.scores.data[i]);
  });

  test('what a masked key holds is never looked at; a query that is not finite spoils its own row', () => {
    for (const Nq of [3, 33]) {
      const { q, k, v } = makeInputs(seeded(7), { N: 33, Nq });
      const mask = Uint8Array.from({ length: 33 }, (_, j) => (j === 7 || j === 32 ? 2 : 0));
      for (const softcap of [undefined, 5]) {
        const options = { distanceScale: factors(9), mask, ...(softcap && { softcap }) };
        const clean = attentionSync(q, k, v, options);
        const dirtyKeys = { ...k, data: k.data.slice() };
        for (const j of [7, 32]) dirtyKeys.data.fill(Number.NaN, j * 16, j * 16 + 16);
        assertSameBits(attentionSync(q, dirtyKeys, v, options).output, clean.output);
        const dirty = { ...q, data: q.data.slice() };
        dirty.data[16] = Number.NaN;
        dirty.data[17] = Number.POSITIVE_INFINITY;
        const { output, lse } = attentionSync(dirty, k, v, options);
        assert.ok(Number.isNaN(lse.data[1]));
        assert.deepEqual(output.data.slice(0, 24), clean.output.data.slice(0, 24));
        assert.deepEqual(output.data.slice(48), clean.output.data.slice(48));
      }
    }
  });

  test('a lse that is known is used as it is', () => {
    for (const options of [{}, { causal: true }, { softcap: 3 }]) {
      const { q, k } = makeInputs(seeded(8), { B: 2, H: 2, N: 45 });
      const given = { ...options, distanceScale: factors(11) };
      const { scores, lse } = attentionScoresSync(q, k, given);
      const again = attentionScoresSync(q, k, { ...given, lse: lse.data });
      assertWithin(again.scores, decode(scores), (i) => 2e-5 * scores.data[i]);
    }
  });

  test('no query, no key, no batch', () => {
    const distanceScale = factors(3);
    assertCase({ N: 5, Nq: 0 }, { distanceScale });
    assertCase({ N: 5, Nq: 4, B: 0 }, { distanceScale });
    assertCase({ N: 0, Nq: 5 }, { distanceScale, queryPositions: new Int32Array(5) });
  });

  suite('as every operation', () => {
    const N = isOnDevice ? 41 : 231;
    const { q, k, v } = makeInputs(seeded(9), { B: 2, H: 3, Hkv: 1, N, D: 40 });
    const positions = Int32Array.from({ length: 2 * N }, (_, j) => j + (j >> 4));
    const options = { distanceScale: factors(N >> 1), positions };
    const signal = (extra?: Extra<unknown>) => (extra?.signal ? { signal: extra.signal } : {});
    testContract({
      inputs: [q, k],
      run: ([q, k], extra) => attentionScores(q, k, { ...options, ...signal(extra) }),
      runSync: ([q, k]) => attentionScoresSync(q, k, options),
      tensors: ({ scores, lse }) => [scores, lse],
    });
    testContract({
      inputs: [q, k, v],
      run: ([q, k, v], extra) => attention(q, k, v, { ...options, ...signal(extra) }),
      runSync: ([q, k, v]) => attentionSync(q, k, v, options),
      tensors: ({ output, lse }) => [output, lse],
    });
  });

  const { q, k } = makeInputs(seeded(10), { H: 2, N: 4, Nq: 3, D: 8 });
  const long = makeInputs(seeded(10), { H: 2, N: 4, Nq: 5, D: 8 });
  const distanceScale = factors(3);
  testRefusals(
    [attentionScores, attentionScoresSync],
    [
      {
        name: 'a distanceScale of no numbers',
        args: [q, k, { distanceScale: new Float32Array(0) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.distanceScale',
        value: 0,
      },
      {
        name: 'a distanceScale of two dims',
        args: [q, k, { distanceScale: { type: 'float32', data: new Float32Array(4), dims: [2, 2] } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.distanceScale',
      },
      {
        name: 'a distanceScale of another type',
        args: [q, k, { distanceScale: new Float64Array(3) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.distanceScale',
      },
      {
        name: 'a distanceScale that is not finite',
        args: [q, k, { distanceScale: Float32Array.of(1, Number.NaN) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.distanceScale',
        value: 'nan',
      },
      {
        name: 'positions without a distanceScale',
        args: [q, k, { positions: new Int32Array(4) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.positions',
      },
      {
        name: 'queryPositions without a distanceScale',
        args: [q, k, { queryPositions: new Int32Array(3) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.queryPositions',
      },
      {
        name: 'more queries than keys without queryPositions',
        args: [long.q, long.k, { distanceScale }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.queryPositions',
        value: 'nothing',
      },
      {
        name: 'positions of another length',
        args: [q, k, { distanceScale, positions: new Int32Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.positions',
      },
      {
        name: 'positions of another batch',
        args: [q, k, { distanceScale, positions: { type: 'int32', data: new Int32Array(8), dims: [2, 4] } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.positions',
      },
      {
        name: 'queryPositions of another length',
        args: [q, k, { distanceScale, queryPositions: new Int32Array(4) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.queryPositions',
      },
      {
        name: 'positions of another type',
        args: [q, k, { distanceScale, positions: new Float32Array(4) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.positions',
      },
      {
        name: 'a position past 32 bits',
        args: [q, k, { distanceScale, positions: BigInt64Array.of(0n, 1n, 2n ** 31n, 3n) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.positions',
        value: 2147483648,
      },
    ],
  );

  testMalformed(
    [attentionScores, attentionScoresSync],
    [q, k, { distanceScale, positions: new Int32Array(4), queryPositions: new Int32Array(3) }],
  );
});
