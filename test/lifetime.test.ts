// Calls that outlive what they were made in: workers, buffers, signals, the process.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  attentionScores,
  attentionScoresSync,
  gatherTokens,
  type Tensor,
  tokenNorms,
  tokenNormsSync,
} from 'tokensieve';
import { assertSameBits } from './support/assertions.js';
import { runBareScript, runScript } from './support/child.js';

/** ES2024's, which this package's `lib` setting does not know yet. */
interface Resizable extends ArrayBuffer {
  resize(bytes: number): void;
}

function ramp(dims: readonly number[], shared = false): Tensor<'float32'> {
  const count = dims.reduce((a, b) => a * b, 1);
  const data = new Float32Array(shared ? new SharedArrayBuffer(count * 4) : new ArrayBuffer(count * 4));
  for (let i = 0; i < count; i++) data[i] = ((i * 37) % 101) / 50 - 1;
  return { type: 'float32', data, dims };
}

// In scripts: a call that takes some tens of milliseconds, begun a few times.
const longCalls = `
  const dims = [1, 8, 1024, 64];
  const data = new Float32Array(8 * 1024 * 64).map((_, i) => ((i * 37) % 101) / 50 - 1);
  const q = { type: 'float32', data, dims };
  const calls = () => [1, 2, 3].map(() => tokensieve.attentionScores(q, q));`;

describe('a worker', () => {
  it('gets the results that the main thread gets', async () => {
    const expected = tokenNormsSync(ramp([40, 64]));
    const source = `const { parentPort, workerData } = require('node:worker_threads');
      const tokensieve = require(workerData.path);
      tokensieve.tokenNorms(workerData.x).then((norms) => parentPort.postMessage(norms.data));`;
    const workerData = { path: require.resolve('tokensieve'), x: ramp([40, 64]) };
    const results = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise<Float32Array>((resolve, reject) => {
            const worker = new Worker(source, { eval: true, workerData });
            worker.once('message', resolve).once('error', reject);
          }),
      ),
    );
    for (const result of results) assert.deepEqual(result, expected.data);
  });

  it('can be terminated with calls in flight', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)}); ${longCalls}
        calls(); require('node:worker_threads').parentPort.postMessage('begun');\`;
      (async () => {
        for (let i = 0; i < 6; i++) {
          const worker = new Worker(source, { eval: true });
          await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
          await worker.terminate();
        }
        const norms = await tokensieve.tokenNorms({ type: 'float32', data: Float32Array.of(3, 4), dims: [1, 2] });
        console.log(norms.data[0]);
      })();`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '5\n'], ended.stderr);
  });

  it('can end by itself with calls in flight', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)}); ${longCalls}
        calls(); process.exit();\`;
      const worker = new Worker(source, { eval: true });
      worker.once('exit', (code) => console.log(code));`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '0\n'], ended.stderr);
  });
});

describe('workers', () => {
  // Node unloads an addon with the last worker that used it; the threads of the pool run its code all the same.
  it('can be all that loads the package, one after another', { skip: process.platform !== 'linux' }, () => {
    const ended = runBareScript(`
      const { readFileSync } = require('node:fs');
      const { Worker } = require('node:worker_threads');
      const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)});
        const x = { type: 'float32', data: new Float32Array(1 << 20).fill(1), dims: [4096, 256] };
        for (let i = 0; i < 20; i++) tokensieve.tokenNormsSync(x);
        require('node:worker_threads').parentPort.postMessage(tokensieve.tokenNormsSync(x).data[4095]);\`;
      (async () => {
        for (let i = 0; i < 4; i++) {
          const worker = new Worker(source, { eval: true });
          worker.once('message', (norm) => console.log(norm));
          await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        console.log(readFileSync('/proc/self/maps', 'utf8').includes('tokensieve.node'));
      })();`);
    const expected = `${'16\n'.repeat(4)}true\n`;
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, expected], ended.stderr);
  });
});

describe('the process', () => {
  it('stays until its calls have ended', () => {
    const ended = runScript(`${longCalls}
      Promise.all(calls()).then((results) => console.log(results.length));`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '3\n'], ended.stderr);
  });

  it('can exit with calls in flight', () => {
    const ended = runScript(`${longCalls}
      calls(); setImmediate(() => process.exit(7));`);
    assert.deepEqual([ended.status, ended.signal, ended.stderr], [7, null, '']);
  });

  it('ends with the error of a call that nobody awaits, as with any rejection', () => {
    const ended = runScript(`tokensieve.tokenNorms(5);`);
    assert.equal(ended.status, 1);
    assert.match(ended.stderr, /ERR_TOKENSIEVE_TYPE/);
  });
});

describe('a buffer', () => {
  it('can be transferred away while it is read', () => {
    const ended = runScript(
      `${longCalls}
      (async () => {
        const expected = tokensieve.attentionScoresSync(q, q).scores.data;
        const pending = calls();
        structuredClone(data.buffer, { transfer: [data.buffer] });
        for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
        const results = await Promise.all(pending);
        console.log(data.length, results.every(({ scores }) => Buffer.compare(
          Buffer.from(scores.data.buffer), Buffer.from(expected.buffer)) === 0));
      })();`,
      {},
      ['--expose-gc'],
    );
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '0 true\n'], ended.stderr);
  });

  it('of an output that is transferred away is reported', async () => {
    const norms: Tensor<'float32'> = { type: 'float32', data: new Float32Array(40), dims: [40] };
    const promise = tokenNorms(ramp([40, 64]), { out: { norms } });
    structuredClone(norms.data.buffer, { transfer: [norms.data.buffer as ArrayBuffer] });
    await assert.rejects(promise, { code: 'ERR_TOKENSIEVE_DETACHED' });
  });

  it('that is gone before the call is refused', async () => {
    const x = ramp([40, 64]);
    structuredClone(x.data.buffer, { transfer: [x.data.buffer as ArrayBuffer] });
    assert.throws(() => tokenNormsSync(x), { code: 'ERR_TOKENSIEVE_SHAPE' });
    await assert.rejects(tokenNorms(x), { code: 'ERR_TOKENSIEVE_SHAPE' });
  });

  it('that is shared is read where it is', async () => {
    const own = ramp([40, 64]);
    const shared = ramp([40, 64], true);
    assertSameBits(await tokenNorms(shared), tokenNormsSync(own));
    assertSameBits(tokenNormsSync(shared), tokenNormsSync(own));
  });

  it('can grow between calls', async () => {
    const buffer = Reflect.construct(ArrayBuffer, [16, { maxByteLength: 64 }]) as Resizable;
    const data = new Float32Array(buffer); // follows the length of its buffer
    data.set([3, 4, 0, 0]);
    const x = (): Tensor<'float32'> => ({ type: 'float32', data, dims: [data.length / 2, 2] });
    const early = tokenNorms(x());
    buffer.resize(32);
    data.set([0, 0, 6, 8]);
    assert.deepEqual([...(await early).data], [5, 0]);
    assert.deepEqual([...(await tokenNorms(x())).data], [0, 10, 0, 0]);
  });
});

describe('an abort signal', () => {
  const q = ramp([1, 8, 700, 64]);

  it('ends a call under way, and those behind it', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const calls = Array.from({ length: 6 }, () => attentionScores(q, q, { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 5);
    const outcomes = await Promise.allSettled(calls);
    const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(rejected.length > 0);
    for (const outcome of rejected) assert.equal(outcome.reason, reason);
    // and the next call is as any other
    assertSameBits((await attentionScores(q, q)).scores, attentionScoresSync(q, q).scores);
  });

  it('that times out ends the call with its own error', async () => {
    const calls = Array.from({ length: 6 }, () => attentionScores(q, q, { signal: AbortSignal.timeout(1) }));
    const outcomes = await Promise.allSettled(calls);
    const last = outcomes.at(-1)!;
    assert.equal(last.status === 'rejected' && (last.reason as Error).name, 'TimeoutError');
  });

  it('is let go when the call has ended, and means nothing then', async () => {
    const controller = new AbortController();
    const norms = await tokenNorms(ramp([40, 64]), { signal: controller.signal });
    await assert.rejects(tokenNorms(5 as never, { signal: controller.signal }));
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    controller.abort();
    assertSameBits(norms, tokenNormsSync(ramp([40, 64])));
  });
});

describe('many calls', () => {
  it('in flight end in the order they came, with their own results', async () => {
    const ended: number[] = [];
    const x = ramp([64, 8]);
    await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        const tokens = await gatherTokens(x, Int32Array.of(i % 64));
        assert.deepEqual(tokens.data, x.data.slice((i % 64) * 8, (i % 64) * 8 + 8));
        ended.push(i);
      }),
    );
    assert.deepEqual(
      ended,
      [...ended].sort((a, b) => a - b),
    );
  });

  it('leave the event loop free', async () => {
    const q = ramp([1, 8, 700, 64]);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    await Promise.all([attentionScores(q, q), attentionScores(q, q), attentionScores(q, q)]);
    clearInterval(ticking);
    assert.ok(turns > 0);
  });
});
