import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { allocate, attentionScores, type DataType, TokenSieveError, tokenNorms } from 'tokensieve';
import { isArgumentError } from './support/assertions.js';
import { seeded } from './support/random.js';
import { randomTensor } from './support/tensors.js';

suite('allocate', () => {
  const bytes = { float32: 4, float16: 2, bfloat16: 2, int32: 4, int64: 8, uint8: 1 } as const;

  for (const type of Object.keys(bytes) as DataType[]) {
    test(`zeros of ${type} in shared memory`, () => {
      const tensor = allocate(type, [2, 3, 5]);
      assert.equal(tensor.type, type);
      assert.deepEqual(tensor.dims, [2, 3, 5]);
      assert.equal(tensor.data.length, 30);
      assert.ok(tensor.data.buffer instanceof SharedArrayBuffer);
      assert.equal(tensor.data.buffer.byteLength, 30 * bytes[type]);
      assert.ok(Array.from<number | bigint>(tensor.data).every((element) => Number(element) === 0));
    });
  }

  test('the dims are a copy; no dims are one element, a dim of 0 none', () => {
    const dims = [2];
    const tensor = allocate('uint8', dims);
    dims[0] = 3;
    assert.deepEqual(tensor.dims, [2]);
    assert.equal(allocate('float32', []).data.length, 1);
    assert.equal(allocate('int64', [4, 0]).data.length, 0);
  });

  test('asynchronous calls read it where it is', async () => {
    // Calls run in the order they came: while the first one keeps the package's thread busy, the second has not
    // begun to read. It sees what is written meanwhile, unless its input was copied.
    const q = randomTensor(seeded(1), 'float32', [1, 16, 700, 64]);
    const shared = allocate('float32', [1, 2]);
    const own = { ...shared, data: new Float32Array(2) };
    const before = attentionScores(q, q);
    const norms = [tokenNorms(shared), tokenNorms(own)];
    shared.data.set([3, 4]);
    own.data.set([3, 4]);
    await before;
    const [read, copied] = await Promise.all(norms);
    assert.deepEqual([read.data[0], copied.data[0]], [5, 0]);
  });

  test('refuses other types and dims', () => {
    const refusals: [
      unknown,
      unknown,
      'ERR_TOKENSIEVE_TYPE' | 'ERR_TOKENSIEVE_SHAPE',
      string,
      string | number,
    ][] = [
      ['float64', [1], 'ERR_TOKENSIEVE_TYPE', 'type', '"float64"'],
      ['toString', [1], 'ERR_TOKENSIEVE_TYPE', 'type', '"toString"'],
      [undefined, [1], 'ERR_TOKENSIEVE_TYPE', 'type', 'undefined'],
      ['float32', 3, 'ERR_TOKENSIEVE_TYPE', 'dims', 3],
      ['float32', ['3'], 'ERR_TOKENSIEVE_TYPE', 'dims\\[0\\]', '"3"'],
      ['float32', [2, -1], 'ERR_TOKENSIEVE_SHAPE', 'dims\\[1\\]', -1],
      ['float32', [1.5], 'ERR_TOKENSIEVE_SHAPE', 'dims\\[0\\]', 1.5],
      ['float32', [Number.NaN], 'ERR_TOKENSIEVE_SHAPE', 'dims\\[0\\]', 'NaN'],
      ['uint8', [2 ** 31], 'ERR_TOKENSIEVE_SHAPE', 'dims', 2 ** 31],
      ['uint8', [2 ** 30, 2 ** 30], 'ERR_TOKENSIEVE_SHAPE', 'dims', 2 ** 30],
      ['uint8', [1, 1, 1, 1, 1, 1, 1, 1, 1], 'ERR_TOKENSIEVE_SHAPE', 'dims', 9],
    ];
    for (const [type, dims, code, path, value] of refusals) {
      assert.throws(() => allocate(type as DataType, dims as number[]), isArgumentError(code, path, value));
    }
  });

  test('says when there is no memory', () => {
    assert.throws(
      () => allocate('int64', [2 ** 20, 2 ** 20]),
      (error) => error instanceof TokenSieveError && error.code === 'ERR_TOKENSIEVE_MEMORY',
    );
  });
});
