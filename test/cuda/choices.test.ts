// Similarities, matches and greedy choices whose masks, lengths or relevance only the device has: the same answers as by
// the host's, and what does not fit is found there.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  type BipartitePartition,
  bipartiteMatchSync,
  type DeviceTensor,
  dppGreedySync,
  farthestPointSync,
  knnDensitySync,
  openDevice,
  similarityArgmaxSync,
  similarityReduceSync,
  type Tensor,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { whyNoDevice } from '../support/device-under-test.js';
import { seeded } from '../support/random.js';
import { randomTensor, tensorOf } from '../support/tensors.js';

suite('choices on a device', { skip: whyNoDevice() }, () => {
  const device = openDevice('cuda');
  after(() => device.dispose());
  const random = seeded(1);
  const [B, N, C] = [2, 45, 16];
  const x = randomTensor(random, 'float32', [B, N, C]);
  const there = device.upload(x);
  const states = Array.from({ length: B * N }, () => [0, 0, 0, 1, 2][random.integer(5)]);
  const mask = tensorOf('uint8', states, [B, N]);
  const maskThere = device.upload(mask);
  const lengths = Int32Array.of(N, 30);
  const lengthsThere = device.upload(tensorOf('int32', [N, 30], [B]));
  const relevance = tensorOf(
    'float32',
    Array.from({ length: B * N }, () => random.uniform()),
    [B, N],
  );

  /** What waits raises what the device has found, once. */
  function assertFault(call: () => DeviceTensor, path: string, value: string): Tensor {
    const result = call();
    assert.throws(
      () => device.synchronizeSync(),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_TOKENSIEVE_RANGE', error.stack);
        assert.ok(error.message.startsWith(path), error.message);
        assert.ok(error.message.includes(value), error.message);
        return true;
      },
    );
    return result.downloadSync();
  }

  test('the best of the tokens that are left', () => {
    for (const k of [1, 4]) {
      const options = { k, metric: 'l2' } as const;
      const byHost = similarityArgmaxSync(x, x, { ...options, aMask: mask, bMask: mask });
      const byDevice = similarityArgmaxSync(there, there, { ...options, aMask: maskThere, bMask: maskThere });
      assertSameBits(byDevice.indices.downloadSync(), byHost.indices);
      assertSameBits(byDevice.values.downloadSync(), byHost.values);
    }
    const few = device.upload(tensorOf('int32', [N, 3], [B]));
    const rows = assertFault(
      () => similarityArgmaxSync(there, there, { k: 4, lengths: few }).indices,
      'options.k',
      '1 to 3',
    ).data;
    assert.ok(rows.subarray(0, N * 4).every((index) => Number(index) >= 0));
    assert.ok(rows.subarray(N * 4).every((index) => Number(index) === -1));
  });

  test('the best of some candidates, by weights that lie there', () => {
    const [scale, bias] = [relevance, tensorOf('float32', relevance.data.map(Math.sqrt), [B, N])];
    const [scaleThere, biasThere] = [device.upload(scale), device.upload(bias)];
    for (const candidates of ['others', 'later', 'earlier'] as const) {
      for (const k of [1, 4]) {
        const options = { k, candidates } as const;
        const byHost = similarityArgmaxSync(x, x, { ...options, aMask: mask, bMask: mask, scale, bias });
        const byDevice = similarityArgmaxSync(there, there, {
          ...options,
          aMask: maskThere,
          bMask: maskThere,
          scale: scaleThere,
          bias: biasThere,
        });
        assertSameBits(byDevice.indices.downloadSync(), byHost.indices);
        assertSameBits(byDevice.values.downloadSync(), byHost.values);
      }
    }
    const endless = device.upload({
      ...relevance,
      data: relevance.data.with(N + 3, Number.POSITIVE_INFINITY),
    });
    for (const name of ['scale', 'bias']) {
      const { data } = assertFault(
        () => similarityArgmaxSync(there, there, { [name]: endless }).indices,
        `options.${name}`,
        `at element ${N + 3}`,
      );
      assert.ok(data.subarray(0, N).every((index) => Number(index) >= 0));
      assert.ok(data.subarray(N).every((index) => Number(index) === -1));
    }
    const dropped = device.upload(tensorOf('int32', [N, 3], [B]));
    similarityArgmaxSync(there, there, { scale: endless, lengths: dropped });
    device.synchronizeSync();
  });

  test('averages over the tokens that are left', () => {
    for (const f of ['mean', 'square', { gaussian: 0.5 }] as const) {
      const byHost = similarityReduceSync(there, { f, mask, lengths });
      const byDevice = similarityReduceSync(there, { f, mask: maskThere, lengths: lengthsThere });
      assertSameBits(byDevice.downloadSync(), byHost.downloadSync());
    }
  });

  test('densities among the tokens that are left', () => {
    const byHost = knnDensitySync(x, { k: 4, mask });
    const byDevice = knnDensitySync(there, { k: 4, mask: maskThere });
    assertSameBits(byDevice.density.downloadSync(), byHost.density);
    assertSameBits(byDevice.separation.downloadSync(), byHost.separation);
    const few = device.upload(tensorOf('int32', [N, 3], [B]));
    const { data } = assertFault(
      () => knnDensitySync(there, { k: 4, lengths: few }).separation,
      'options.k',
      '1 to 3',
    );
    assert.ok(data.subarray(N).every((separation) => Number(separation) === 0));
  });

  test('the sides of every partition', () => {
    const partitions: readonly BipartitePartition[] = [
      'alternate',
      { grid: [9, 5], stride: [2, 2] },
      { grid: [5, 9], stride: [2, 3], seed: 7 },
      { random: 42 },
      { every: 3 },
    ];
    for (const partition of partitions) {
      for (const r of [0, 5, 40]) {
        const expected = bipartiteMatchSync(x, { r, partition, mask, lengths });
        const map = bipartiteMatchSync(there, { r, partition, mask: maskThere, lengths: lengthsThere });
        map.downloadSync();
        const label = JSON.stringify({ partition, r });
        for (const field of ['outputLengths', 'offsets', 'members', 'assignment'] as const)
          assert.deepEqual(Array.from(map[field]), Array.from(expected[field]), `${label} ${field}`);
      }
    }
  });

  test('the farthest of the tokens that are left', () => {
    for (const start of ['isolated', states.indexOf(0)] as const) {
      if (start !== 'isolated' && states[N + start] === 2) continue;
      const byHost = farthestPointSync(x, { count: 20, mask, start });
      assertSameBits(farthestPointSync(there, { count: 20, mask: maskThere, start }).downloadSync(), byHost);
    }
    const chosen = assertFault(
      () => farthestPointSync(there, { count: 35, lengths: lengthsThere }),
      'options.count',
      '0 to 30',
    ).data;
    assert.ok(chosen.subarray(0, 35).every((index) => Number(index) >= 0));
    assert.ok(chosen.subarray(35).every((index) => Number(index) === -1));
    assertFault(
      () => farthestPointSync(there, { count: 3, lengths: lengthsThere, start: 40 }),
      'options.start',
      'dropped in row 1',
    );
  });

  test('the most diverse of the tokens that are left', () => {
    const relevanceThere = device.upload(relevance);
    const byHost = dppGreedySync(x, relevance, { count: 20, mask });
    const byDevice = dppGreedySync(there, relevanceThere, { count: 20, mask: maskThere });
    assertSameBits(byDevice.downloadSync(), byHost);
    const negative = device.upload({ ...relevance, data: relevance.data.with(50, -1) });
    const { data } = assertFault(
      () => dppGreedySync(there, negative, { count: N }),
      'relevance',
      '-1 at element 50',
    );
    assert.equal(Number(data[2 * N - 1]), 5, 'what has no relevance comes last');
  });
});
