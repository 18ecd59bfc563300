// Keys packed once: scores are those of the keys themselves.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type AttentionScoresOptions,
  attentionScores,
  attentionScoresSync,
  type FloatTensor,
  info,
  type PackedKeys,
  packKeys,
  packKeysSync,
} from 'tokensieve';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testRefusals } from '../support/contract.js';
import { seeded } from '../support/random.js';
import { decode, floatTypes, randomTensor, swapHeads, tensorOf } from '../support/tensors.js';
import { withThreads } from '../support/threads.js';

const fast = (q: FloatTensor, k: FloatTensor | PackedKeys, options: AttentionScoresOptions = {}) =>
  attentionScoresSync(q, k, { ...options, precision: 'fast' });

function inputs([B, H, Hkv, Nq, N, D]: readonly number[], type: FloatTensor['type'] = 'float32') {
  const random = seeded(N + D);
  return { q: randomTensor(random, type, [B, H, Nq, D]), k: randomTensor(random, type, [B, Hkv, N, D]) };
}

suite(`packKeys (${info().isa})`, () => {
  for (const type of floatTypes) {
    test(`balanced by all queries, scores are those of unpacked keys to the bit, ${type}`, () => {
      for (const N of [1, 15, 16, 17, 32, 33, 60]) {
        for (const D of [3, 64, 80]) {
          const { q, k } = inputs([2, 4, 2, 16, N, D], type);
          const packed = packKeysSync(k, { queries: q });
          for (const options of [{}, { reduce: 'max', keys: { last: 1 } }] as const) {
            const [actual, expected] = [fast(q, packed, options), fast(q, k, options)];
            assertSameBits(actual.scores, expected.scores);
            assertSameBits(actual.lse, expected.lse);
          }
        }
      }
    });
  }

  test('without queries, near those of exact, whatever the options', () => {
    const { q, k } = inputs([1, 4, 2, 200, 300, 64]);
    const packed = packKeysSync(k);
    const several: AttentionScoresOptions[] = [
      {},
      { causal: true },
      { softcap: 5 },
      { entropy: true },
      { window: 9 },
    ];
    for (const options of several) {
      const exact = attentionScoresSync(q, k, options);
      const actual = fast(q, packed, options);
      assertWithin(actual.scores, decode(exact.scores), (i) => 0.1 * exact.scores.data[i]);
      assertWithin(actual.lse, decode(exact.lse), () => 0.1);
    }
  });

  test('a key dropped when it was packed is dropped from every call', () => {
    const { q, k } = inputs([2, 2, 2, 9, 40, 16]);
    const mask = Uint8Array.from({ length: 80 }, (_, i) => (i % 7 === 3 ? 2 : 0));
    const lengths = Int32Array.of(33, 40);
    const packed = packKeysSync(k, { mask, lengths, queries: q });
    assertSameBits(fast(q, packed).scores, fast(q, k, { mask, lengths }).scores);
  });

  test('rows that bytes cannot compute come from what the bytes stand for', () => {
    const { q, k } = inputs([1, 1, 1, 20, 70, 16]);
    const queries = Float32Array.from(q.data as Float32Array, (x, i) => (i < 32 ? 1e4 * x : x));
    const keys = Float32Array.from(k.data as Float32Array);
    const large = tensorOf('float32', queries, q.dims);
    const exact = attentionScoresSync(large, k);
    const actual = fast(large, packKeysSync(k));
    assertWithin(actual.lse, decode(exact.lse), (i) => 0.1 + 0.02 * Math.abs(exact.lse.data[i]));
    keys[69 * 16] = Number.NaN;
    const { lse } = fast(q, packKeysSync(tensorOf('float32', keys, k.dims)), { causal: true });
    assert.deepEqual(
      Array.from(lse.data, (x) => Number.isNaN(x)),
      Array.from({ length: 20 }, (_, i) => i === 19),
    );
  });

  test('layout bnhd, threads and the asynchronous form give the same bits', async () => {
    const { q, k } = inputs([2, 4, 2, 100, 3000, 24]);
    const expected = packKeysSync(k, { queries: q });
    const swapped = <T extends FloatTensor>(tensor: T) => {
      const { data, dims } = swapHeads(decode(tensor));
      return tensorOf(tensor.type, data, dims, 1);
    };
    assert.deepEqual(packKeysSync(swapped(k), { queries: swapped(q), layout: 'bnhd' }), expected);
    assert.deepEqual(await packKeys(k, { queries: q }), expected);
    const { scores } = fast(q, expected);
    for (const threads of [1, 2, 4]) {
      withThreads(threads, () => {
        assert.deepEqual(packKeysSync(k, { queries: q }), expected);
        assertSameBits(fast(q, expected).scores, scores);
      });
    }
  });

  test('a body that is spoilt gives scores, right or wrong', () => {
    const { q, k } = inputs([1, 2, 2, 20, 50, 20]);
    const random = seeded(4);
    for (let round = 0; round < 50; round++) {
      const { data, ...rest } = packKeysSync(k);
      const spoilt = data.map((byte, i) =>
        i >= 64 && random.integer(20) === 0 ? random.integer(256) : byte,
      );
      fast(q, { ...rest, data: spoilt });
    }
  });

  const { q, k } = inputs([1, 2, 2, 5, 9, 16]);
  const packed = packKeysSync(k);
  type Code = 'ERR_TOKENSIEVE_TYPE' | 'ERR_TOKENSIEVE_RANGE' | 'ERR_TOKENSIEVE_SHAPE';
  const refused = (name: string, keys: unknown, code: Code, path = 'k') => ({
    name,
    args: [q, keys, { precision: 'fast' }],
    code,
    path,
  });
  const other = packKeysSync(inputs([1, 2, 2, 5, 9, 17]).k);
  testRefusals(
    [attentionScores, attentionScoresSync],
    [
      refused('bytes of something else', { ...packed, data: new Uint8Array(4096) }, 'ERR_TOKENSIEVE_RANGE'),
      refused('no bytes', { ...packed, data: new Uint8Array(0) }, 'ERR_TOKENSIEVE_RANGE'),
      refused('half of them', { ...packed, data: packed.data.slice(0, 200) }, 'ERR_TOKENSIEVE_SHAPE'),
      refused('floats', { ...packed, data: new Float32Array(9) }, 'ERR_TOKENSIEVE_TYPE', 'k\\.data'),
      refused('keys of another depth', other, 'ERR_TOKENSIEVE_SHAPE'),
      { ...refused('precision exact', packed, 'ERR_TOKENSIEVE_TYPE'), args: [q, packed, {}] },
    ],
  );
});
