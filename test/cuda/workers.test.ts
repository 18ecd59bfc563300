// Devices in worker threads, what crosses between them, and what is released when nobody has it any more.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openDevice, type Tensor, tokenNormsSync } from 'tokensieve';
import { runScript } from '../support/child.js';
import { whyNoDevice } from '../support/device-under-test.js';
import { tensorOf } from '../support/tensors.js';

const work = `
  const device = tokensieve.openDevice('cuda');
  const x = device.upload({ type: 'float32', data: Float32Array.of(3, 4), dims: [1, 2] });
  const calls = () => Array.from({ length: 50 }, () => tokensieve.tokenNorms(x).then((norms) => norms.download()));`;

const inWorker = (body: string) =>
  `new Worker(\`const tokensieve = require(\${JSON.stringify(tokensievePath)});
    const { parentPort } = require('node:worker_threads');${work}${body}\`, { eval: true })`;

suite('devices in workers', { skip: whyNoDevice() }, () => {
  test('each worker opens its own', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');${work}
      const worker = ${inWorker('Promise.all(calls()).then((all) => parentPort.postMessage(all[0].data[0]));')};
      worker.once('message', (norm) => console.log(norm));
      Promise.all(calls()).then((all) => console.log(all[0].data[0]));`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '5\n5\n'], ended.stderr);
  });

  test('a worker may end, or be terminated, with calls in flight', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      (async () => {
        for (const end of ['process.exit()', 'parentPort.postMessage(1)', 'device.dispose(); process.exit()']) {
          const worker = ${inWorker('calls(); $' + '{end};')};
          const exited = new Promise((resolve) => worker.once('exit', resolve));
          worker.once('message', () => worker.terminate());
          await exited;
        }
        ${work}
        console.log((await calls()[0]).data[0]);
      })();`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '5\n'], ended.stderr);
  });

  test('a process may end with calls in flight', () => {
    const ended = runScript(`${work} calls(); process.exit(0);`);
    assert.deepEqual([ended.status, ended.signal, ended.stderr], [0, null, '']);
  });

  test('a clone of a device tensor is nothing', () => {
    using device = openDevice('cuda');
    const clone = structuredClone(device.upload(tensorOf('float32', [3, 4], [1, 2]))) as unknown;
    assert.throws(() => tokenNormsSync(clone as Tensor<'float32'>), {
      code: 'ERR_TOKENSIEVE_TYPE',
      message: /^x\.location must be 'cpu'/,
    });
  });
});

suite('forgotten tensors', { skip: whyNoDevice() }, () => {
  test('let go of their memory', () => {
    const ended = runScript(
      `const { setImmediate } = require('node:timers/promises');
      const device = tokensieve.openDevice('cuda');
      const bytes = 2 ** 20;
      (async () => {
        for (let i = 0; i < 200; i++) {
          device.empty('uint8', [bytes]);
          for (let turn = 0; turn < 4 && i % 16 === 0; turn++) {
            gc();
            await setImmediate();
          }
        }
        console.log('done');
      })();`,
      { TOKENSIEVE_CUDASIM_MEMORY: String(2 ** 26) }, // an emulated device has room for 64 of them
      ['--expose-gc'],
    );
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, 'done\n'], ended.stderr);
  });

  test('of which nobody waits, end with the process without a word', () => {
    const ended = runScript(`
      const device = tokensieve.openDevice('cuda');
      const x = device.upload({ type: 'float32', data: new Float32Array(8), dims: [2, 4] });
      tokensieve.tokenNormsSync(x);`);
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, '', '']);
  });
});
