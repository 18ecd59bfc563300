import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { FloatTensor, FloatType, Tensor } from 'tokensieve';
import { topK as referenceTopK } from '../reference/top-k.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, capped, isOnDevice, place, runs } from '../support/device.js';
import { topK, topKSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, emptyTensor, floatTypes, randomTensor, tensorOf, viewOf } from '../support/tensors.js';

interface Options {
  readonly largest?: boolean;
  readonly order?: 'index' | 'value';
  readonly mask?: Uint8Array;
}

const lengths = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 255, 256, 257, 1009, 4099];

/** Checks every row of a result: the indices of the reference, and at them the very bits of x. */
function assertTopK(x: FloatTensor, k: number, options: Options = {}): void {
  const { indices, values } = topKSync(x, k, options);
  const N = x.dims[x.dims.length - 1];
  const rows = N === 0 ? 0 : x.data.length / N;
  const { data } = decode(x);
  assert.equal(indices.type, 'int32');
  assert.equal(values.type, x.type);
  assert.deepEqual(indices.dims, [...x.dims.slice(0, -1), k]);
  assert.deepEqual(values.dims, indices.dims);
  for (let r = 0; r < rows; r++) {
    const row = data.subarray(r * N, (r + 1) * N);
    const { mask } = options;
    const expected = referenceTopK(row, k, {
      ...options,
      ...(mask && { mask: mask.length === N ? mask : mask.subarray(r * N, (r + 1) * N) }),
    });
    assert.deepEqual(Array.from(indices.data.subarray(r * k, (r + 1) * k)), expected, `row ${r}`);
    assert.deepEqual(
      Array.from(values.data.subarray(r * k, (r + 1) * k) as Float32Array),
      expected.map((i) => x.data[r * N + i]),
    );
  }
}

const orders = [
  { order: 'index' },
  { order: 'value' },
  { order: 'index', largest: false },
  { order: 'value', largest: false },
] as const;

function wholeRow(row: ArrayLike<number>, type: FloatType = 'float32', offset = 0): FloatTensor {
  return tensorOf(type, row, [row.length], offset);
}

suite(`topK (${place})`, () => {
  for (const type of floatTypes) {
    test(`every length, several k, both orders and directions, ${type}`, () => {
      const random = seeded(1);
      for (const N of capped(lengths)) {
        const x = randomTensor(random, type, [N], { offset: N % 3 });
        for (const k of new Set([0, 1, N >> 2, N >> 1, N - 1, N])) {
          if (k < 0 || k > N) continue;
          for (const options of orders) assertTopK(x, k, options);
        }
      }
    });
  }

  test('rows of a batch, of heads, and of unnamed leading dimensions', () => {
    const random = seeded(2);
    for (const dims of [
      [3, 97],
      [2, 3, 65],
      [1, 33],
      [0, 8],
      [2, 0],
    ]) {
      assertTopK(randomTensor(random, 'float32', dims), Math.min(5, dims[dims.length - 1]));
    }
  });

  test('rows as long as those of vision transformers', () => {
    const random = seeded(11);
    for (const type of floatTypes) {
      for (const N of [197, 577]) {
        for (const options of orders) assertTopK(randomTensor(random, type, [N]), N >> 1, options);
      }
    }
  });

  test('views at every offset of a buffer', () => {
    const random = seeded(3);
    for (const type of floatTypes)
      for (let offset = 0; offset < 17; offset++)
        assertTopK(randomTensor(random, type, [131], { offset }), 40);
  });

  test('ties go to the lower index, whatever the share of equal values', () => {
    const random = seeded(4);
    for (const different of capped([1, 2, 3, 17])) {
      for (const N of capped([64, 65, 1009])) {
        const row = Float32Array.from({ length: N }, () => random.integer(different));
        for (const k of [1, 31, 32, 63]) for (const options of orders) assertTopK(wholeRow(row), k, options);
      }
    }
  });

  test('values that differ in their last bit alone', () => {
    const row = new Float32Array(atMost(1009));
    const bits = new Uint32Array(row.buffer);
    for (let i = 0; i < bits.length; i++) bits[i] = 0x3f800000 + ((i * 7919) % bits.length);
    for (const k of [1, 100, bits.length >> 1])
      for (const options of orders) assertTopK(wholeRow(row), k, options);
  });

  test('NaN, infinities, denormals and both zeros', () => {
    const odd = [
      0,
      -0,
      Number.NaN,
      Infinity,
      -Infinity,
      1e-42,
      -1e-42,
      2 ** -149,
      -(2 ** -149),
      1,
      -1,
      3e38,
      -3e38,
    ];
    const random = seeded(5);
    for (const type of floatTypes) {
      for (const N of capped([13, 33, 257])) {
        const x = wholeRow(
          Array.from({ length: N }, () => odd[random.integer(odd.length)]),
          type,
        );
        for (const k of [1, 5, 12, N >> 1, N]) {
          if (k <= N) for (const options of orders) assertTopK(x, k, options);
        }
      }
    }
  });

  test('NaN of either sign and any payload is last', () => {
    const row = new Float32Array(40);
    const bits = new Uint32Array(row.buffer);
    bits.fill(0xff800000);
    bits[3] = 0x7fc00000;
    bits[4] = 0xffc00000;
    bits[5] = 0x7f800001;
    bits[6] = 0xffffffff;
    for (const options of orders) for (const k of [1, 36, 37, 40]) assertTopK(wholeRow(row), k, options);
  });

  test('a masked row: kept tokens are among the k, dropped ones never', () => {
    const random = seeded(6);
    for (const N of capped([5, 33, 97, 1009])) {
      const mask = Uint8Array.from({ length: N }, () => [0, 0, 0, 1, 2][random.integer(5)]);
      const kept = mask.filter((m) => m === 1).length;
      const present = mask.filter((m) => m !== 2).length;
      const x = randomTensor(random, 'float32', [N]);
      for (const k of new Set([kept, Math.min(present, kept + 3), present])) {
        for (const options of orders) assertTopK(x, k, { ...options, mask });
      }
    }
  });

  test('kept tokens that are NaN or -Infinity are still among the k', () => {
    const mask = Uint8Array.of(0, 1, 0, 1, 0);
    for (const options of orders)
      assertTopK(wholeRow([5, Number.NaN, 4, -Infinity, 3]), 3, { ...options, mask });
  });

  test('a mask a row, or one for all; lengths stand for trailing padding', () => {
    const random = seeded(7);
    const x = randomTensor(random, 'float32', [2, 33]);
    const perRow = Uint8Array.from({ length: 66 }, () => [0, 0, 1, 2][random.integer(4)]);
    assertTopK(x, 20, { mask: perRow.map((m) => (m === 1 ? 0 : m)) });
    assertTopK(x, 20, { mask: perRow.subarray(0, 33) });
    const padding = Uint8Array.from({ length: 66 }, (_, i) =>
      i % 33 < [20, 33][Math.floor(i / 33)] ? 0 : 2,
    );
    assert.deepEqual(topKSync(x, 7, { lengths: Int32Array.of(20, 33) }), topKSync(x, 7, { mask: padding }));
  });

  test('k from each segment, as indices of the whole row', () => {
    const random = seeded(8);
    const x = randomTensor(random, 'float32', [2, 60]);
    const { data } = decode(x);
    const splits = [
      { segments: { size: 12 }, offsets: [0, 12, 24, 36, 48, 60] },
      { segments: Int32Array.of(0, 5, 23, 60), offsets: [0, 5, 23, 60] },
    ];
    for (const { segments, offsets } of splits) {
      for (const order of ['index', 'value'] as const) {
        const { indices } = topKSync(x, 4, { segments, order });
        assert.deepEqual(indices.dims, [2, 4 * (offsets.length - 1)]);
        const expected = [0, 1].flatMap((r) =>
          referenceTopK(data.subarray(r * 60, r * 60 + 60), 4, { offsets, order }),
        );
        assert.deepEqual(Array.from(indices.data), expected);
      }
    }
  });

  test('equals a stable sort', () => {
    const score = fc.oneof(fc.float(), fc.integer({ min: -3, max: 3 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(score, fc.constantFrom(0, 0, 0, 1, 2)), { maxLength: 200 }),
        fc.nat(),
        fc.constantFrom(...orders),
        fc.nat({ max: 5 }),
        (row, seed, options, offset) => {
          const mask = Uint8Array.from(row, ([, m]) => m);
          const kept = mask.filter((m) => m === 1).length;
          const free = mask.filter((m) => m === 0).length;
          const x = wholeRow(
            row.map(([x]) => x),
            'float32',
            offset,
          );
          assertTopK(x, kept + (seed % (free + 1)), { ...options, mask });
        },
      ),
      { numRuns: runs(300) },
    );
  });

  test('a Float16Array gives values in a Float16Array', { skip: typeof Float16Array === 'undefined' }, () => {
    const x = { type: 'float16', data: Float16Array.of(1, 3, 2), dims: [3] } as const;
    const { values } = topKSync(x, 2);
    assert.ok(values.data instanceof Float16Array);
    assert.deepEqual(Array.from(values.data), [3, 2]);
  });

  test('input in shared memory', async () => {
    const data = new Float32Array(new SharedArrayBuffer(4 * 100)).map((_, i) => (i * 37) % 101);
    const shared = new Float32Array(new SharedArrayBuffer(4 * 100));
    shared.set(data);
    const x = { type: 'float32', data: shared, dims: [100] } as const;
    assert.deepEqual(await topK(x, 10), topKSync({ ...x, data }, 10));
  });

  test('a buffer transferred away is refused; one transferred mid-flight does no harm', async () => {
    const x = randomTensor(seeded(9), 'float32', [atMost(4096)]);
    const expected = topKSync(x, 10);
    const pending = topK(x, 10);
    structuredClone(x.data.buffer, { transfer: [x.data.buffer as ArrayBuffer] });
    assert.deepEqual(await pending, expected);
    for (const call of [() => topKSync(x, 10), () => topK(x, 10)]) {
      await assert.rejects(
        async () => call(),
        (error: Error & { code?: string }) =>
          ['ERR_TOKENSIEVE_DETACHED', 'ERR_TOKENSIEVE_SHAPE'].includes(error.code ?? ''),
      );
    }
  });

  const out = {
    empty: () => ({ indices: emptyTensor('int32', [8, 100]), values: emptyTensor('float32', [8, 100]) }),
    tensors: ({ indices, values }: { indices: Tensor<'int32'>; values: Tensor<'float32'> }) => [
      indices,
      values,
    ],
  };
  suite('as every operation', () => {
    const x = randomTensor(seeded(10), 'float32', isOnDevice ? [8, 151] : [8, 5003]);
    testContract({
      inputs: [x],
      run: ([x], extra) => topK(x, 100, extra),
      runSync: ([x], extra) => topKSync(x, 100, extra),
      tensors: ({ indices, values }) => [indices, values],
      out: {
        ...out,
        overlapping: ([x]) => ({
          indices: emptyTensor('int32', [8, 100]),
          values: viewOf(x, 0, [8, 100]),
        }),
      },
    });
  });

  const x = tensorOf('float32', [3, 1, 2, 4], [4]);
  const room = {
    empty: () => ({ indices: emptyTensor('int32', [2]), values: emptyTensor('float32', [2]) }),
    tensors: out.tensors,
  };
  testRefusals(
    [topK, topKSync],
    [
      {
        name: 'k past the tokens',
        args: [x, 600, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: 600,
      },
      {
        name: 'a negative k',
        args: [x, -1, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: -1,
      },
      {
        name: 'a broken k',
        args: [x, 1.5, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: 1.5,
      },
      {
        name: 'NaN for k',
        args: [x, Number.NaN, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: 'NaN',
      },
      {
        name: 'a word for k',
        args: [x, '2', {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: '(options\\.)?k',
        value: '"2"',
      },
      {
        name: 'k over the tokens not dropped',
        args: [x, 2, { mask: Uint8Array.of(2, 2, 2, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: 2,
      },
      {
        name: 'k under the kept tokens',
        args: [x, 2, { mask: Uint8Array.of(1, 1, 1, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: 2,
      },
      {
        name: 'k over a segment',
        args: [x, 2, { segments: Int32Array.of(0, 1, 4) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: '(options\\.)?k',
        value: 2,
      },
      {
        name: 'segments that do not end at N',
        args: [x, 2, { segments: Int32Array.of(0, 3) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.segments',
      },
      {
        name: 'nothing for x',
        args: [undefined, 2, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x',
        value: 'undefined',
      },
      {
        name: 'integers for x',
        args: [tensorOf('int32', [1, 2, 3, 4], [4]), 2, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
      {
        name: 'dims that do not fit the data',
        args: [{ ...x, dims: [5] }, 2, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'x\\.dims',
        value: 5,
      },
      {
        name: 'a mask of another type',
        args: [x, 2, { mask: Int32Array.of(0, 0, 0, 0) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.mask',
        value: 'Int32Array',
      },
      {
        name: 'a mask of another length',
        args: [x, 2, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask value that is none of the three',
        args: [x, 2, { mask: Uint8Array.of(0, 3, 0, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.mask',
        value: 3,
      },
      {
        name: 'a length past N',
        args: [x, 2, { lengths: Int32Array.of(5) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.lengths',
        value: 5,
      },
      {
        name: 'an unknown order',
        args: [x, 2, { order: 'size' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.order',
        value: '"size"',
      },
      {
        name: 'a word for largest',
        args: [x, 2, { largest: 'no' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.largest',
        value: '"no"',
      },
      {
        name: 'options that are no object',
        args: [x, 2, 7],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options',
        value: 7,
      },
    ],
    room,
  );
  testRefusals(
    [topK, topKSync],
    [
      {
        name: 'an out of another shape',
        args: [x, 2, { out: { indices: emptyTensor('int32', [3]), values: emptyTensor('float32', [2]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.indices',
      },
      {
        name: 'an out of another type',
        args: [x, 2, { out: { indices: emptyTensor('int64', [2]), values: emptyTensor('float32', [2]) } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.indices',
      },
      {
        name: 'an out that is no object',
        args: [x, 2, { out: 1 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out',
        value: 1,
      },
    ],
  );

  testMalformed(
    [topK, topKSync],
    [
      x,
      2,
      {
        largest: true,
        order: 'value',
        mask: new Uint8Array(4),
        lengths: Int32Array.of(4),
        segments: { size: 4 },
        out: room.empty(),
      },
    ],
  );
});
