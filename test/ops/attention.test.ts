import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, FloatType, Tensor } from 'tokensieve';
import { attention as reference } from '../reference/attention.js';
import type { AttentionMasking } from '../reference/attention-probabilities.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { attention, attentionScoresSync, attentionSync } from '../support/operations.js';
import { type Random, seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  swapHeads,
  tensorOf,
  viewOf,
} from '../support/tensors.js';

type Options = Omit<
  AttentionMasking,
  'mask' | 'queryMask' | 'lengths' | 'bias' | 'distanceScale' | 'positions' | 'queryPositions'
> & {
  readonly mask?: Uint8Array;
  readonly queryMask?: Uint8Array;
  readonly lengths?: Int32Array;
  readonly bias?: Float32Array;
};

interface Shape {
  readonly B?: number;
  readonly H?: number;
  readonly Hkv?: number;
  readonly Nq?: number;
  readonly N: number;
  readonly D?: number;
  readonly Dv?: number;
  readonly type?: FloatType;
  readonly deviation?: number;
}

function makeInputs(
  random: Random,
  { B = 1, H = 1, Hkv = H, N, Nq = N, D = 16, Dv = D, type = 'float32', deviation = 1 }: Shape,
): { q: FloatTensor; k: FloatTensor; v: FloatTensor } {
  const q = randomTensor(random, type, [B, H, Nq, D], { deviation, offset: N % 3 });
  const k = randomTensor(random, type, [B, Hkv, N, D], { deviation, offset: Nq % 5 });
  const v = randomTensor(random, type, [B, Hkv, N, Dv], { offset: 1 });
  return { q, k, v };
}

function assertAttention(shape: Shape, options: Options = {}, seed = 1): void {
  const { q, k, v } = makeInputs(seeded(seed), shape);
  assertOutput(q, k, v, options);
}

function assertOutput(q: FloatTensor, k: FloatTensor, v: FloatTensor, options: Options = {}): void {
  const expected = reference(decode(q), decode(k), decode(v), options);
  const { output, lse } = attentionSync(q, k, v, options);
  const label = `q ${q.dims} k ${k.dims} v ${v.dims} ${q.type}`;
  assert.equal(output.type, q.type);
  assertWithin(output, expected.output, expected.tolerance, `${label} output`);
  assertWithin(
    lse,
    expected.lse,
    (i) => expected.rowError[i] + errorBudget.lse.ofSize * Math.abs(expected.lse.data[i]),
    `${label} lse`,
  );
}

// On a device, whose tiles are of 64 rows and 16 to 64 keys, fewer sizes.
const queryCounts = isOnDevice ? [1, 65] : [1, 5, 6, 7, 13, 14, 15, 29, 57];
const keyCounts = isOnDevice ? [1, 17, 65] : [1, 2, 8, 15, 16, 17, 31, 32, 33, 65, 97];
const depths = isOnDevice ? [3, 16, 64, 80, 144] : [1, 3, 8, 17, 32, 40, 64, 80, 129];
const valueDepths = isOnDevice ? [1, 16, 136] : [1, 7, 16, 33, 64, 100];

suite(`attention (${place})`, () => {
  for (const type of floatTypes) {
    test(`queries and keys about every tile, ${type}`, () => {
      for (const Nq of queryCounts) {
        for (const N of keyCounts) assertAttention({ Nq, N, type }, {}, N);
      }
    });

    test(`any head dimension and any value dimension, ${type}`, () => {
      for (const D of depths) {
        for (const Dv of valueDepths) assertAttention({ N: 37, Nq: 16, D, Dv, type }, {}, D);
      }
    });
  }

  test('grouped heads', () => {
    for (const [H, Hkv] of [
      [1, 1],
      [4, 1],
      [8, 2],
      [7, 1],
      [14, 2],
    ])
      assertAttention({ B: 2, H, Hkv, N: 33, Nq: 20 });
  });

  test('causal, windows, and both with fewer or more queries than keys', () => {
    for (const [Nq, N] of [
      [1, 40],
      [13, 40],
      [65, 65],
      [40, 13],
    ]) {
      assertAttention({ Nq, N, H: 2 }, { causal: true });
      for (const window of [1, 2, 16, 33]) assertAttention({ Nq, N }, { causal: true, window });
    }
  });

  test('masks, lengths, bias, softcap and scale', () => {
    const random = seeded(2);
    const mask = Uint8Array.from({ length: 2 * 45 }, () => [0, 0, 1, 2][random.integer(4)]);
    const queryMask = Uint8Array.from({ length: 2 * 45 }, () => [0, 0, 1, 2][random.integer(4)]);
    const bias = Float32Array.from({ length: 2 * 45 }, () => Math.log(1 + random.integer(9)));
    const lengths = Int32Array.of(0, 31);
    for (const options of [
      { mask },
      { queryMask },
      { mask, queryMask, bias, softcap: 5 },
      { lengths },
      { lengths, bias },
      { bias },
      { softcap: 2 },
      { scale: 0.7 },
      { scale: 0 },
    ]) {
      assertAttention({ B: 2, H: 2, N: 45 }, options);
      assertAttention({ B: 2, H: 2, N: 45 }, { ...options, causal: true });
    }
  });

  test('the same of 16-bit types', () => {
    const mask = Uint8Array.from({ length: 2 * 70 }, (_, i) => (i % 3 === 1 ? 2 : 0));
    const bias = Float32Array.from({ length: 2 * 70 }, (_, i) => Math.log(1 + (i % 4)));
    for (const type of ['float16', 'bfloat16'] as const) {
      const shape = { B: 2, H: 4, Hkv: 2, N: 70, Nq: 40, D: 32, Dv: 24, type };
      for (const options of [
        { causal: true, mask },
        { window: 9, bias },
        { softcap: 3, mask, bias },
      ])
        assertAttention(shape, options);
    }
  });

  test('rows of which nothing is left are zero', () => {
    assertAttention({ N: 33 }, { mask: new Uint8Array(33).fill(2) });
    assertAttention(
      { N: 33 },
      { mask: Uint8Array.from({ length: 33 }, (_, i) => (i < 20 ? 2 : 0)), causal: true },
    );
  });

  test('large logits, many keys', () => {
    for (const type of floatTypes) assertAttention({ H: 2, N: 97, D: 64, deviation: 4, type });
    assertAttention({ H: 2, Hkv: 1, Nq: 17, N: isOnDevice ? 577 : 3001, D: 32 }, { causal: true });
    for (const type of floatTypes) {
      assertAttention({ N: 577, Nq: isOnDevice ? 70 : 577, D: 32, type });
      assertAttention({ N: 197, D: 16, Dv: 24, type }, { causal: true });
    }
  });

  test('queries, keys and values of different types: the output is of the type of q', () => {
    const { q } = makeInputs(seeded(20), { N: 33, Nq: 15, type: 'float16' });
    const { k } = makeInputs(seeded(21), { N: 33, type: 'bfloat16' });
    const { v } = makeInputs(seeded(22), { N: 33 });
    assertOutput(q, k, v);
  });

  test('none of something', () => {
    for (const shape of [
      { N: 5, Nq: 0 },
      { N: 0, Nq: 5 },
      { N: 5, B: 0 },
    ])
      assertAttention(shape);
  });

  test('NaN in a masked key is never looked at', () => {
    const { q, k, v } = makeInputs(seeded(3), { N: 33 });
    const mask = Uint8Array.from({ length: 33 }, (_, i) => (i === 7 || i === 32 ? 2 : 0));
    const clean = attentionSync(q, k, v, { mask });
    for (const tensor of [k, v]) for (const j of [7, 32]) tensor.data.fill(Number.NaN, j * 16, j * 16 + 16);
    const dirty = attentionSync(q, k, v, { mask });
    assertSameBits(dirty.output, clean.output);
    assertSameBits(dirty.lse, clean.lse);
  });

  test('scores beside the output are those of attentionScores', () => {
    const B = isOnDevice ? 1 : 2;
    const { q, k, v } = makeInputs(seeded(4), { B, H: 4, Hkv: 2, N: 65 });
    const bias = Float32Array.from({ length: B * 65 }, (_, i) => Math.log(1 + (i % 5)));
    for (const options of [
      {},
      { causal: true, reduce: 'observed' },
      { queries: 'first', heads: 'none' },
      { queries: { last: 9 }, keys: { first: 56 }, pool: { kernel: 5, mode: 'avg' }, heads: 'group' },
      { queries: Int32Array.of(1, 40), reduce: 'max', bias },
    ] as const) {
      const both = attentionSync(q, k, v, { ...options, scores: true });
      const { scores } = attentionScoresSync(q, k, options);
      assert.ok(both.scores);
      assertWithin(both.scores, decode(scores), (i) => 4e-5 * scores.data[i]);
      assert.deepEqual(both.lse.dims, [B, 4, 65]);
      const plain = attentionSync(q, k, v, options);
      assert.equal(plain.scores, undefined);
      assertWithin(plain.output, decode(both.output), () => 1e-5);
    }
  });

  for (const [label, shape] of [
    ['in one tile', { B: 2, H: 4, Hkv: 2, Nq: 33, N: 130 }],
    ['in tiles of keys', { H: 1, Nq: 70, N: isOnDevice ? 577 : 41_000, D: 8 }],
  ] as const) {
    test(`gives the entropy that attentionScores gives, ${label}`, () => {
      const { q, k, v } = makeInputs(seeded(61), shape);
      const options = { causal: true, entropy: true };
      const { entropy } = attentionSync(q, k, v, options);
      const expected = attentionScoresSync(q, k, options).entropy as Tensor<'float32'>;
      // On a device the tiles of the two are of different lengths.
      if (isOnDevice) assertWithin(entropy as Tensor, decode(expected), (i) => 1e-6 * (1 + expected.data[i]));
      else assertSameBits(entropy as Tensor, expected);
    });

    test(`takes the log-sum-exp that is known, ${label}`, () => {
      const { q, k, v } = makeInputs(seeded(62), shape);
      const own = attentionSync(q, k, v, { scores: true, entropy: true });
      const given = attentionSync(q, k, v, { scores: true, entropy: true, lse: own.lse });
      for (const field of ['output', 'lse', 'scores', 'entropy'] as const) {
        const expected = own[field] as Tensor<'float32'>;
        const tolerance = (i: number) =>
          2e-5 *
          (field === 'scores' ? expected.data[i] : Math.max(...expected.data.slice(0, 64).map(Math.abs)));
        assertWithin(given[field] as Tensor, decode(expected), tolerance, field);
      }
    });
  }

  test('layout bnhd, for inputs and output', () => {
    for (const type of floatTypes) {
      const { q, k, v } = makeInputs(seeded(5), { B: 2, H: 4, Hkv: 2, N: 33, Nq: 15, Dv: 24, type });
      const swapped = (tensor: FloatTensor) => {
        const { data, dims } = swapHeads(decode(tensor));
        return tensorOf(tensor.type, data, dims, 1);
      };
      const expected = attentionSync(q, k, v, { causal: true });
      const actual = attentionSync(swapped(q), swapped(k), swapped(v), { causal: true, layout: 'bnhd' });
      assert.deepEqual(actual.output.dims, [2, 15, 4, 24]);
      assertSameBits(tensorOf(type, swapHeads(decode(actual.output)).data, [2, 4, 15, 24]), expected.output);
      assertSameBits(actual.lse, expected.lse);
    }
  });

  test('leading 1-dims may be left out', () => {
    const { q, k, v } = makeInputs(seeded(6), { H: 3, N: 19, Nq: 4 });
    const expected = attentionSync(q, k, v);
    const actual = attentionSync(
      { ...q, dims: [3, 4, 16] },
      { ...k, dims: [3, 19, 16] },
      { ...v, dims: [3, 19, 16] },
    );
    assert.deepEqual(actual.output.dims, [3, 4, 16]);
    assert.deepEqual(actual.lse.dims, [3, 4]);
    assert.deepEqual(actual.output.data, expected.output.data);
  });

  suite('as every operation', () => {
    const N = isOnDevice ? 41 : 231;
    const { q, k, v } = makeInputs(seeded(7), { B: 2, H: 3, Hkv: 1, N, D: 40 });
    testContract({
      inputs: [q, k, v],
      run: ([q, k, v], extra) => attention(q, k, v, { causal: true, scores: true, ...extra }),
      runSync: ([q, k, v], extra) => attentionSync(q, k, v, { causal: true, scores: true, ...extra }),
      tensors: ({ output, lse, scores }) => [output, lse, scores as Tensor],
      out: {
        empty: () => ({
          output: emptyTensor('float32', [2, 3, N, 40]),
          lse: emptyTensor('float32', [2, 3, N]),
          scores: emptyTensor('float32', [2, N]),
        }),
        tensors: ({ output, lse, scores }) => [output, lse, scores],
        overlapping: ([q]) => ({
          output: viewOf(q, 0, [2, 3, N, 40]),
          lse: emptyTensor('float32', [2, 3, N]),
          scores: emptyTensor('float32', [2, N]),
        }),
      },
    });
  });

  const { q, k, v } = makeInputs(seeded(8), { H: 2, N: 4, Nq: 3, D: 8 });
  const other = (dims: readonly number[]) => randomTensor(seeded(9), 'float32', dims);
  testRefusals(
    [attention, attentionSync],
    [
      {
        name: 'no v',
        args: [q, k, undefined, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'v',
        value: 'undefined',
      },
      {
        name: 'a v of another length',
        args: [q, k, other([1, 2, 5, 8]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'v',
      },
      {
        name: 'a v of other heads',
        args: [q, k, other([1, 1, 4, 8]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'v',
      },
      {
        name: 'a head dimension that differs',
        args: [q, other([1, 2, 4, 9]), v, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'q|k',
      },
      {
        name: 'a mask of another length',
        args: [q, k, v, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'a window of 0',
        args: [q, k, v, { causal: true, window: 0 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.window',
        value: 0,
      },
      {
        name: 'a number for scores',
        args: [q, k, v, { scores: 1 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.scores',
        value: 1,
      },
      {
        name: 'a query past Nq',
        args: [q, k, v, { scores: true, queries: Int32Array.of(3) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.queries',
        value: 3,
      },
    ],
    {
      empty: () => ({ output: emptyTensor('float32', [1, 2, 3, 8]), lse: emptyTensor('float32', [1, 2, 3]) }),
      tensors: ({ output, lse }: { output: Tensor; lse: Tensor }) => [output, lse],
    },
  );

  testMalformed(
    [attention, attentionSync],
    [
      q,
      k,
      v,
      { scale: 1, causal: true, window: 2, mask: new Uint8Array(4), scores: true, queries: { last: 2 } },
    ],
  );
});
