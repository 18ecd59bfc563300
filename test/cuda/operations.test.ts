// How operations run on a device: in whose order, what waits, where results and errors come from.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import {
  attentionScores,
  attentionScoresSync,
  bipartiteMatch,
  bipartiteMatchSync,
  createSieve,
  type DeviceTensor,
  gatherTokens,
  gatherTokensSync,
  mergeTokens,
  mergeTokensSync,
  openDevice,
  packKeysSync,
  restoreTokens,
  restoreTokensSync,
  sampleCdfSync,
  selectThreshold,
  selectThresholdSync,
  strategies,
  type Tensor,
  TokenMap,
  tokenNorms,
  tokenNormsSync,
  topK,
  topKSync,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { whyNoDevice } from '../support/device-under-test.js';
import { seeded } from '../support/random.js';
import { randomTensor, tensorOf } from '../support/tensors.js';

const coded =
  (code: string, path = '') =>
  (error: Error & { code?: string }) => {
    assert.equal(error.code, `ERR_TOKENSIEVE_${code}`, error.stack);
    assert.ok(error.message.startsWith(path), error.message);
    return true;
  };

/** The first `length` of the tokens in each row. */
function firstTokens(x: Tensor<'float32'>, length: number): Float32Array[] {
  const [rows, room, channels] = x.dims;
  return Array.from({ length: rows }, (_, row) =>
    x.data.slice(row * room * channels, (row * room + length) * channels),
  );
}

suite('operations on a device', { skip: whyNoDevice() }, () => {
  const device = openDevice('cuda');
  after(() => device.dispose());
  const random = seeded(1);
  const q = randomTensor(random, 'float32', [2, 2, 24, 16]);
  const k = randomTensor(random, 'float32', [2, 2, 24, 16]);
  const hidden = randomTensor(random, 'float32', [2, 24, 12]);
  const x = tensorOf('float32', [3, 4, 6, 8], [2, 2]);

  test('leave their results there', async () => {
    using there = device.upload(x);
    for (const norms of [tokenNormsSync(there), await tokenNorms(there)]) {
      assert.equal(norms.location, 'cuda');
      assert.equal(norms.device, device);
      assert.deepEqual([...norms.downloadSync().data], [5, 10]);
    }
  });

  test('fill what they are given', async () => {
    using there = device.upload(x);
    using room = device.empty('float32', [2]);
    assert.equal(tokenNormsSync(there, { out: { norms: room } }), room);
    assert.deepEqual([...room.downloadSync().data], [5, 10]);
    assert.equal(await tokenNorms(there, { p: 1, out: { norms: room } }), room);
    assert.deepEqual([...room.downloadSync().data], [7, 14]);
  });

  test('take small arguments from either place', () => {
    using there = device.upload(x);
    const mask = tensorOf('uint8', [0, 2], [2]);
    const lengths = Int32Array.of(1);
    for (const given of [mask, mask.data, device.upload(mask)])
      assert.deepEqual([...tokenNormsSync(there, { mask: given }).downloadSync().data], [5, 0]);
    const onDevice = device.upload(tensorOf('int32', lengths, [1]));
    for (const given of [lengths, onDevice])
      assert.deepEqual([...tokenNormsSync(there, { lengths: given }).downloadSync().data], [5, 0]);
  });

  test('refuse tensors in different places, by the path of the one that does not fit', () => {
    using there = device.upload(x);
    const room = tensorOf('float32', [0, 0], [2]);
    assert.throws(
      () => tokenNormsSync(there, { out: { norms: room as never } }),
      coded('DEVICE', 'options.out'),
    );
    const onDevice = device.empty('float32', [2]);
    assert.throws(
      () => tokenNormsSync(x, { out: { norms: onDevice as never } }),
      coded('DEVICE', 'options.out'),
    );
    const mask = device.upload(tensorOf('uint8', [0, 2], [2]));
    assert.throws(() => tokenNormsSync(x, { mask: mask as never }), coded('DEVICE', 'options.mask'));
    assert.throws(() => attentionScoresSync(device.upload(q), k as never), coded('DEVICE', 'k'));
  });

  test('refuse wrong arguments at once, as on the CPU', async () => {
    using there = device.upload(x);
    assert.throws(() => tokenNormsSync(there, { p: 3 as 2 }), coded('RANGE', 'options.p'));
    await assert.rejects(tokenNorms(there, { p: 3 as 2 }), coded('RANGE', 'options.p'));
    const room = device.empty('float32', [3]);
    assert.throws(() => tokenNormsSync(there, { out: { norms: room } }), coded('SHAPE', 'options.out.norms'));
    assert.throws(
      () => tokenNormsSync(there, { out: { norms: there } as never }),
      coded('SHAPE', 'options.out'),
    );
    const flat = device.wrap({ pointer: there.pointer, type: 'float32', dims: [2] });
    assert.throws(() => tokenNormsSync(there, { out: { norms: flat } }), coded('OVERLAP', 'options.out'));
  });

  test('say by name what only the host can read', async () => {
    const there = device.upload(hidden) as unknown as Tensor<'float32'>;
    assert.throws(() => packKeysSync(there), coded('DEVICE', 'k'));
    const sieve = createSieve({ strategy: strategies.prune(), budget: () => ({ count: 1 }) as never });
    assert.throws(() => sieve.reduceSync({ hidden: there }), coded('ON_DEVICE', 'inputs.hidden'));
    await assert.rejects(sieve.reduce({ hidden: there }), coded('ON_DEVICE', 'inputs.hidden'));
    const indices = device.upload(tensorOf('int32', [0, 1], [2])) as unknown as Tensor<'int32'>;
    assert.throws(() => TokenMap.fromKept(indices, 4), coded('ON_DEVICE', 'indices'));
  });

  test('run in the order of their calls, whichever form', async () => {
    const rooms = Array.from({ length: 8 }, () => device.empty('float32', [2]));
    const there = device.upload(x);
    const promises = rooms.map((norms, i) => {
      device.upload(tensorOf('float32', [3 * i, 4 * i, 6, 8], [2, 2]), { out: there });
      return i % 2 === 0 ? tokenNorms(there, { out: { norms } }) : tokenNormsSync(there, { out: { norms } });
    });
    const results = await Promise.all(promises);
    for (const [i, norms] of results.entries()) assert.deepEqual([...norms.downloadSync().data], [5 * i, 10]);
  });

  test('mix tensors of two devices that are one GPU, in the order of both', () => {
    using other = openDevice('cuda');
    const there = other.upload(x);
    const norms = device.empty('float32', [2]);
    tokenNormsSync(there, { out: { norms } });
    assert.deepEqual([...norms.downloadSync().data], [5, 10]);
  });

  suite('what the device finds wrong', () => {
    const wrong = () => {
      const tokens = device.upload(hidden);
      const indices = device.upload(tensorOf('int32', [0, 99, 1, 2], [2, 2]));
      return [tokens, indices] as const;
    };
    const found = coded('RANGE', 'indices must be integers from 0 to 23; got 99');

    test('is raised by synchronize', async () => {
      gatherTokensSync(...wrong());
      assert.throws(() => device.synchronizeSync(), found);
      device.synchronizeSync();
      gatherTokensSync(...wrong());
      await assert.rejects(device.synchronize(), found);
      await device.synchronize();
    });

    test('is raised by a download', async () => {
      const gathered = gatherTokensSync(...wrong());
      assert.throws(() => gathered.downloadSync(), found);
      const again = gatherTokensSync(...wrong());
      await assert.rejects(again.download(), found);
    });

    test('rejects the call, and leaves the device as it was', async () => {
      await assert.rejects(gatherTokens(...wrong()), found);
      assert.deepEqual([...(await tokenNorms(device.upload(x))).downloadSync().data], [5, 10]);
    });
  });

  suite('an AbortSignal', () => {
    test('that is aborted before has nothing done', async () => {
      const there = device.upload(x);
      const norms = device.empty('float32', [2]);
      const reason = new Error('no');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(tokenNorms(there, { signal, out: { norms } }), (error) => error === reason);
      assert.deepEqual([...norms.downloadSync().data], [0, 0]);
    });

    test('that is aborted while the call waits rejects it at once', async () => {
      const controller = new AbortController();
      const calls = Array.from({ length: 20 }, () =>
        tokenNorms(device.upload(hidden), { signal: controller.signal }),
      );
      controller.abort();
      for (const call of await Promise.allSettled(calls)) {
        assert.equal(call.status, 'rejected');
        assert.equal((call as PromiseRejectedResult).reason, controller.signal.reason);
      }
      await device.synchronize();
    });
  });

  suite('scores, selection and gathering, without a way back to the host', () => {
    test('the k best', async () => {
      const onHost = attentionScoresSync(q, k).scores;
      const { scores } = await attentionScores(device.upload(q), device.upload(k));
      const { indices } = await topK(scores, 7);
      const kept = await (await gatherTokens(device.upload(hidden), indices)).download();
      assertSameBits(kept, gatherTokensSync(hidden, topKSync(onHost, 7).indices));
    });

    test('those that pass a threshold, in room for all', async () => {
      const { scores } = attentionScoresSync(q, k);
      const expected = gatherTokensSync(hidden, selectThresholdSync(scores, { quantile: 0.6 }));
      const chosen = await selectThreshold(device.upload(scores), { quantile: 0.6 });
      assert.deepEqual(chosen.indices.dims, [48]);
      const { tokens, lengths } = await gatherTokens(device.upload(hidden), chosen);
      assert.deepEqual(tokens.dims, [2, 24, 12]);
      const counted = await (lengths as DeviceTensor<'int32'>).download();
      assert.deepEqual(counted.data, expected.lengths);
      const longest = expected.tokens.dims[1];
      assert.deepEqual(firstTokens(await tokens.download(), longest), firstTokens(expected.tokens, longest));

      const packed = gatherTokensSync(device.upload(hidden), chosen, { packed: true });
      const { tokens: dense, offsets } = gatherTokensSync(
        hidden,
        selectThresholdSync(scores, { quantile: 0.6 }),
        { packed: true },
      );
      assert.deepEqual((packed.offsets as DeviceTensor<'int32'>).downloadSync().data, offsets);
      assert.deepEqual(packed.tokens.downloadSync().data.slice(0, dense.data.length), dense.data);
    });

    test('a sample', () => {
      const { scores } = attentionScoresSync(q, k);
      const expected = gatherTokensSync(hidden, sampleCdfSync(scores, 9));
      const { tokens, lengths } = gatherTokensSync(
        device.upload(hidden),
        sampleCdfSync(device.upload(scores), 9),
      );
      assert.deepEqual((lengths as DeviceTensor<'int32'>).downloadSync().data, expected.lengths);
      const longest = expected.tokens.dims[1];
      assert.deepEqual(firstTokens(tokens.downloadSync(), longest), firstTokens(expected.tokens, longest));
    });
  });

  suite('a map made on the device', () => {
    const fields = ['outputLengths', 'offsets', 'members', 'assignment'] as const;
    const options = [{ r: 5 }, { r: 8, threshold: 0.2 }, { r: 6, lengths: Int32Array.of(24, 13) }];

    test('stays there until it is downloaded', async () => {
      for (const given of options) {
        const expected = bipartiteMatchSync(hidden, given);
        const map = await bipartiteMatch(device.upload(hidden), given);
        assert.ok(map instanceof TokenMap);
        assert.deepEqual([map.rowDims, map.inputLength, map.weights], [[2], 24, undefined]);
        for (const name of fields) assert.throws(() => map[name], coded('ON_DEVICE', `map.${name}`));
        assert.throws(() => map.kept(0), coded('ON_DEVICE', 'map.'));
        assert.throws(() => map.sizes(), coded('ON_DEVICE', 'map.'));
        assert.throws(() => map.compose(expected), coded('ON_DEVICE', 'map.'));
        assert.throws(() => mergeTokensSync(hidden, map), coded('ON_DEVICE', 'map.'));
        assert.equal(await map.download(), map);
        for (const name of fields) assert.deepEqual(map[name], expected[name], name);
        assert.deepEqual(map.sizes(), expected.sizes());
        assert.equal(map.downloadSync(), map);
      }
    });

    test('merges and restores there', async () => {
      for (const given of options) {
        const onHost = bipartiteMatchSync(hidden, given);
        const expected = mergeTokensSync(hidden, onHost);
        const there = device.upload(hidden);
        const map = await bipartiteMatch(there, given);
        const merged = await mergeTokens(there, map);
        const longest = expected.tokens.dims[1];
        const capacity = given.threshold === undefined ? longest : 24;
        assert.deepEqual(merged.tokens.dims, [2, capacity, 12]);
        assert.deepEqual((merged.lengths as DeviceTensor<'int32'>).downloadSync().data, expected.lengths);
        assert.deepEqual(
          firstTokens(await merged.tokens.download(), longest),
          firstTokens(expected.tokens, longest),
        );
        const restored = await restoreTokens(merged.tokens, map);
        assertSameBits(await restored.download(), restoreTokensSync(expected.tokens, onHost));
      }
    });

    test('packs rows, and says there where they begin', () => {
      const given = { r: 8, threshold: 0.2 };
      const expected = mergeTokensSync(hidden, bipartiteMatchSync(hidden, given), { packed: true });
      const there = device.upload(hidden);
      const packed = mergeTokensSync(there, bipartiteMatchSync(there, given), { packed: true });
      assert.deepEqual((packed.offsets as DeviceTensor<'int32'>).downloadSync().data, expected.offsets);
      const { data } = packed.tokens.downloadSync();
      assert.deepEqual(data.slice(0, expected.tokens.data.length), expected.tokens.data);
      assert.deepEqual(
        packed.sizes.downloadSync().data.slice(0, expected.sizes.data.length),
        expected.sizes.data,
      );
    });

    test('is of use on the host once it has been downloaded', async () => {
      const map = await bipartiteMatchSync(device.upload(hidden), { r: 5 }).download();
      assertSameBits(
        mergeTokensSync(hidden, map).tokens,
        mergeTokensSync(hidden, bipartiteMatchSync(hidden, { r: 5 })).tokens,
      );
    });

    test('takes the arrays it is given', async () => {
      const out = {
        outputLengths: device.empty('int32', [2]),
        offsets: device.empty('int32', [49]),
        members: device.empty('int32', [48]),
        assignment: device.empty('int32', [48]),
      };
      const map = bipartiteMatchSync(device.upload(hidden), { r: 5, out });
      await map.download();
      assert.deepEqual(out.assignment.downloadSync().data, map.assignment);
      map[Symbol.dispose]();
      assert.deepEqual(out.outputLengths.downloadSync().data, Int32Array.of(19, 19));
    });

    test('is gone when it was disposed of', () => {
      const there = device.upload(hidden);
      const map = bipartiteMatchSync(there, { r: 5 });
      map[Symbol.dispose]();
      assert.throws(() => map.downloadSync(), coded('DISPOSED'));
      assert.throws(() => mergeTokensSync(there, map), coded('DISPOSED'));
    });
  });

  test('a map of the host goes along with tokens on the device', async () => {
    const map = bipartiteMatchSync(hidden, { r: 5 });
    const expected = mergeTokensSync(hidden, map);
    const merged = await mergeTokens(device.upload(hidden), map);
    assertSameBits(await merged.tokens.download(), expected.tokens);
    assertSameBits(await merged.sizes.download(), expected.sizes);
    assert.deepEqual(merged.lengths, expected.lengths);
  });
});
