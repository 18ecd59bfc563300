// Worker threads that use the package, and end while they do.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { bipartiteMatchSync, createSieve, strategies, TokenMap, tokenNormsSync } from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { runScript } from '../support/child.js';
import { longCalls, ramp } from '../support/long-calls.js';

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

  it('is one of 16 that are terminated together with calls in flight, again and again', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)}); ${longCalls}
        calls(); require('node:worker_threads').parentPort.postMessage('begun');
        setInterval(calls, 1);\`;
      (async () => {
        for (let round = 0; round < 2; round++) {
          const workers = Array.from({ length: 16 }, () => new Worker(source, { eval: true }));
          await Promise.all(workers.map((worker) => new Promise((resolve, reject) =>
            worker.once('message', resolve).once('error', reject))));
          await Promise.all(workers.map((worker) => worker.terminate()));
        }
        const norms = await tokensieve.tokenNorms({ type: 'float32', data: Float32Array.of(3, 4), dims: [1, 2] });
        console.log(norms.data[0]);
      })();`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '5\n'], ended.stderr);
  });

  it('ends at once, whatever others have in the queue', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      ${longCalls}
      const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)}); ${longCalls}
        const { parentPort } = require('node:worker_threads');
        parentPort.once('message', () => { calls(); parentPort.postMessage('begun'); });
        parentPort.postMessage('loaded');\`;
      const worker = new Worker(source, { eval: true });
      const told = () => new Promise((resolve) => worker.once('message', resolve));
      (async () => {
        await told();
        const queued = Array.from({ length: 20 }, calls).flat();
        let finished = 0;
        for (const call of queued) call.then(() => finished++);
        worker.postMessage('begin');
        await told();
        await worker.terminate();
        console.log(finished < queued.length);
        process.exit();
      })();`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, 'true\n'], ended.stderr);
  });

  it('loads and unloads the package as often as it likes', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)});
        const x = { type: 'float32', data: new Float32Array(64 * 64).fill(1), dims: [64, 64] };
        tokensieve.tokenNormsSync(x);
        tokensieve.tokenNorms(x).then((norms) =>
          require('node:worker_threads').parentPort.postMessage(norms.data[63]));\`;
      (async () => {
        let sum = 0;
        for (let i = 0; i < 30; i++) {
          const worker = new Worker(source, { eval: true });
          const ended = new Promise((resolve) => worker.once('exit', resolve));
          worker.on('message', (norm) => (sum += norm));
          await ended;
        }
        console.log(sum);
      })();`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '240\n'], ended.stderr);
  });

  it('may be at work when the main thread ends, by itself or by process.exit', () => {
    for (const [end, status] of [
      ['worker.unref()', 0],
      ['process.exit(4)', 4],
    ] as const) {
      const ended = runScript(`
        const { Worker } = require('node:worker_threads');
        const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)}); ${longCalls}
          calls(); require('node:worker_threads').parentPort.postMessage('begun');
          setInterval(calls, 5);\`;
        const workers = Array.from({ length: 4 }, () => new Worker(source, { eval: true }));
        Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)))).then(() => {
          for (const worker of workers) ${end};
        });`);
      assert.deepEqual([ended.status, ended.signal, ended.stderr], [status, null, '']);
    }
  });

  it('is given results as structured clones, of which a map can be made again', () => {
    const map = bipartiteMatchSync(ramp([2, 12, 8]), { r: 4 });
    const cloned = structuredClone(map);
    assert.deepEqual(TokenMap.from(cloned), map);
    const reduction = createSieve({
      strategy: strategies.mergeRuns({ threshold: 0.1, metric: 'hidden' }),
    }).reduceSync({
      hidden: ramp([2, 12, 8]),
    });
    const { hidden, map: clonedMap } = structuredClone(reduction);
    assertSameBits(hidden, reduction.hidden);
    assert.deepEqual(TokenMap.from(clonedMap), reduction.map);
    const shared = structuredClone(ramp([4], true));
    assert.ok(shared.data.buffer instanceof SharedArrayBuffer);
  });
});
