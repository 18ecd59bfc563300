// What fails on a device or in its driver reaches the caller as an error with a code, leaks nothing, and lets all else go
// on. The double of the driver fails where it is told to; it has two devices here.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import {
  attentionScoresSync,
  type Device,
  gatherTokensSync,
  openDevice,
  type Tensor,
  TokenSieveError,
  tokenNorms,
  tokenNormsSync,
  topKSync,
} from 'tokensieve';
import { control, type LiveObjects, whyNoDouble } from '../support/cuda-double.js';
import { seeded } from '../support/random.js';

process.env.TOKENSIEVE_CUDASIM_DEVICES = '2';
const skip = whyNoDouble();

function normal(dims: readonly number[], seed: number): Tensor<'float32'> {
  const random = seeded(seed);
  return {
    type: 'float32',
    data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, random.normal),
    dims,
  };
}

const q = normal([1, 2, 3, 8], 1);
const k = normal([1, 2, 9, 8], 2);
const tokens = normal([1, 9, 8], 3);
const mask = Uint8Array.of(0, 1, 2, 0, 0, 0, 0, 0, 0);

/** Scores, selects and gathers on a device; what it made there is given back whatever happens. */
function chain(device: Device): ArrayLike<number> {
  const made: Disposable[] = [];
  const keep = <T extends Disposable>(tensor: T): T => {
    made.push(tensor);
    return tensor;
  };
  try {
    const { scores, lse } = attentionScoresSync(keep(device.upload(q)), keep(device.upload(k)), { mask });
    keep(scores);
    keep(lse);
    const { indices, values } = topKSync(scores, 4, { mask });
    keep(indices);
    keep(values);
    return keep(gatherTokensSync(keep(device.upload(tokens)), indices)).downloadSync().data as Float32Array;
  } finally {
    for (const tensor of made) tensor[Symbol.dispose]();
  }
}

const onTheCpu = gatherTokensSync(
  tokens,
  topKSync(attentionScoresSync(q, k, { mask }).scores, 4, { mask }).indices,
).data as Float32Array;

const norms = tokenNormsSync(tokens).data;

/** Sums in other orders differ in their last bits. */
function assertClose(got: Tensor['data'], expected: Tensor['data']): void {
  assert.equal(got.length, expected.length);
  for (let i = 0; i < got.length; i++) assert.ok(Math.abs(Number(got[i]) - Number(expected[i])) < 1e-5);
}

/** What a call throws, by its code; undefined when it returns. */
function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof TokenSieveError, String(error));
    assert.notEqual(error.message, '');
    return error.code;
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Nothing is left but blocks of pinned memory for copies under way, each with its event: so many are used as are needed. */
function assertNoMore(now: LiveObjects, before: LiveObjects, when: string): void {
  const left = ({ contexts, streams, modules, pools, allocations, events, pinnedBlocks }: LiveObjects) =>
    Object.entries({ contexts, streams, modules, pools, allocations, events: events - pinnedBlocks });
  const counts = new Map(left(before));
  for (const [name, count] of left(now)) assert.ok(count <= counts.get(name)!, `${count} ${name} ${when}`);
  assert.ok(now.pinnedBlocks < 40, `${now.pinnedBlocks} pinned blocks ${when}`);
}

suite('a device whose driver fails', { skip }, () => {
  for (const [point, code] of [
    ['allocate', 'ERR_TOKENSIEVE_MEMORY'],
    ['pinned', 'ERR_TOKENSIEVE_MEMORY'],
    ['launch', 'ERR_TOKENSIEVE_CUDA'],
    ['upload', 'ERR_TOKENSIEVE_CUDA'],
    ['download', 'ERR_TOKENSIEVE_CUDA'],
  ] as const) {
    test(`at every ${point} in turn`, async () => {
      const device = openDevice('cuda');
      for (let i = 0; i < 2; i++) assert.deepEqual(chain(device), onTheCpu);
      const { fail, live, passed } = control();
      const before = live();
      let struck = true;
      for (let n = 1; struck; n++) {
        fail(`${point}:${n}`);
        const got = codeOf(() => chain(device));
        struck = passed(point) >= n;
        fail('');
        assert.equal(got, struck ? code : undefined, `at number ${n}`);
        device.synchronizeSync();
        if (live().allocations > before.allocations) {
          collectGarbage(); // a tensor for a result, made before the one that could not be
          await setImmediate();
        }
        assertNoMore(live(), before, `after ${point} number ${n} failed`);
      }
      assert.deepEqual(chain(device), onTheCpu);
      device[Symbol.dispose]();
    });
  }

  test('rejects promises', async () => {
    const device = openDevice('cuda');
    const x = device.upload(tokens);
    control().fail('launch:1');
    await assert.rejects(tokenNorms(x), {
      code: 'ERR_TOKENSIEVE_CUDA',
      message: /could not launch tsv_token_norms_f32/,
    });
    control().fail('');
    assertClose((await (await tokenNorms(x)).download()).data, norms);
    device[Symbol.dispose]();
  });
});

suite('devices and threads', { skip }, () => {
  test('each worker has its own device', async () => {
    const source = `const { parentPort, workerData } = require('node:worker_threads');
      const { openDevice, tokenNorms } = require(workerData.path);
      (async () => {
        const device = openDevice('cuda', { index: workerData.index });
        const x = device.upload(workerData.x);
        for (let i = 0; i < 5; i++) var norms = await (await tokenNorms(x)).download();
        parentPort.postMessage(norms.data);
      })();`;
    const results = await Promise.all(
      [0, 1, 0, 1].map((index) => {
        const workerData = { path: require.resolve('tokensieve'), x: tokens, index };
        return new Promise<Float32Array>((resolve, reject) => {
          new Worker(source, { eval: true, workerData }).once('message', resolve).once('error', reject);
        });
      }),
    );
    for (const result of results) assertClose(result, norms);
  });

  test('a worker may be terminated with work under way', async () => {
    const source = `const { parentPort, workerData } = require('node:worker_threads');
      const { openDevice, tokenNorms } = require(workerData.path);
      const x = openDevice('cuda').upload(workerData.x);
      for (let i = 0; i < 50; i++) tokenNorms(x);
      parentPort.postMessage('begun');`;
    for (let i = 0; i < 4; i++) {
      const workerData = { path: require.resolve('tokensieve'), x: tokens };
      const worker = new Worker(source, { eval: true, workerData });
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
    }
    assert.deepEqual(chain(openDevice('cuda')), onTheCpu);
  });

  test('a device of no number is told by how many there are', () => {
    assert.throws(() => openDevice('cuda', { index: 2 }), {
      code: 'ERR_TOKENSIEVE_NO_CUDA',
      message: 'there is no CUDA device 2: the driver finds 2',
    });
  });
});

// The last suite of this process: its first device is of no use afterwards.
suite('a device that is lost', { skip }, () => {
  after(() => control().fail(''));

  test('says so at every call, and all else goes on', async () => {
    const [lost, other] = [openDevice('cuda'), openDevice('cuda', { index: 1 })];
    const x = lost.upload(tokens);
    control().fail('launch:1=719');
    await assert.rejects(tokenNorms(x), { code: 'ERR_TOKENSIEVE_CUDA', message: /CUDA_ERROR_LAUNCH_FAILED/ });
    control().fail('');
    const words =
      /^CUDA device 0 cannot be used until the process ends, after an earlier error: CUDA_ERROR_LAUNCH_FAILED$/;
    const expected = { code: 'ERR_TOKENSIEVE_CUDA', message: words };
    assert.throws(() => tokenNormsSync(x), expected);
    assert.throws(() => lost.upload(tokens), expected);
    assert.throws(() => x.downloadSync(), expected);
    await assert.rejects(lost.synchronize(), expected);
    assert.throws(() => openDevice('cuda'), expected);
    assert.deepEqual(chain(other), onTheCpu);
    assert.deepEqual(tokenNormsSync(tokens).data, norms);
    x[Symbol.dispose]();
    lost[Symbol.dispose]();
  });
});
