// Devices and the tensors on them: what goes there and comes back, how long it lives, and what is refused.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type DataType,
  type DeviceTensor,
  openDevice,
  type Tensor,
  tokenNorms,
  tokenNormsSync,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { whyNoDevice } from '../support/device-under-test.js';
import { count, sharedCopyOf, tensorOf } from '../support/tensors.js';

const coded =
  (code: string, path = '') =>
  (error: Error & { code?: string }) => {
    assert.equal(error.code, `ERR_TOKENSIEVE_${code}`, error.stack);
    assert.ok(error.message.startsWith(path), error.message);
    return true;
  };

suite('openDevice, anywhere', () => {
  test('refuses what is no device', () => {
    assert.throws(() => openDevice('metal' as 'cuda'), coded('TYPE', 'type'));
    assert.throws(() => openDevice('cuda', 1 as never), coded('TYPE', 'options'));
    assert.throws(() => openDevice('cuda', { index: '0' as never }), coded('TYPE', 'options.index'));
    for (const index of [-1, 0.5, Number.NaN, 2 ** 40])
      assert.throws(() => openDevice('cuda', { index }), coded('RANGE', 'options.index'));
  });
});

suite('a device', { skip: whyNoDevice() }, () => {
  const types: readonly DataType[] = ['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8'];
  const device = openDevice('cuda');
  const x = tensorOf('float32', [3, 4, 6, 8], [2, 2]);

  test('gives back what it was given, of every type and from every place', async () => {
    for (const type of types) {
      for (const dims of [[2, 3, 5], [7], [], [0], [3, 0, 2]]) {
        const numbers = Array.from({ length: count(dims) }, (_, i) => i + 1);
        const tensor = tensorOf(type, numbers, dims, 1);
        for (const source of [tensor, sharedCopyOf(tensor)]) {
          using uploaded = device.upload(source);
          assert.equal(uploaded.type, type);
          assert.deepEqual(uploaded.dims, dims);
          assertSameBits(uploaded.downloadSync(), tensor);
          assertSameBits(await uploaded.download(), tensor);
        }
      }
    }
  });

  test('downloads float16 into the class it came from', { skip: !('Float16Array' in globalThis) }, () => {
    const data = new Float16Array([1, 2]);
    using uploaded = device.upload({ type: 'float16', data, dims: [2] });
    assert.ok(uploaded.downloadSync().data instanceof Float16Array);
  });

  test('copies: the tensor is free to change, and so is what was downloaded', () => {
    const source = tensorOf('int32', [1, 2], [2]);
    using uploaded = device.upload(source);
    source.data.fill(9);
    uploaded.downloadSync().data.fill(7);
    assert.deepEqual([...uploaded.downloadSync().data], [1, 2]);
  });

  test('downloads what a tensor held when it was asked to, whatever comes after', async () => {
    const uploaded = device.upload(x);
    const first = uploaded.download();
    device.upload(tensorOf('float32', [0, 0, 0, 0], [2, 2]), { out: uploaded });
    const second = uploaded.download();
    uploaded.dispose();
    assert.deepEqual([...(await first).data], [3, 4, 6, 8]);
    assert.deepEqual([...(await second).data], [0, 0, 0, 0]);
  });

  test('makes tensors of zeros', () => {
    for (const type of types) {
      using zeros = device.empty(type, [3, 2]);
      assertSameBits(zeros.downloadSync(), tensorOf(type, new Array(6).fill(0), [3, 2]));
    }
    using none = device.empty('float32', [0, 4]);
    assert.equal(none.downloadSync().data.length, 0);
  });

  test('says where its tensors lie, and that they are not to be read', () => {
    using uploaded = device.upload(x);
    assert.equal(uploaded.location, 'cuda');
    assert.equal(uploaded.device, device);
    assert.equal(typeof uploaded.pointer, 'bigint');
    assert.throws(() => (uploaded as unknown as Tensor).data, coded('ON_DEVICE', 'data'));
    assert.throws(() => device.upload(uploaded as unknown as Tensor), coded('ON_DEVICE', 'tensor'));
  });

  test('refuses tensors and dims that are none', () => {
    const bad = (value: unknown) => () => device.upload(value as Tensor);
    assert.throws(bad(7), coded('TYPE', 'tensor'));
    assert.throws(bad({ ...x, type: 'float64' }), coded('TYPE', 'tensor.type'));
    assert.throws(bad({ ...x, dims: [3] }), coded('SHAPE', 'tensor.dims'));
    assert.throws(() => device.empty('float64' as 'float32', [1]), coded('TYPE', 'type'));
    assert.throws(() => device.empty('float32', [-1]), coded('SHAPE', 'dims'));
    assert.throws(() => device.empty('float32', [2 ** 31]), coded('SHAPE', 'dims'));
  });

  test('uploads into a tensor of the same type and dims, and no other', () => {
    using room = device.empty('float32', [2, 2]);
    assert.equal(device.upload(x, { out: room }), room);
    assertSameBits(room.downloadSync(), x);
    const into = (out: unknown) => () => device.upload(x, { out: out as DeviceTensor<'float32'> });
    assert.throws(into(x), coded('TYPE', 'options.out'));
    assert.throws(into(device.empty('float32', [4])), coded('SHAPE', 'options.out.dims'));
    assert.throws(into(device.empty('int32', [2, 2])), coded('TYPE', 'options.out.type'));
    using other = openDevice('cuda');
    assert.throws(into(other.empty('float32', [2, 2])), coded('DEVICE', 'options.out'));
  });

  test('refuses more memory than it has, and goes on', () => {
    assert.throws(() => device.empty('uint8', [2 ** 20, 2 ** 20]), coded('MEMORY'));
    assert.deepEqual([...tokenNormsSync(device.upload(x)).downloadSync().data], [5, 10]);
  });

  test('has no use for a tensor that was disposed of', async () => {
    const uploaded = device.upload(x);
    const norms = tokenNormsSync(uploaded);
    uploaded.dispose();
    uploaded.dispose();
    uploaded[Symbol.dispose]();
    assert.deepEqual([...norms.downloadSync().data], [5, 10], 'what was enqueued before is done');
    assert.throws(() => tokenNormsSync(uploaded), coded('DISPOSED', 'x'));
    await assert.rejects(tokenNorms(uploaded), coded('DISPOSED', 'x'));
    assert.throws(() => uploaded.downloadSync(), coded('DISPOSED'));
    await assert.rejects(uploaded.download(), coded('DISPOSED'));
    assert.throws(() => uploaded.pointer, coded('DISPOSED'));
    assert.throws(() => device.upload(x, { out: uploaded }), coded('DISPOSED', 'options.out'));
  });

  test('takes its tensors along when it ends', async () => {
    const other = openDevice('cuda');
    const uploaded = other.upload(x);
    const norms = tokenNorms(uploaded);
    const download = uploaded.download();
    other.dispose();
    other.dispose();
    assertSameBits(await download, x);
    await norms;
    assert.throws(() => tokenNormsSync(uploaded), coded('DISPOSED', 'x'));
    assert.throws(() => uploaded.downloadSync(), coded('DISPOSED'));
    uploaded.dispose();
    assert.throws(() => other.upload(x), coded('DISPOSED', 'the device'));
    assert.throws(() => other.synchronizeSync(), coded('DISPOSED', 'the device'));
    await assert.rejects(other.synchronize(), coded('DISPOSED', 'the device'));
  });

  test('is not confused by a getter that disposes of what was read', () => {
    const uploaded = device.upload(x);
    const options = {
      get p(): 2 {
        uploaded.dispose();
        return 2;
      },
    };
    assert.throws(() => tokenNormsSync(uploaded, options), coded('DISPOSED'));
  });

  suite('wrap', () => {
    const lend = (tensor: DeviceTensor, stream: bigint) => ({
      pointer: tensor.pointer,
      type: tensor.type,
      dims: tensor.dims,
      stream,
    });

    test("works with another's memory in the order of its stream", async () => {
      using owner = openDevice('cuda');
      const theirs = owner.upload(x);
      const wrapped = device.wrap({ ...lend(theirs, owner.stream), type: 'float32' });
      assert.equal(wrapped.pointer, theirs.pointer);
      for (const scale of [1, 2, 3]) {
        owner.upload(tensorOf('float32', [3 * scale, 4 * scale, 6, 8], [2, 2]), { out: theirs });
        assert.deepEqual([...tokenNormsSync(wrapped).downloadSync().data], [5 * scale, 10]);
        assert.deepEqual([...(await (await tokenNorms(wrapped)).download()).data], [5 * scale, 10]);
      }
      const room = owner.empty('float32', [2]);
      const norms = device.wrap({ ...lend(room, owner.stream), type: 'float32' });
      tokenNormsSync(wrapped, { out: { norms } });
      assert.deepEqual([...room.downloadSync().data], [15, 10], 'their stream comes after ours');
      wrapped.dispose();
      assertSameBits(theirs.downloadSync(), tensorOf('float32', [9, 12, 6, 8], [2, 2]));
    });

    test('takes numbers for addresses, and no stream', () => {
      using theirs = device.upload(x);
      const wrapped = device.wrap({ pointer: Number(theirs.pointer), type: 'float32', dims: [4, 1] });
      assert.deepEqual([...tokenNormsSync(wrapped).downloadSync().data], [3, 4, 6, 8]);
    });

    test('refuses what is no address', () => {
      const wrap = (fields: object) => () =>
        device.wrap({ pointer: 256n, type: 'float32', dims: [1], ...fields });
      assert.throws(wrap({ pointer: '0x100' }), coded('TYPE', 'foreign.pointer'));
      for (const pointer of [-1, 2n ** 60n, 0.5, 257n, 0n])
        assert.throws(wrap({ pointer }), coded('RANGE', 'foreign.pointer'));
      assert.throws(wrap({ stream: {} }), coded('TYPE', 'foreign.stream'));
      assert.throws(wrap({ type: 'float' }), coded('TYPE', 'foreign.type'));
      assert.throws(wrap({ dims: 4 }), coded('TYPE', 'foreign.dims'));
      assert.throws(() => device.wrap(undefined as never), coded('TYPE', 'foreign'));
    });
  });
});
