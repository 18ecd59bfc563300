// What selecting and moving tokens does on a device beyond what it does everywhere: arguments that only the device can
// check, rows that one block does not take, and working memory that is not shared.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  channelMomentsSync,
  type DeviceTensor,
  gatherChannelsSync,
  gatherTokensSync,
  layerNormSync,
  mergeTokensSync,
  openDevice,
  poolScoresSync,
  restoreTokensSync,
  rotateKeysSync,
  sampleCdfSync,
  selectThresholdSync,
  type Tensor,
  TokenMap,
  topKSync,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { whyNoDevice } from '../support/device-under-test.js';
import { randomMask } from '../support/masks.js';
import { seeded } from '../support/random.js';
import { randomTensor, tensorOf } from '../support/tensors.js';

const raised =
  (path: string, ...values: (string | number)[]) =>
  (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_TOKENSIEVE_RANGE', error.stack);
    assert.ok(error.message.startsWith(`${path} must be`), error.message);
    for (const value of values) assert.ok(error.message.includes(String(value)), error.message);
    return true;
  };

suite('selecting and moving on a device', { skip: whyNoDevice() }, () => {
  const device = openDevice('cuda');
  after(() => device.dispose());
  const up = <T extends Tensor>(tensor: T) => device.upload(tensor) as DeviceTensor<T['type']>;
  const ints = (values: ArrayLike<number>, dims: readonly number[] = [values.length]) =>
    up(tensorOf('int32', values, dims));
  const bytes = (values: ArrayLike<number>, dims: readonly number[] = [values.length]) =>
    up(tensorOf('uint8', values, dims));

  test('factors, weights and masks come from either place', () => {
    const random = seeded(7);
    const [x, weight, weights] = [[2, 40, 24], [24], [2, 40]].map((dims) =>
      randomTensor(random, 'float32', dims),
    );
    const there = up(x);
    const same = (one: DeviceTensor, other: DeviceTensor) =>
      assertSameBits(one.downloadSync(), other.downloadSync());
    same(layerNormSync(there, { weight: up(weight) }), layerNormSync(there, { weight }));
    const mask = randomMask(random, 80);
    const lengths = Int32Array.of(40, 13);
    const onHost = channelMomentsSync(there, { mask, lengths });
    const onDevice = channelMomentsSync(there, { mask: bytes(mask, [2, 40]), lengths: ints(lengths) });
    same(onDevice.mean, onHost.mean);
    same(onDevice.variance, onHost.variance);
    const map = TokenMap.fromKept(tensorOf('int32', [1, 5, 0, 2], [2, 2]), 40);
    const kept = mergeTokensSync(there, map).tokens;
    const options = { residual: there, dropped: 'nearest' } as const;
    same(
      restoreTokensSync(kept, map, { ...options, weights: up(weights) }),
      restoreTokensSync(kept, map, { ...options, weights }),
    );
  });

  suite('what the device alone can find wrong', () => {
    const x = randomTensor(seeded(1), 'float32', [2, 6]);

    test('a k that a mask there does not allow: its row is -1 and 0, others are right', () => {
      const mask = bytes([0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0], [2, 6]);
      const { indices, values } = topKSync(up(x), 3, { mask });
      assert.throws(() => device.synchronizeSync(), raised('k', 'from 0 to 2', 3));
      const second = topKSync({ ...x, data: x.data.slice(6), dims: [6] }, 3);
      assert.deepEqual([...indices.downloadSync().data], [-1, -1, -1, ...second.indices.data]);
      assert.deepEqual([...values.downloadSync().data], [0, 0, 0, ...(second.values.data as Float32Array)]);
      topKSync(up(x), 1, { mask: bytes([1, 1, 0, 0, 0, 0]), order: 'value' });
      assert.throws(() => device.synchronizeSync(), raised('k', 'from 2 to 6', 1));
      topKSync(up(x), 5, { lengths: ints([6, 4]) });
      assert.throws(() => device.synchronizeSync(), raised('k', 'from 0 to 4', 5));
    });

    test('segments that fall or do not end with the row', () => {
      topKSync(up(x), 1, { segments: ints([0, 4, 3, 6]) });
      assert.throws(() => device.synchronizeSync(), raised('options.segments', 3));
      topKSync(up(x), 1, { segments: ints([0, 3, 5]) });
      assert.throws(() => device.synchronizeSync(), raised('options.segments', 'from 6 to 6', 5));
    });

    test('negative scores, where a share of the sum is asked for', () => {
      const scores = up(tensorOf('float32', [1, 2, 3, 4, -5, 6], [2, 3]));
      const chosen = selectThresholdSync(scores, { mass: 0.5 });
      assert.throws(() => device.synchronizeSync(), raised('x', 'numbers from 0', '-5 at element 4'));
      assert.deepEqual([...chosen.offsets.downloadSync().data], [0, 1, 1]);
      assert.deepEqual([...chosen.indices.downloadSync().data], [2, 0, 0, 0, 0, 0]);
      const sampled = sampleCdfSync(scores, 1);
      assert.throws(() => device.synchronizeSync(), raised('scores', '-5 at element 4'));
      assert.deepEqual([...sampled.offsets.downloadSync().data], [0, 1, 1]);
      sampleCdfSync(scores, 3, { mask: bytes([0, 0, 0, 0, 2, 0], [2, 3]) });
      assert.throws(() => device.synchronizeSync(), raised('count', 'from 0 to 2', 3));
    });

    test('indices and offsets of rows that are not there give zeros', () => {
      const tokens = up(tensorOf('float32', [1, 2, 3, 4, 5, 6], [1, 3, 2]));
      const gathered = gatherTokensSync(tokens, ints([2, 3, -1, 0], [1, 4]));
      assert.throws(() => device.synchronizeSync(), raised('indices', 'from 0 to 2'));
      assert.deepEqual([...gathered.downloadSync().data], [5, 6, 0, 0, 0, 0, 1, 2]);
      const ragged = { indices: ints([0, 1, 2]), offsets: ints([0, 7]) };
      gatherTokensSync(tokens, ragged);
      assert.throws(() => device.synchronizeSync(), raised('indices.offsets', 7));
    });

    test('indices of channels that are not there give zeros', () => {
      const tokens = up(tensorOf('float32', [1, 2, 3, 4, 5, 6], [1, 2, 3]));
      const gathered = gatherChannelsSync(tokens, ints([2, 3, -1, 0]));
      assert.throws(() => device.synchronizeSync(), raised('indices', 'from 0 to 2'));
      assert.deepEqual([...gathered.downloadSync().data], [3, 0, 0, 1, 6, 0, 0, 4]);
    });

    test('positions past 2^31, frequencies that are not finite, sections of another sum', () => {
      const k = up(randomTensor(seeded(2), 'float32', [1, 1, 2, 4]));
      const far = up(tensorOf('int64', [0, 2 ** 40], [2]));
      rotateKeysSync(k, ints([0, 1]), far);
      assert.throws(() => device.synchronizeSync(), raised('to', 2 ** 40));
      const frequencies = up(tensorOf('float32', [1, Infinity], [2]));
      rotateKeysSync(k, ints([0, 1]), ints([2, 3]), { frequencies });
      assert.throws(() => device.synchronizeSync(), raised('options.frequencies', 'finite'));
    });
  });

  suite('arguments that lie there do as those of the host', () => {
    const random = seeded(3);

    test('masks, lengths and segments of the k best, in both orders', () => {
      const x = randomTensor(random, 'float32', [2, 60]);
      const mask = randomMask(random, 60).map((state) => (state === 1 ? 0 : state));
      const lengths = Int32Array.of(60, 31);
      const offsets = Int32Array.of(0, 25, 60);
      for (const order of ['index', 'value'] as const) {
        const masked = topKSync(up(x), 4, { mask: bytes(mask), lengths: ints(lengths), order });
        assertSameBits(masked.indices.downloadSync(), topKSync(x, 4, { mask, lengths, order }).indices);
        const cut = topKSync(up(x), 4, { segments: ints(offsets), order });
        assertSameBits(cut.values.downloadSync(), topKSync(x, 4, { segments: offsets, order }).values);
      }
    });

    test('positions and frequencies of keys', () => {
      const k = randomTensor(random, 'float16', [2, 3, 9, 16]);
      const [from, to] = [0, 1].map(() => Int32Array.from({ length: 18 }, () => random.integer(5000)));
      const frequencies = Float32Array.from({ length: 8 }, (_, i) => 0.7 ** i);
      const dims = [2, 9];
      const expected = rotateKeysSync(k, tensorOf('int32', from, dims), tensorOf('int32', to, dims), {
        frequencies,
      });
      const turned = rotateKeysSync(up(k), ints(from, dims), up(tensorOf('int64', to, dims)), {
        frequencies: up(tensorOf('float32', frequencies, [8])),
      });
      assertSameBits(turned.downloadSync(), expected);
    });

    test('token sizes in a merge', () => {
      const x = randomTensor(random, 'bfloat16', [2, 12, 20]);
      const weights = Float32Array.from({ length: 24 }, () => 1 + random.integer(4));
      const assignment = Int32Array.from({ length: 24 }, (_, i) => (i % 12) % 5);
      const map = TokenMap.fromAssignment(assignment, { rowDims: [2] });
      for (const reduce of ['mean', 'sum', 'max', 'norm'] as const) {
        const merged = mergeTokensSync(up(x), map, {
          weights: up(tensorOf('float32', weights, [2, 12])),
          reduce,
        });
        const expected = mergeTokensSync(x, map, { weights, reduce });
        assertSameBits(merged.sizes.downloadSync(), expected.sizes);
        if (reduce !== 'norm') assertSameBits(merged.tokens.downloadSync(), expected.tokens);
        const restored = restoreTokensSync(merged.tokens, map, { dropped: 'nearest' });
        assert.deepEqual(restored.dims, x.dims);
      }
    });
  });

  suite('long rows', () => {
    const random = seeded(4);

    test('past what shared memory holds, and past one block: the same k', () => {
      for (const N of [60_000, 66_000]) {
        const x = tensorOf(
          'float32',
          Array.from({ length: N }, () => random.integer(5000)),
          [1, N],
        );
        const mask = Uint8Array.from({ length: N }, (_, i) => (i % 9973 === 5 ? 1 : i % 7 === 0 ? 2 : 0));
        const found = topKSync(up(x), 300, { mask: bytes(mask) });
        const expected = topKSync(x, 300, { mask });
        assertSameBits(found.indices.downloadSync(), expected.indices);
        assertSameBits(found.values.downloadSync(), expected.values);
      }
      topKSync(up(tensorOf('float32', new Float32Array(66_000), [1, 66_000])), 9, { lengths: ints([8]) });
      assert.throws(() => device.synchronizeSync(), raised('k', 'from 0 to 8', 9));
    });

    test('windows of more scores than shared memory holds', () => {
      const x = randomTensor(random, 'float32', [1, 6000]);
      for (const mode of ['avg', 'max'] as const) {
        const options = { kernel: 11_001, mode };
        assertSameBits(poolScoresSync(up(x), options).downloadSync(), poolScoresSync(x, options));
      }
    });
  });

  test('a k of none, and rows of none', () => {
    const x = randomTensor(seeded(5), 'float32', [2, 5]);
    assert.deepEqual(topKSync(up(x), 0, { mask: bytes([0, 2, 0, 0, 0]) }).indices.dims, [2, 0]);
    device.synchronizeSync();
    topKSync(up(x), 0, { mask: bytes([0, 1, 0, 0, 0]) });
    assert.throws(() => device.synchronizeSync(), raised('k', 'from 1 to 5', 0));
    const none = up(tensorOf('float32', [], [2, 0]));
    assert.deepEqual(topKSync(none, 0).values.dims, [2, 0]);
    assert.deepEqual(
      [...selectThresholdSync(none, { quantile: 0.5 }).offsets.downloadSync().data],
      [0, 0, 0],
    );
    assert.deepEqual([...sampleCdfSync(none, 0).offsets.downloadSync().data], [0, 0, 0]);
    assert.deepEqual(poolScoresSync(none, { kernel: 3 }).dims, [2, 0]);
  });
});
