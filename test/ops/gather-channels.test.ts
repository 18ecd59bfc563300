import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DataType, Tensor } from 'tokensieve';
import { gatherChannels as reference } from '../reference/gather-channels.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { gatherChannels, gatherChannelsSync } from '../support/operations.js';
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

/** Lists of channels in any order, some more than once. */
function randomLists(seed: number, lists: number, K: number, channels: number): number[][] {
  const random = seeded(seed);
  return Array.from({ length: lists }, () => Array.from({ length: K }, () => random.integer(channels)));
}

suite(`gatherChannels (${place})`, () => {
  for (const type of types) {
    test(`tokens of any width, ${type}`, () => {
      for (const channels of capped([1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 768])) {
        for (const K of [1, channels >> 1, channels, channels + 3]) {
          const x = numbered(type, [2, 5, channels], channels % 4);
          const lists = randomLists(channels, 2, K, channels);
          const tokens = gatherChannelsSync(x, tensorOf('int32', lists.flat(), [2, K]));
          assert.equal(tokens.type, type);
          assert.deepEqual(tokens.dims, [2, 5, K]);
          assert.deepEqual(Array.from(decode(tokens).data), reference(decode(x), lists));
        }
      }
    });
  }

  test('one list for all tokens, one an item, one a row', () => {
    const x = numbered('float32', [2, 3, 4, 5]);
    const flat = decode({ ...x, dims: [6, 4, 5] });
    const [first, second] = [
      [4, 0, 4],
      [1, 2, 3],
    ];
    const shared = gatherChannelsSync(x, Int32Array.from(first));
    assert.deepEqual(shared.dims, [2, 3, 4, 3]);
    assert.deepEqual(Array.from(shared.data), reference(flat, new Array<number[]>(6).fill(first)));
    const items = gatherChannelsSync(x, tensorOf('int64', [...first, ...second], [2, 3]));
    assert.deepEqual(Array.from(items.data), reference(flat, [first, first, first, second, second, second]));
    const lists = randomLists(1, 6, 3, 5);
    const rows = gatherChannelsSync(x, tensorOf('int32', lists.flat(), [2, 3, 3]));
    assert.deepEqual(Array.from(rows.data), reference(flat, lists));
  });

  test('leading 1-dims left out', () => {
    const single = gatherChannelsSync(numbered('float32', [7, 5]), Int32Array.of(4, 1));
    assert.deepEqual(single.dims, [7, 2]);
    assert.deepEqual(Array.from(single.data.slice(0, 4) as Float32Array), [4, 1, 9, 6]);
    const token = gatherChannelsSync(numbered('float32', [5]), BigInt64Array.of(3n));
    assert.deepEqual(token.dims, [1]);
    assert.deepEqual(Array.from(token.data as Float32Array), [3]);
  });

  test('no row, no token, no channel, no index', () => {
    const none = (rows: number, K: number) => emptyTensor('int32', [rows, K]);
    assert.deepEqual(gatherChannelsSync(numbered('float32', [2, 3, 4]), none(2, 0)).dims, [2, 3, 0]);
    assert.deepEqual(gatherChannelsSync(numbered('float32', [2, 0, 4]), none(2, 3)).dims, [2, 0, 3]);
    assert.deepEqual(gatherChannelsSync(numbered('float32', [0, 3, 4]), none(0, 2)).dims, [0, 3, 2]);
    assert.deepEqual(gatherChannelsSync(numbered('float32', [2, 3, 0]), none(2, 0)).dims, [2, 3, 0]);
  });

  test('bits are copied as they are: NaN payloads, denormals, -0', () => {
    const x = emptyTensor('float32', [3, 5]);
    const bits = new Uint32Array(x.data.buffer, x.data.byteOffset, x.data.length);
    const odd = [0x7fa00001, 0xffc12345, 0x00000001, 0x80000000, 0xff800000];
    bits.set([...odd, ...odd, ...odd]);
    const tokens = gatherChannelsSync(x, Int32Array.of(0, 1, 2, 3, 4));
    assert.deepEqual(new Uint32Array(tokens.data.buffer, tokens.data.byteOffset, 15), bits);
  });

  test('a Float16Array gives a Float16Array', { skip: typeof Float16Array === 'undefined' }, () => {
    const x = { type: 'float16', data: Float16Array.of(1, 2, 3, 4), dims: [2, 2] } as const;
    assert.ok(gatherChannelsSync(x, Int32Array.of(1)).data instanceof Float16Array);
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ tokens: emptyTensor('float32', dims) }),
    tensors: ({ tokens }: { tokens: Tensor }) => [tokens],
  });
  suite('as every operation', () => {
    const [N, K] = isOnDevice ? [20, 40] : [900, 200];
    const x = randomTensor(seeded(2), 'float32', [4, N, 257]);
    const indices = tensorOf('int32', randomLists(3, 4, K, 257).flat(), [4, K]);
    testContract({
      inputs: [x, indices],
      run: ([x, indices], extra) => gatherChannels(x, indices, extra),
      runSync: ([x, indices], extra) => gatherChannelsSync(x, indices, extra),
      tensors: (tokens) => [tokens],
      out: {
        ...roomFor([4, N, K]),
        overlapping: ([x]) => ({ tokens: viewOf(x, 4 * 129, [4, N, K]) }),
      },
    });
  });

  const x = numbered('float32', [2, 3, 4]);
  const indices = tensorOf('int32', [0, 1, 2, 0], [2, 2]);
  testRefusals(
    [gatherChannels, gatherChannelsSync],
    [
      {
        name: 'an index past the channels',
        args: [x, tensorOf('int32', [0, 1, 4, 0], [2, 2]), {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'indices',
        value: 4,
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
    ],
    roomFor([2, 3, 2]),
  );
  testRefusals(
    [gatherChannels, gatherChannelsSync],
    [
      {
        name: 'an out of as many elements in another shape',
        args: [x, indices, { out: { tokens: emptyTensor('float32', [3, 2, 2]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.tokens',
      },
      {
        name: 'an out of another type',
        args: [x, indices, { out: { tokens: emptyTensor('int32', [2, 3, 2]) } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.tokens',
      },
    ],
  );
  testMalformed([gatherChannels, gatherChannelsSync], [x, indices, { out: roomFor([2, 3, 2]).empty() }]);
});
