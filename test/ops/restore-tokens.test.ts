import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type FloatTensor, type FloatType, type Tensor, TokenMap } from 'tokensieve';
import { restoreTokens as reference, restoreSum } from '../reference/restore-tokens.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { mapOf, randomOverlapping, randomPartition } from '../support/maps.js';
import { restoreTokens, restoreTokensSync } from '../support/operations.js';
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

/** y `[B,M,C]`; the result is a copy, so it is exact. */
function assertRestored<T extends Tensor>(y: T, map: TokenMap, dropped?: 'zero' | 'nearest' | T): void {
  const [batch, M, C] = y.dims;
  const N = map.inputLength;
  const expected = Array.from({ length: batch }, (_, b) => {
    const fill =
      typeof dropped === 'object'
        ? values(decode(dropped).data.subarray(b * N * C, (b + 1) * N * C), [N, C])
        : dropped;
    const row = values(decode(y).data.subarray(b * M * C, (b + 1) * M * C), [M, C]);
    return Array.from(reference(row, map.assignment.subarray(b * N, (b + 1) * N), fill));
  });
  const actual = restoreTokensSync(y, map, dropped === undefined ? {} : { dropped });
  assertSameBits(actual, tensorOf(y.type, expected.flat(), [batch, N, C]), `${y.dims} to ${N}`);
}

/** Row b of `[B,N,C]`. */
function rowOf(tensor: FloatTensor, b: number) {
  const [, N, C] = tensor.dims;
  return values(decode(tensor).data.subarray(b * N * C, (b + 1) * N * C), [N, C]);
}

interface Sum<T extends FloatType> {
  weights?: Tensor<'float32'>;
  residual?: Tensor<T>;
  dropped?: 'zero' | 'nearest' | Tensor<T>;
}

/** y `[B,M,C]`, weighted and added to. */
function assertSum<T extends FloatType>(y: Tensor<T>, map: TokenMap, options: Sum<T>): void {
  const { weights, residual, dropped } = options;
  const [batch, , C] = y.dims;
  const N = map.inputLength;
  const rows = Array.from({ length: batch }, (_, b) => {
    const fill = typeof dropped === 'object' ? rowOf(dropped, b) : dropped;
    const restored = reference(rowOf(y, b), map.assignment.subarray(b * N, (b + 1) * N), fill);
    const own = weights?.data.subarray(b * N, (b + 1) * N);
    const given = residual && rowOf(residual, b);
    const sum = (of: typeof Math.abs) =>
      restoreSum(
        restored.map(of),
        {
          ...(own && { weights: own.map(of) }),
          ...(given && { residual: { ...given, data: given.data.map(of) } }),
        },
        C,
      );
    return { sum: sum((x) => x), magnitude: sum(Math.abs) };
  });
  const magnitude = rows.flatMap((row) => Array.from(row.magnitude));
  assertWithin(
    restoreTokensSync(y, map, options),
    { data: rows.flatMap((row) => Array.from(row.sum)), dims: [batch, N, C] },
    (i) => magnitude[i] * errorBudget.restoreTokens.ofMagnitude,
    `${y.type} ${y.dims} to ${N}, ${Object.keys(options)}`,
  );
}

suite(`restoreTokens (${place})`, () => {
  for (const type of floatTypes) {
    test(`channels of any number, every way to fill, ${type}`, () => {
      const random = seeded(1);
      for (const C of capped([1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 768])) {
        const y = randomTensor(random, type, [2, 6, C], { offset: C % 3 });
        const map = mapOf([randomPartition(random, 19, 6, 0.4), randomPartition(random, 19, 6)], 19);
        const fill = randomTensor(random, type, [2, 19, C], { offset: 1 });
        assertRestored(y, map);
        for (const dropped of ['zero', 'nearest', fill] as const) assertRestored(y, map, dropped);
      }
    });
  }

  test('tokens as many as those of vision transformers', () => {
    const random = seeded(8);
    for (const N of [197, 577]) {
      const map = mapOf([randomPartition(random, N, N >> 2, 0.6)], N);
      const y = randomTensor(random, 'float32', [1, N >> 2, 24]);
      for (const dropped of ['zero', 'nearest'] as const) assertRestored(y, map, dropped);
    }
  });

  test('pruned tokens: the nearest kept one, the lower of two', () => {
    const y = tensorOf('float32', [10, 20], [1, 2, 1]);
    const map = TokenMap.fromKept(tensorOf('int32', [1, 5], [1, 2]), 7);
    const { data } = restoreTokensSync(y, map, { dropped: 'nearest' });
    assert.deepEqual(Array.from(data as Float32Array), [10, 10, 10, 10, 20, 20, 20]);
    for (const order of [
      [5, 1],
      [0, 6],
      [6, 3],
    ]) {
      assertRestored(y, TokenMap.fromKept(tensorOf('int32', order, [1, 2]), 7), 'nearest');
    }
  });

  test('overlapping, weighted slots: the owner is followed', () => {
    const random = seeded(2);
    const map = mapOf([randomOverlapping(random, 33, 9, 12)], 33);
    for (const dropped of ['zero', 'nearest'] as const)
      assertRestored(randomTensor(random, 'float32', [1, 9, 20]), map, dropped);
  });

  test('rows of different length; padding is not looked at', () => {
    const random = seeded(3);
    const map = mapOf([randomPartition(random, 17, 4), [], randomPartition(random, 17, 9, 0.3)], 17);
    const y = randomTensor(random, 'float32', [3, 9, 5]);
    y.data.fill(Number.NaN, 4 * 5, 2 * 9 * 5);
    for (const dropped of ['zero', 'nearest'] as const) assertRestored(y, map, dropped);
  });

  test('tokens of any type', () => {
    const map = mapOf([randomPartition(seeded(7), 19, 6, 0.4)], 19);
    for (const type of ['int32', 'int64', 'uint8'] as const) {
      const y = tensorOf(
        type,
        Array.from({ length: 18 }, (_, i) => i),
        [1, 6, 3],
      );
      for (const dropped of ['zero', 'nearest'] as const) assertRestored(y, map, dropped);
    }
  });

  test('bits are copied as they are', () => {
    const y = emptyTensor('float32', [1, 2, 5]);
    new Uint32Array(y.data.buffer, y.data.byteOffset, 10).set(
      [0x7fa00001, 0xffc12345, 1, 0x80000000, 0xff800000],
      5,
    );
    const restored = restoreTokensSync(y, mapOf([[{ members: [0] }, { members: [1, 2] }]], 3));
    const bits = new Uint32Array(restored.data.buffer, restored.data.byteOffset, 15);
    for (const start of [5, 10]) {
      assert.deepEqual(
        Array.from(bits.subarray(start, start + 5)),
        [0x7fa00001, 0xffc12345, 1, 0x80000000, 0xff800000],
      );
    }
  });

  test('a map a key head, and a leading 1-dim left out', () => {
    const random = seeded(4);
    const rows = Array.from({ length: 6 }, () => randomPartition(random, 11, 4, 0.3));
    const y = randomTensor(random, 'float32', [2, 3, 4, 8]);
    const restored = restoreTokensSync(y, mapOf(rows, 11, [2, 3]));
    assert.deepEqual(restored.dims, [2, 3, 11, 8]);
    assert.deepEqual(restored.data, restoreTokensSync({ ...y, dims: [6, 4, 8] }, mapOf(rows, 11)).data);
    const single = restoreTokensSync(
      { ...y, data: y.data.subarray(0, 32), dims: [4, 8] },
      mapOf([rows[0]], 11),
    );
    assert.deepEqual(single.dims, [11, 8]);
    assert.deepEqual(single.data, restored.data.slice(0, 88));
  });

  test('a Float16Array gives a Float16Array', { skip: typeof Float16Array === 'undefined' }, () => {
    const y = { type: 'float16', data: Float16Array.of(1, 2), dims: [1, 1, 2] } as const;
    assert.ok(restoreTokensSync(y, mapOf([[{ members: [0, 1] }]], 2)).data instanceof Float16Array);
  });

  suite('weighted and added to', () => {
    for (const type of floatTypes) {
      test(`channels of any number, every way to fill, ${type}`, () => {
        const random = seeded(11);
        for (const C of capped([1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 768])) {
          const y = randomTensor(random, type, [2, 6, C], { offset: C % 3 });
          const map = mapOf([randomPartition(random, 19, 6, 0.4), randomPartition(random, 19, 6)], 19);
          const fill = randomTensor(random, type, [2, 19, C], { offset: 1 });
          const residual = randomTensor(random, type, [2, 19, C], { offset: 2 });
          const weights = randomTensor(random, 'float32', [2, 19], { offset: 3 });
          for (const dropped of ['zero', 'nearest', fill] as const) {
            assertSum(y, map, { weights, residual, dropped });
            assertSum(y, map, { weights, dropped });
            assertSum(y, map, { residual, dropped });
          }
        }
      });
    }

    test('a residual alone where nothing stands for a token, bit for bit', () => {
      const y = tensorOf('float32', [2, 1], [1, 1, 2]);
      const map = TokenMap.fromKept(tensorOf('int32', [1], [1, 1]), 3);
      const residual = tensorOf('float32', [-0, 5, 1, 2, -0, 7], [1, 3, 2]);
      const weights = Float32Array.of(Number.NaN, 3, Number.POSITIVE_INFINITY);
      const added = restoreTokensSync(y, map, { weights, residual });
      assertSameBits(added, tensorOf('float32', [-0, 5, 7, 5, -0, 7], [1, 3, 2]));
      const alone = restoreTokensSync(y, map, { weights });
      assertSameBits(alone, tensorOf('float32', [0, 0, 6, 3, 0, 0], [1, 3, 2]));
    });

    test('merged tokens go back beside those they came from', () => {
      const random = seeded(12);
      const [N, M] = [60, 25];
      const map = mapOf([randomPartition(random, N, M)], N);
      const y = randomTensor(random, 'float32', [1, M, 40]);
      const residual = randomTensor(random, 'float32', [1, N, 40]);
      const restored = restoreTokensSync(y, map);
      const sum = Float32Array.from(restored.data, (x, i) => x + residual.data[i]);
      assertSameBits(restoreTokensSync(y, map, { residual }), { ...restored, data: sum });
    });

    test('weights for each batch item, a map a key head, a bare array', () => {
      const random = seeded(13);
      const rows = Array.from({ length: 6 }, () => randomPartition(random, 11, 4, 0.3));
      const y = randomTensor(random, 'float32', [2, 3, 4, 8]);
      const residual = randomTensor(random, 'float32', [2, 3, 11, 8]);
      const weights = randomTensor(random, 'float32', [2, 11]);
      const map = mapOf(rows, 11, [2, 3]);
      const each = Float32Array.from(
        { length: 66 },
        (_, i) => weights.data[Math.floor(i / 33) * 11 + (i % 11)],
      );
      const restored = restoreTokensSync(y, map, { weights, residual });
      assert.deepEqual(restored.dims, [2, 3, 11, 8]);
      const byRow = { weights: tensorOf('float32', each, [2, 3, 11]), residual };
      assertSameBits(restoreTokensSync(y, map, byRow), restored);
      assertSameBits(restoreTokensSync(y, map, { weights: weights.data, residual }), restored);
      const flat = { weights: each, residual: { ...residual, dims: [6, 11, 8] } };
      assert.deepEqual(
        restoreTokensSync({ ...y, dims: [6, 4, 8] }, mapOf(rows, 11), flat).data,
        restored.data,
      );
    });

    const [N, M, C] = isOnDevice ? [60, 30, 67] : [577, 300, 257];
    const random = seeded(14);
    const map = mapOf([randomPartition(random, N, M, 0.3), randomPartition(random, N, M)], N);
    testContract({
      inputs: [
        randomTensor(random, 'bfloat16', [2, M, C]),
        randomTensor(random, 'bfloat16', [2, N, C]),
        randomTensor(random, 'float32', [2, N]),
      ],
      run: ([y, residual, weights], extra) => restoreTokens(y, map, { residual, weights, ...extra }),
      runSync: ([y, residual, weights], extra) => restoreTokensSync(y, map, { residual, weights, ...extra }),
      tensors: (tokens) => [tokens],
      out: {
        empty: () => ({ tokens: emptyTensor('bfloat16', [2, N, C]) }),
        tensors: ({ tokens }: { tokens: Tensor<'bfloat16'> }) => [tokens],
        overlapping: ([, residual]) => ({ tokens: residual }),
      },
    });
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ tokens: emptyTensor('float32', dims) }),
    tensors: ({ tokens }: { tokens: Tensor<'float32'> }) => [tokens],
  });
  suite('as every operation', () => {
    const random = seeded(5);
    const [N, M, C] = isOnDevice ? [60, 30, 67] : [577, 300, 257];
    // Stands late in its buffer, so that the buffer has room for a result that overlaps it.
    const y = randomTensor(random, 'float32', [2, M, C], { offset: 2 * M * C });
    const map = mapOf([randomPartition(random, N, M, 0.3), randomPartition(random, N, M)], N);
    testContract({
      inputs: [y],
      run: ([y], extra) => restoreTokens(y, map, { dropped: 'nearest', ...extra }),
      runSync: ([y], extra) => restoreTokensSync(y, map, { dropped: 'nearest', ...extra }),
      tensors: (tokens) => [tokens],
      out: {
        ...roomFor([2, N, C]),
        overlapping: ([y]) => ({ tokens: viewOf(y, -y.data.byteOffset / 4, [2, N, C]) }),
      },
    });
  });

  const y = randomTensor(seeded(6), 'float32', [1, 2, 3]);
  const map = mapOf([[{ members: [0, 1] }, { members: [2] }]], 4);
  testRefusals(
    [restoreTokens, restoreTokensSync],
    [
      {
        name: 'y of another length',
        args: [randomTensor(seeded(1), 'float32', [1, 3, 3]), map, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'y|map',
      },
      {
        name: 'y of another batch',
        args: [randomTensor(seeded(1), 'float32', [2, 2, 3]), map, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'y|map',
      },
      { name: 'no map', args: [y, null, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'map', value: 'null' },
      {
        name: 'an unknown fill',
        args: [y, map, { dropped: 'mean' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.dropped',
        value: '"mean"',
      },
      {
        name: 'a fill of another shape',
        args: [y, map, { dropped: emptyTensor('float32', [1, 3, 3]) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.dropped',
      },
      {
        name: 'a fill of another type',
        args: [y, map, { dropped: emptyTensor('float16', [1, 4, 3]) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.dropped',
      },
      {
        name: 'weights of another length',
        args: [y, map, { weights: new Float32Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.weights',
      },
      {
        name: 'weights of another type',
        args: [y, map, { weights: emptyTensor('float16', [1, 4]) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.weights\\.type',
        value: 'float16',
      },
      {
        name: 'a residual of another shape',
        args: [y, map, { residual: emptyTensor('float32', [1, 3, 3]) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.residual',
      },
      {
        name: 'a residual of another type',
        args: [y, map, { residual: emptyTensor('float16', [1, 4, 3]) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.residual',
      },
    ],
    roomFor([1, 4, 3]),
  );

  testRefusals(
    [restoreTokens, restoreTokensSync],
    [
      {
        name: 'integers with weights',
        args: [emptyTensor('int32', [1, 2, 3]), map, { weights: new Float32Array(4) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'y',
        value: 'int32',
      },
    ],
  );

  testMalformed([restoreTokens, restoreTokensSync], [y, map, { dropped: 'nearest' }]);
  testMalformed(
    [restoreTokens, restoreTokensSync],
    [y, map, { weights: new Float32Array(4), residual: emptyTensor('float32', [1, 4, 3]) }],
  );
});
