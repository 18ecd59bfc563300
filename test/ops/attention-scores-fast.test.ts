// attentionScores with precision 'fast', where the processor multiplies bytes; elsewhere it is exact.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type AttentionScoresOptions,
  attentionScores,
  attentionScoresSync,
  type FloatTensor,
  info,
} from 'tokensieve';
import { attentionScores as reference } from '../reference/attention-scores.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract } from '../support/contract.js';
import { fastLogitError } from '../support/fast-attention.js';
import { seeded } from '../support/random.js';
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

const fast = (q: FloatTensor, k: FloatTensor, options: AttentionScoresOptions = {}) =>
  attentionScoresSync(q, k, { ...options, precision: 'fast' });

function inputs([B, H, Hkv, Nq, N, D]: readonly number[], type: FloatTensor['type'] = 'float32', seed = 1) {
  const random = seeded(seed);
  return {
    q: randomTensor(random, type, [B, H, Nq, D], { offset: N % 3 }),
    k: randomTensor(random, type, [B, Hkv, N, D], { offset: Nq % 5 }),
  };
}

/** Scores and lse as far from the float64 reference as rounding to bytes may take them. */
function assertFast(q: FloatTensor, k: FloatTensor, options: ScoresOptions = {}): void {
  const { values, ...rest } = options;
  const expected = reference(decode(q), decode(k), { ...rest, ...(values && { values: decode(values) }) });
  const actual = fast(q, k, options);
  const error = Math.max(1e-6, ...fastLogitError(decode(q), decode(k), rest));
  const label = `q ${q.dims} k ${k.dims} ${q.type}`;
  assertWithin(
    actual.scores,
    expected.scores,
    (i) => (Math.exp(2 * error) - 1 + 3e-4) * Math.abs(expected.scores.data[i]),
    `${label} scores`,
  );
  assertWithin(actual.lse, expected.lse, () => error + 3e-4, `${label} lse`);
}

suite(`attentionScores, precision fast (${info().isa})`, () => {
  for (const type of floatTypes) {
    test(`queries and keys about every tile, ${type}`, () => {
      for (const Nq of [1, 2, 13, 14, 15, 29, 57]) {
        for (const N of [1, 2, 15, 16, 17, 31, 32, 33, 49, 65]) {
          const { q, k } = inputs([1, 1, 1, Nq, N, 20], type, N);
          assertFast(q, k);
        }
      }
    });

    test(`any head dimension, ${type}`, () => {
      for (const D of [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 80, 128, 129, 256, 257, 300]) {
        const { q, k } = inputs([1, 1, 1, 16, 37, D], type, D);
        assertFast(q, k);
      }
    });
  }

  test('every option that is computed fast', () => {
    const { q, k } = inputs([2, 4, 2, 40, 40, 24]);
    const random = seeded(3);
    const mask = Uint8Array.from({ length: 80 }, () => random.integer(3));
    const queryMask = Uint8Array.from({ length: 80 }, () => 2 * random.integer(2));
    const bias = Float32Array.from({ length: 80 }, () => 2 * random.normal());
    const values = randomTensor(random, 'float16', [2, 2, 40, 7]);
    const cases: ScoresOptions[] = [
      { mask },
      { queryMask },
      { lengths: Int32Array.of(17, 40) },
      { bias },
      { causal: true },
      { window: 5 },
      { causal: true, window: 11, mask },
      { values },
      { scale: 0.5 },
      { scale: 0 },
      { queries: 'last' },
      { queries: 'first' },
      { queries: { last: 9 } },
      { queries: Int32Array.of(3, 3, 30, 1) },
      { keys: { first: 7 } },
      { keys: { last: 35 } },
      { keys: { last: 3 }, causal: true },
      { pool: { kernel: 5, mode: 'avg' } },
      { pool: { kernel: 3, mode: 'max' } },
    ];
    for (const options of cases) {
      for (const reduce of ['mean', 'sum', 'max', 'observed'] as const)
        assertFast(q, k, { ...options, reduce });
    }
    for (const heads of [
      'mean',
      'sum',
      'max',
      'none',
      'group',
      { group: 'sum' },
      { group: 'max' },
    ] as const) {
      assertFast(q, k, { heads, causal: true, mask });
    }
  });

  test('a log-sum-exp that is known', () => {
    const { q, k } = inputs([1, 2, 1, 30, 50, 64]);
    const { lse } = attentionScoresSync(q, k);
    const expected = attentionScoresSync(q, k, { heads: 'none' }).scores;
    const actual = fast(q, k, { lse: lse.data, heads: 'none' });
    const [error] = fastLogitError(decode(q), decode(k));
    assertWithin(actual.scores, decode(expected), (i) => (Math.exp(error) - 1 + 3e-4) * expected.data[i]);
    assertWithin(actual.lse, decode(lse), () => 1e-6);
  });

  test('shapes of many blocks, of shared keys, and of keys in tiles', () => {
    for (const [H, Nq, N] of [
      [1, 300, 700],
      [2, 40, 9000],
      [1, 70, 20_011],
    ]) {
      const { q, k } = inputs([1, H, 1, Nq, N, 8]);
      const exact = attentionScoresSync(q, k, { causal: true });
      const scores = fast(q, k, { causal: true });
      assertWithin(scores.scores, decode(exact.scores), (i) => 0.2 * exact.scores.data[i], `${Nq} x ${N}`);
      assertWithin(scores.lse, decode(exact.lse), () => 0.1);
    }
  });

  test('a soft cap, the entropy, and instruction sets without products of bytes are exact', () => {
    const { q, k } = inputs([1, 2, 1, 30, 50, 64]);
    const several: AttentionScoresOptions[] = [{ softcap: 3 }, { entropy: true }];
    for (const options of info().isa === 'avx512' ? several : [...several, {}]) {
      const exact = attentionScoresSync(q, k, options);
      const actual = fast(q, k, options);
      assertSameBits(actual.scores, exact.scores);
      assertSameBits(actual.lse, exact.lse);
    }
  });

  test('rows that bytes cannot compute are those of exact', () => {
    const { q, k } = inputs([1, 2, 1, 40, 60, 16]);
    const [queries, keys] = [
      Float32Array.from(q.data as Float32Array),
      Float32Array.from(k.data as Float32Array),
    ];
    for (let c = 0; c < 16; c++) {
      queries[3 * 16 + c] *= 1e4; // logits in the tens of thousands
      queries[7 * 16 + c] = 0;
      queries[9 * 16 + c] *= 1e30;
      keys[11 * 16 + c] = 0;
    }
    queries[50 * 16] = Number.NaN;
    queries[51 * 16 + 3] = Number.POSITIVE_INFINITY;
    const from = { q: tensorOf('float32', queries, q.dims), k: tensorOf('float32', keys, k.dims) };
    for (const options of [{}, { causal: true }, { reduce: 'max' }] as const) {
      const exact = attentionScoresSync(from.q, from.k, { ...options, heads: 'none' });
      const actual = fast(from.q, from.k, { ...options, heads: 'none' });
      const error = 0.3;
      assertWithin(actual.lse, decode(exact.lse), (i) => error + 1e-5 * Math.abs(exact.lse.data[i]));
      for (let j = 0; j < 60; j++) {
        const [a, b] = [actual.scores.data[j], exact.scores.data[j]];
        assert.ok(Math.abs(a - b) <= 0.5 * b + 1e-30, `${j}: ${a}, ${b}`);
        assert.equal(Number.isNaN(actual.scores.data[60 + j]), Number.isNaN(exact.scores.data[60 + j]));
      }
    }
  });

  test('keys that are not finite, and masked keys that hold anything', () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38]) {
      const { q, k } = inputs([1, 1, 1, 20, 40, 16]);
      const keys = Float32Array.from(k.data as Float32Array);
      keys[33 * 16 + 2] = wrong;
      const given = tensorOf('float32', keys, k.dims);
      const exact = attentionScoresSync(q, given, { causal: true });
      const actual = fast(q, given, { causal: true });
      const missing = ({ data }: { data: Float32Array }) => Array.from(data, (x) => Number.isNaN(x));
      assert.deepEqual(missing(actual.lse), missing(exact.lse));
      assert.deepEqual(missing(actual.scores), missing(exact.scores));
      const mask = new Uint8Array(40);
      mask[33] = 2;
      assert.deepEqual(fast(q, given, { mask }), fast(q, k, { mask }));
      assertFast(q, k, { mask });
    }
  });

  test('nothing to see, nothing at all', () => {
    const { q, k } = inputs([1, 2, 1, 5, 9, 16]);
    const { scores, lse } = fast(q, k, { mask: new Uint8Array(9).fill(2) });
    assert.ok(scores.data.every((x) => x === 0) && lse.data.every((x) => x === Number.NEGATIVE_INFINITY));
    const same = tensorOf('float32', new Float32Array(2 * 9 * 16).fill(1), [1, 2, 9, 16]);
    assertFast(same, same);
    for (const [Nq, N] of [
      [0, 5],
      [5, 0],
    ]) {
      const empty = inputs([1, 1, 1, Nq, N, 4]);
      assert.ok(fast(empty.q, empty.k).scores.data.every((x) => x === 0));
    }
  });

  test('layout bnhd gives the same bits', () => {
    const { q, k } = inputs([2, 4, 2, 33, 47, 24]);
    const swapped = <T extends FloatTensor>(tensor: T) => {
      const { data, dims } = swapHeads(decode(tensor));
      return tensorOf(tensor.type, data, dims, 1);
    };
    const actual = fast(swapped(q), swapped(k), { layout: 'bnhd' });
    const expected = fast(q, k);
    assertSameBits(actual.scores, expected.scores);
    assertSameBits(actual.lse, expected.lse);
  });

  test('threads give the same bits', () => {
    for (const [H, Hkv, Nq, N] of [
      [7, 1, 33, 3001],
      [1, 1, 700, 700],
      [3, 3, 64, 5000],
    ]) {
      const { q, k } = inputs([1, H, Hkv, Nq, N, 64]);
      const results = [1, 2, 3, 4].map((threads) => withThreads(threads, () => fast(q, k, { causal: true })));
      for (const { scores, lse } of results.slice(1)) {
        assertSameBits(scores, results[0].scores);
        assertSameBits(lse, results[0].lse);
      }
    }
  });

  test('ranks as exact does', () => {
    const { q, k } = inputs([1, 12, 12, 577, 577, 64], 'float32', 5);
    const best = (scores: Float32Array) =>
      new Set([...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 144));
    const expected = best(attentionScoresSync(q, k).scores.data);
    const overlap = [...best(fast(q, k).scores.data)].filter((j) => expected.has(j)).length;
    assert.ok(overlap >= 0.98 * 144, `${overlap} of 144`);
  });

  suite('as every operation', () => {
    const { q, k } = inputs([2, 3, 1, 331, 331, 40]);
    const out = () => ({
      scores: emptyTensor('float32', [2, 331]),
      lse: emptyTensor('float32', [2, 3, 331]),
    });
    testContract({
      inputs: [q, k],
      run: ([q, k], extra) => attentionScores(q, k, { ...extra, precision: 'fast' }),
      runSync: ([q, k], extra) => fast(q, k, extra),
      tensors: ({ scores, lse }) => [scores, lse],
      out: {
        empty: out,
        tensors: ({ scores, lse }) => [scores, lse],
        overlapping: ([q]) => ({ ...out(), scores: viewOf(q, 7, [2, 331]) }),
      },
    });
  });
});
