import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DataType, Tensor } from 'tokensieve';
import { gatherTokens as reference } from '../reference/gather-tokens.js';
import { bytesOf } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { gatherTokens, gatherTokensSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { count, decode, emptyTensor, randomTensor, tensorOf, viewOf } from '../support/tensors.js';

const types = ['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8'] as const satisfies DataType[];

/** x with a different number in every element, as far as the type goes. */
function numbered<T extends DataType>(type: T, dims: readonly number[], offset = 0): Tensor<T> {
  return tensorOf(
    type,
    Array.from({ length: count(dims) }, (_, i) => i % 251),
    dims,
    offset,
  );
}

function randomIndices(seed: number, dims: readonly number[], limit: number): Tensor<'int32'> {
  const random = seeded(seed);
  return tensorOf(
    'int32',
    Array.from({ length: count(dims) }, () => random.integer(limit)),
    dims,
  );
}

/** The rows of an index tensor `[...,K]`. */
function rowsOf({ data, dims }: Tensor<'int32'>): number[][] {
  const K = dims[dims.length - 1];
  const rows = count(dims.slice(0, -1));
  return Array.from({ length: rows }, (_, r) => Array.from(data.subarray(r * K, (r + 1) * K)));
}

suite(`gatherTokens (${place})`, () => {
  for (const type of types) {
    test(`rows of any width, ${type}`, () => {
      for (const channels of capped([1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 768])) {
        const x = numbered(type, [2, 19, channels], channels % 4);
        const indices = randomIndices(channels, [2, 11], 19);
        const tokens = gatherTokensSync(x, indices);
        assert.equal(tokens.type, type);
        assert.deepEqual(tokens.dims, [2, 11, channels]);
        assert.deepEqual(Array.from(decode(tokens).data), reference(decode(x), rowsOf(indices)).flat(2));
      }
    });
  }

  test('tokens as many as those of vision transformers, and of more than 2 KB', () => {
    for (const [N, channels] of [
      [197, 48],
      [577, 24],
      [9, 700],
    ]) {
      const x = numbered('float32', [1, N, channels]);
      const indices = randomIndices(N, [1, N >> 1], N);
      const expected = reference(decode(x), rowsOf(indices)).flat(2);
      assert.deepEqual(Array.from(gatherTokensSync(x, indices).data as Float32Array), expected);
    }
  });

  test('heads as leading dimensions, and leading 1-dims left out', () => {
    const x = numbered('float32', [2, 3, 7, 5]);
    const indices = randomIndices(1, [2, 3, 4], 7);
    const flat = decode({ ...x, dims: [6, 7, 5] });
    const tokens = gatherTokensSync(x, indices);
    assert.deepEqual(tokens.dims, [2, 3, 4, 5]);
    assert.deepEqual(Array.from(tokens.data), reference(flat, rowsOf(indices)).flat(2));
    const single = gatherTokensSync(numbered('float32', [7, 5]), tensorOf('int32', [6, 0, 6], [3]));
    assert.deepEqual(single.dims, [3, 5]);
    assert.deepEqual(Array.from(single.data.slice(0, 5) as Float32Array), [30, 31, 32, 33, 34]);
  });

  test('int64 indices and a bare array', () => {
    const x = numbered('float32', [1, 7, 5]);
    const expected = gatherTokensSync(x, tensorOf('int32', [2, 5], [1, 2]));
    assert.deepEqual(gatherTokensSync(x, tensorOf('int64', [2, 5], [1, 2])), expected);
    assert.deepEqual(Array.from(gatherTokensSync(x, Int32Array.of(2, 5)).data), Array.from(expected.data));
  });

  test('no token, no channel, no index', () => {
    assert.deepEqual(
      gatherTokensSync(numbered('float32', [2, 3, 4]), emptyTensor('int32', [2, 0])).dims,
      [2, 0, 4],
    );
    assert.deepEqual(
      gatherTokensSync(numbered('float32', [2, 3, 0]), emptyTensor('int32', [2, 2])).dims,
      [2, 2, 0],
    );
    assert.deepEqual(
      gatherTokensSync(numbered('float32', [0, 3, 4]), emptyTensor('int32', [0, 2])).dims,
      [0, 2, 4],
    );
  });

  test('bits are copied as they are: NaN payloads, denormals, -0', () => {
    const x = emptyTensor('float32', [4, 33]);
    const bits = new Uint32Array(x.data.buffer, x.data.byteOffset, x.data.length);
    const odd = [0x7fa00001, 0xffc12345, 0x00000001, 0x80000000, 0xff800000];
    bits.forEach((_, i) => {
      bits[i] = odd[i % odd.length];
    });
    const tokens = gatherTokensSync(x, tensorOf('int32', [3, 1, 0, 2], [4]));
    const rows = [3, 1, 0, 2].map((i) => bytesOf(x).subarray(i * 132, (i + 1) * 132));
    assert.ok(bytesOf(tokens).equals(Buffer.concat(rows)));
  });

  test('ragged: padded with zeros, or packed', () => {
    const x = numbered('float16', [3, 9, 7]);
    const rows = [[1, 4, 8], [], [0, 2]];
    const ragged = { indices: tensorOf('int32', rows.flat(), [5]), offsets: Int32Array.of(0, 3, 3, 5) };
    const expected = reference(decode(x), rows);
    const padded = gatherTokensSync(x, ragged);
    assert.deepEqual(padded.tokens.dims, [3, 3, 7]);
    assert.deepEqual(padded.lengths, Int32Array.of(3, 0, 2));
    const zeros = (n: number) => new Array<number[]>(n).fill(new Array<number>(7).fill(0));
    assert.deepEqual(
      Array.from(decode(padded.tokens).data),
      expected.flatMap((row) => [...row, ...zeros(3 - row.length)]).flat(),
    );
    const packed = gatherTokensSync(x, ragged, { packed: true });
    assert.deepEqual(packed.tokens.dims, [5, 7]);
    assert.deepEqual(packed.offsets, ragged.offsets);
    assert.deepEqual(Array.from(decode(packed.tokens).data), expected.flat(2));
  });

  test('async gives the bits of sync for ragged indices', async () => {
    const x = numbered('float32', [2, 9, 7]);
    const ragged = { indices: tensorOf('int32', [1, 4, 8], [3]), offsets: Int32Array.of(0, 3, 3) };
    assert.deepEqual(await gatherTokens(x, ragged), gatherTokensSync(x, ragged));
    assert.deepEqual(
      await gatherTokens(x, ragged, { packed: true }),
      gatherTokensSync(x, ragged, { packed: true }),
    );
  });

  test('a Float16Array gives a Float16Array', { skip: typeof Float16Array === 'undefined' }, () => {
    const x = { type: 'float16', data: Float16Array.of(1, 2, 3, 4), dims: [2, 2] } as const;
    assert.ok(gatherTokensSync(x, tensorOf('int32', [1], [1])).data instanceof Float16Array);
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ tokens: emptyTensor('float32', dims) }),
    tensors: ({ tokens }: { tokens: Tensor }) => [tokens],
  });
  suite('as every operation', () => {
    const [N, K] = isOnDevice ? [60, 40] : [300, 200];
    const x = randomTensor(seeded(2), 'float32', [4, N, 129]);
    const indices = randomIndices(3, [4, K], N);
    testContract({
      inputs: [x, indices],
      run: ([x, indices], extra) => gatherTokens(x, indices, extra),
      runSync: ([x, indices], extra) => gatherTokensSync(x, indices, extra),
      tensors: (tokens) => [tokens],
      out: {
        ...roomFor([4, K, 129]),
        overlapping: ([x]) => ({ tokens: viewOf(x, 4 * 129, [4, K, 129]) }),
      },
    });
  });

  const x = numbered('float32', [2, 3, 4]);
  const indices = tensorOf('int32', [0, 1, 2, 0], [2, 2]);
  testRefusals(
    [gatherTokens, gatherTokensSync],
    [
      {
        name: 'an index past the tokens',
        args: [x, tensorOf('int32', [0, 1, 3, 0], [2, 2]), {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'indices',
        value: 3,
      },
      {
        name: 'a negative index',
        args: [x, tensorOf('int32', [0, -1, 2, 0], [2, 2]), {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'indices',
        value: -1,
      },
      {
        name: 'an int64 index past 32 bits',
        args: [x, tensorOf('int64', [0, 2 ** 32, 2, 0], [2, 2]), {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'indices',
        value: 2 ** 32,
      },
      {
        name: 'indices of another batch',
        args: [x, tensorOf('int32', [0, 1, 2], [3, 1]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'indices',
      },
      {
        name: 'indices that are floats',
        args: [x, tensorOf('float32', [0, 1, 2, 0], [2, 2]), {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'indices\\.type',
        value: 'float32',
      },
      {
        name: 'no indices',
        args: [x, null, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'indices',
        value: 'null',
      },
      {
        name: 'x without tokens',
        args: [tensorOf('float32', [1], [1]), indices, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'x|indices',
      },
    ],
    roomFor([2, 2, 4]),
  );
  testRefusals(
    [gatherTokens, gatherTokensSync],
    [
      {
        name: 'an out of another shape',
        args: [x, indices, { out: { tokens: emptyTensor('float32', [2, 2, 5]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.tokens',
      },
      {
        name: 'an out of as many elements in another shape',
        args: [x, indices, { out: { tokens: emptyTensor('float32', [2, 4, 2]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.tokens',
      },
      {
        name: 'an out of another type',
        args: [x, indices, { out: { tokens: emptyTensor('int32', [2, 2, 4]) } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.tokens',
      },
      {
        name: 'ragged offsets that fall',
        args: [x, { indices: tensorOf('int32', [0, 1], [2]), offsets: Int32Array.of(0, 3, 2) }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'indices\\.offsets',
      },
      {
        name: 'ragged offsets of another batch',
        args: [x, { indices: tensorOf('int32', [0, 1], [2]), offsets: Int32Array.of(0, 2) }, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'indices\\.offsets',
      },
      {
        name: 'a ragged index past the tokens',
        args: [x, { indices: tensorOf('int32', [0, 3], [2]), offsets: Int32Array.of(0, 1, 2) }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'indices',
        value: 3,
      },
    ],
  );
  testMalformed(
    [gatherTokens, gatherTokensSync],
    [x, indices, { packed: false, out: roomFor([2, 2, 4]).empty() }],
  );
  const ragged = { indices: tensorOf('int32', [0, 1], [2]), offsets: Int32Array.of(0, 1, 2) };
  testMalformed(
    [gatherTokens, gatherTokensSync],
    [x, ragged, { packed: true, out: roomFor([2, 4]).empty() }],
  );
});
