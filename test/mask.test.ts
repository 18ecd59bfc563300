import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type AttentionMask, fromAttentionMask, topKSync } from 'tokensieve';
import { isArgumentError } from './support/assertions.js';
import { tensorOf } from './support/tensors.js';

suite('fromAttentionMask', () => {
  const ones = [1, 1, 0, 1, 0, 0];
  const expected = { type: 'uint8', data: Uint8Array.of(0, 0, 2, 0, 2, 2), dims: [2, 3] };

  for (const type of ['int64', 'int32', 'uint8', 'float32'] as const) {
    test(`of ${type}, as a tensor and bare`, () => {
      const mask = tensorOf(type, ones, [2, 3], 1);
      assert.deepEqual(fromAttentionMask(mask), expected);
      assert.deepEqual(fromAttentionMask(mask.data as BigInt64Array), { ...expected, dims: [6] });
      assert.deepEqual(fromAttentionMask(tensorOf(type, [], [3, 0])).dims, [3, 0]);
    });
  }

  test('of a tensor whose fields are getters, as those of transformers.js', () => {
    class HostTensor {
      get type() {
        return 'int64' as const;
      }
      get data() {
        return BigInt64Array.of(1n, 0n);
      }
      get dims() {
        return [1, 2];
      }
    }
    assert.deepEqual(fromAttentionMask(new HostTensor()).data, Uint8Array.of(0, 2));
  });

  test('is what operations take', () => {
    const scores = tensorOf('float32', [1, 2, 9, 3], [1, 4]);
    const mask = fromAttentionMask(BigInt64Array.of(1n, 1n, 0n, 1n));
    assert.deepEqual(topKSync(scores, 2, { mask }).indices.data, Int32Array.of(1, 3));
  });

  test('refuses what is neither 1 nor 0, by its element', () => {
    const refusals: [unknown, string, string | number][] = [
      [tensorOf('int64', [1, 0, 2], [3]), 'mask\\.data\\[2\\]', '2n'],
      [BigInt64Array.of(-1n), 'mask\\[0\\]', '-1n'],
      [BigInt64Array.of(1n, 2n ** 53n + 1n), 'mask\\[1\\]', '9007199254740993n'],
      [Float32Array.of(1, 0.5), 'mask\\[1\\]', 0.5],
      [Float32Array.of(Number.NaN), 'mask\\[0\\]', 'NaN'],
      [Uint8Array.of(255), 'mask\\[0\\]', 255],
    ];
    for (const [mask, path, value] of refusals) {
      const refused = isArgumentError('ERR_TOKENSIEVE_RANGE', path, value);
      assert.throws(() => fromAttentionMask(mask as AttentionMask), refused);
    }
  });

  test('refuses what is no mask', () => {
    for (const mask of [
      undefined,
      null,
      1,
      'x',
      [1, 0],
      new Float64Array(2),
      new DataView(new ArrayBuffer(2)),
    ]) {
      const refused = isArgumentError('ERR_TOKENSIEVE_TYPE', 'mask(\\.type)?');
      assert.throws(() => fromAttentionMask(mask as unknown as AttentionMask), refused);
    }
    const short = { type: 'uint8', data: new Uint8Array(3), dims: [2, 2] } as const;
    assert.throws(() => fromAttentionMask(short), isArgumentError('ERR_TOKENSIEVE_SHAPE', 'mask\\.dims'));
  });
});
