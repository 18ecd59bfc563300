import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatType, Tensor } from 'tokensieve';
import { channelMoments as reference } from '../reference/channel-moments.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { channelMoments, channelMomentsSync } from '../support/operations.js';
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

/** x `[B,N,C]`; the mask `[B,N]`. */
function assertMoments(x: Tensor<FloatType>, mask?: Uint8Array, ddof?: 0 | 1, label = ''): void {
  const [batch, N, C] = x.dims;
  const { data } = decode(x);
  const rows = Array.from({ length: batch }, (_, b) => {
    const own = mask?.subarray(b * N, (b + 1) * N);
    const row = values(data.subarray(b * N * C, (b + 1) * N * C), [N, C]);
    const options = { ...(own && { mask: own }) };
    return {
      ...reference(row, { ...options, ...(ddof !== undefined && { ddof }) }),
      magnitude: reference({ ...row, data: row.data.map(Math.abs) }, options).mean,
    };
  });
  const dims = [batch, C];
  const all = (field: 'mean' | 'variance' | 'magnitude') => ({
    data: Float64Array.from(rows.flatMap((row) => Array.from(row[field]))),
    dims,
  });
  const given = { ...(mask && { mask }), ...(ddof !== undefined && { ddof }) };
  const { mean, variance } = channelMomentsSync(x, given);
  const { ofMagnitude, relative } = errorBudget.channelMoments;
  const magnitude = all('magnitude').data;
  const spread = all('variance');
  const text = `${x.type} ${x.dims} ${label}`;
  assertWithin(mean, all('mean'), (i) => ofMagnitude * magnitude[i], `mean ${text}`);
  assertWithin(variance, spread, (i) => relative * spread.data[i], `variance ${text}`);
}

const widths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200];

suite(`channelMoments (${place})`, () => {
  for (const type of floatTypes) {
    test(`tokens of any width, ${type}`, () => {
      const random = seeded(1);
      for (const channels of capped(widths)) {
        const x = randomTensor(random, type, [2, 37, channels], { offset: channels % 3 });
        assertMoments(x);
        assertMoments(x, randomMask(random, 74), 1);
      }
    });
  }

  test('any number of tokens', () => {
    const random = seeded(2);
    for (const N of capped([0, 1, 2, 63, 64, 65, 128, 129, 1023, 1024, 1025, 2100])) {
      const x = randomTensor(random, 'float32', [2, N, 19]);
      assertMoments(x);
      assertMoments(x, undefined, 1);
      assertMoments(x, randomMask(random, 2 * N));
    }
  });

  test('offsets that channels have, and that change along the tokens, cost no digits', () => {
    const random = seeded(3);
    const [N, C] = [atMost(1500), 21];
    for (const offset of [1e3, -1e5, 3e6]) {
      const shifts: ((n: number, c: number) => number)[] = [
        () => offset,
        (n) => (n < N / 2 ? 0 : offset),
        (n) => offset * Math.sin(n / 100),
        (n) => (n === 0 ? offset : 0),
      ];
      shifts.forEach((shift, i) => {
        const numbers = Array.from(
          { length: N * C },
          (_, at) => random.normal() + shift(Math.floor(at / C), at % C),
        );
        assertMoments(tensorOf('float32', numbers, [1, N, C]), undefined, 0, `${offset} by shift ${i}`);
      });
    }
  });

  test('equal tokens have their own mean and variance 0, exactly', () => {
    for (const N of capped([1, 3, 64, 65, 1030])) {
      const numbers = [0.1, -3e5, 1e-30, 12_345.678, 1e10];
      const x = tensorOf(
        'float32',
        Array.from({ length: N * 5 }, (_, i) => numbers[i % 5]),
        [1, N, 5],
      );
      const { mean, variance } = channelMomentsSync(x);
      assert.deepEqual(Array.from(mean.data), Array.from(x.data.subarray(0, 5)), `${N} tokens`);
      assert.deepEqual(Array.from(variance.data), [0, 0, 0, 0, 0], `${N} tokens`);
    }
  });

  test('a row without tokens, and one token less ddof 1', () => {
    const x = tensorOf('float32', [5, 6, 7, 8, 9, 10, 11, 12], [2, 2, 2]);
    const { mean, variance } = channelMomentsSync(x, { mask: Uint8Array.of(2, 2, 0, 2), ddof: 1 });
    assert.deepEqual(Array.from(mean.data), [0, 0, 9, 10]);
    assert.deepEqual(Array.from(variance.data), [0, 0, 0, 0]);
    const none = channelMomentsSync(emptyTensor('float32', [2, 0, 3]));
    assert.deepEqual(none.mean.dims, [2, 3]);
    assert.ok([...none.mean.data, ...none.variance.data].every((value) => value === 0));
  });

  test('padding by lengths is padding by mask; what is left out is not looked at', () => {
    const random = seeded(4);
    const [N, C] = [atMost(1100), 33];
    const x = randomTensor(random, 'float16', [2, N, C]);
    const lengths = Int32Array.of(N, Math.floor(N / 3));
    const mask = randomMask(random, 2 * N);
    const both = mask.map((state, i) => (i % N >= lengths[Math.floor(i / N)] ? 2 : state));
    const expected = channelMomentsSync(x, { mask: both });
    both.forEach((state, i) => {
      if (state === 2) x.data.fill(0x7e00, i * C, (i + 1) * C); // NaN
    });
    const given = channelMomentsSync(x, { mask, lengths });
    assertSameBits(given.mean, expected.mean);
    assertSameBits(given.variance, expected.variance);
    const short = Math.floor(N / 3);
    const one = { ...x, data: x.data.slice(N * C, (N + short) * C), dims: [1, short, C] };
    const alone = channelMomentsSync(one, { mask: mask.subarray(N, N + short) });
    assert.deepEqual(alone.mean.data, given.mean.data.slice(C));
    assert.deepEqual(alone.variance.data, given.variance.data.slice(C));
  });

  test('rows of several heads, a mask for each row, one row and one token', () => {
    const random = seeded(5);
    const x = randomTensor(random, 'float32', [2, 3, 11, 8]);
    const mask = tensorOf('uint8', randomMask(random, 66), [2, 3, 11]);
    const { mean, variance } = channelMomentsSync(x, { mask });
    assert.deepEqual(mean.dims, [2, 3, 8]);
    const flat = channelMomentsSync({ ...x, dims: [6, 11, 8] }, { mask: mask.data });
    assert.deepEqual(mean.data, flat.mean.data);
    assert.deepEqual(variance.data, flat.variance.data);
    const row = channelMomentsSync({ ...x, data: x.data.slice(0, 88), dims: [11, 8] });
    assert.deepEqual(row.mean.dims, [8]);
    assert.deepEqual(Array.from(channelMomentsSync(tensorOf('float32', [3, 4], [2])).mean.data), [3, 4]);
  });

  test('what is not finite gives NaN, in its own channel', () => {
    for (const unusual of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const x = randomTensor(seeded(6), 'float32', [1, 70, 5]);
      x.data[33 * 5 + 2] = unusual;
      const { mean, variance } = channelMomentsSync(x);
      const where = (tensor: Tensor) =>
        Array.from(tensor.data as Float32Array, (value) => Number.isNaN(value));
      assert.deepEqual(where(mean), [false, false, true, false, false]);
      assert.deepEqual(where(variance), [false, false, true, false, false]);
    }
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ mean: emptyTensor('float32', dims), variance: emptyTensor('float32', dims) }),
    tensors: ({ mean, variance }: { mean: Tensor<'float32'>; variance: Tensor<'float32'> }) => [
      mean,
      variance,
    ],
  });
  suite('as every operation', () => {
    const dims = isOnDevice ? [3, 70, 96] : [3, 1300, 200];
    const x = randomTensor(seeded(7), 'float32', dims);
    testContract({
      inputs: [x],
      run: ([x], extra) => channelMoments(x, extra),
      runSync: ([x], extra) => channelMomentsSync(x, extra),
      tensors: ({ mean, variance }) => [mean, variance],
      out: {
        ...roomFor([dims[0], dims[2]]),
        overlapping: ([x]) => ({
          mean: viewOf(x, 64, [dims[0], dims[2]]),
          variance: emptyTensor('float32', [dims[0], dims[2]]),
        }),
      },
    });
  });

  const x = tensorOf('float32', [1, 2, 3, 4], [1, 2, 2]);
  testRefusals(
    [channelMoments, channelMomentsSync],
    [
      {
        name: 'a ddof of 2',
        args: [x, { ddof: 2 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.ddof',
        value: 2,
      },
      {
        name: 'a word for ddof',
        args: [x, { ddof: '1' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.ddof',
        value: '"1"',
      },
      {
        name: 'integers for x',
        args: [tensorOf('int32', [1], [1, 1]), {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
      {
        name: 'a mask of another length',
        args: [x, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'too many lengths',
        args: [x, { lengths: Int32Array.of(1, 1) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.lengths',
      },
    ],
    roomFor([1, 2]),
  );
  testRefusals(
    [channelMoments, channelMomentsSync],
    [
      {
        name: 'a mean of another shape',
        args: [x, { out: { mean: emptyTensor('float32', [2]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.mean',
      },
      {
        name: 'a variance of another type',
        args: [x, { out: { variance: emptyTensor('float16', [1, 2]) } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.variance',
      },
    ],
  );
  testMalformed(
    [channelMoments, channelMomentsSync],
    [x, { ddof: 1, mask: new Uint8Array(2), lengths: Int32Array.of(2), out: roomFor([1, 2]).empty() }],
  );
});
