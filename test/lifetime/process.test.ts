// The process ends, or makes others, with calls in flight.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runScript } from '../support/child.js';
import { longCalls } from '../support/long-calls.js';

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

  it('ends with an uncaught exception while calls are in flight', () => {
    const ended = runScript(`${longCalls}
      calls(); setTimeout(() => { throw new Error('uncaught') }, 5);`);
    assert.deepEqual([ended.status, ended.signal], [1, null], ended.stderr);
    assert.match(ended.stderr, /Error: uncaught/);
  });

  it('can exit while a call is about to complete, at any moment', () => {
    const ended = runScript(`${longCalls}
      const small = { type: 'float32', data: new Float32Array(4096), dims: [64, 64] };
      for (let i = 0; i < 50; i++) tokensieve.tokenNorms(small);
      tokensieve.tokenNorms(small).then(() => { calls(); for (let i = 0; i < 50; i++) tokensieve.tokenNorms(small);
        process.exit(3); });`);
    assert.deepEqual([ended.status, ended.signal, ended.stderr], [3, null, '']);
  });

  it('can fork children that use the package, with calls of its own in flight', () => {
    const ended = runScript(`
      const { fork } = require('node:child_process');
      ${longCalls}
      const source = 'const t = require(process.argv[1]); t.tokenNorms({ type: "float32", data: Float32Array.of(3, 4),'
        + ' dims: [1, 2] }).then((norms) => process.send(norms.data[0], () => process.disconnect()));';
      const pending = calls();
      const children = [1, 2, 3].map(() => new Promise((resolve) => {
        const child = fork('-e', [], { execArgv: ['-e', source, tokensievePath] });
        let said; child.on('message', (message) => (said = message)).on('close', (code) => resolve([said, code]));
      }));
      Promise.all([...children, ...pending]).then((ended) => console.log(JSON.stringify(ended.slice(0, 3))));`);
    assert.deepEqual(
      [ended.status, ended.signal, ended.stdout],
      [0, null, '[[5,0],[5,0],[5,0]]\n'],
      ended.stderr,
    );
  });

  it('can be a cluster', () => {
    const ended = runScript(`
      const cluster = require('node:cluster');
      const { writeFileSync, mkdtempSync, rmSync } = require('node:fs');
      const { tmpdir } = require('node:os');
      const folder = mkdtempSync(tmpdir() + '/tokensieve-cluster-');
      writeFileSync(folder + '/worker.js', 'const t = require(process.argv[2]);'
        + ' t.tokenNorms({ type: "float32", data: Float32Array.of(3, 4), dims: [1, 2] })'
        + '.then((norms) => process.send(norms.data[0], () => process.exit()));');
      cluster.setupPrimary({ exec: folder + '/worker.js', args: [tokensievePath], execArgv: [] });
      ${longCalls}
      const pending = calls();
      const workers = [1, 2].map(() => new Promise((resolve) => {
        let said; cluster.fork().on('message', (message) => (said = message)).on('exit', (code) => resolve([said, code]));
      }));
      Promise.all([...workers, ...pending]).then((ended) => {
        rmSync(folder, { recursive: true });
        console.log(JSON.stringify(ended.slice(0, 2)));
      });`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '[[5,0],[5,0]]\n'], ended.stderr);
  });
});
