import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { type Info, info } from 'tokensieve';
import { runBareScript, runScript } from './support/child.js';

interface Seen {
  readonly info: Info;
  readonly warnings: readonly string[];
}

/** What info() says under these variables, and the warnings. */
function seenUnder(env: NodeJS.ProcessEnv): Seen {
  const clean = { TOKENSIEVE_ISA: '', TOKENSIEVE_NUM_THREADS: '' };
  const { status, stdout, stderr } = runScript(
    `const warnings = [];
     process.on('warning', (warning) => warnings.push(String(warning) + ' ' + warning.code));
     require(tokensievePath);
     tokensieve.info();
     setImmediate(() => console.log(JSON.stringify({ info: tokensieve.info(), warnings })));`,
    { ...clean, ...env },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Seen;
}

describe('the environment', () => {
  const usual = seenUnder({});

  it('is as found when nothing is set', () => {
    assert.deepEqual(usual.warnings, []);
    assert.equal(usual.info.threads, Math.min(availableParallelism(), 1024));
  });

  it('lowers the instruction set', () => {
    const { info: lowered, warnings } = seenUnder({ TOKENSIEVE_ISA: 'scalar' });
    assert.equal(lowered.isa, 'scalar');
    assert.deepEqual(warnings, []);
  });

  it('lowers the number of threads and never raises it', () => {
    assert.equal(seenUnder({ TOKENSIEVE_NUM_THREADS: '1' }).info.threads, 1);
    assert.equal(seenUnder({ TOKENSIEVE_NUM_THREADS: '1000' }).info.threads, usual.info.threads);
  });

  for (const [variable, value] of [
    ['TOKENSIEVE_ISA', 'sse9'],
    ['TOKENSIEVE_ISA', 'AVX2'],
    ['TOKENSIEVE_ISA', ' '],
    ['TOKENSIEVE_ISA', info().isa === 'neon' ? 'avx2' : 'neon'],
    ...['0', '-1', '1.5', '1e9', '1025', '4x', '0x2', ' ', ' 2', 'many', 'NaN', 'Infinity'].map(
      (value) => ['TOKENSIEVE_NUM_THREADS', value] as const,
    ),
  ] as const) {
    it(`warns once of ${variable}=${JSON.stringify(value)} and changes nothing`, () => {
      const seen = seenUnder({ [variable]: value });
      assert.equal(seen.warnings.length, 1, seen.warnings.join('\n'));
      const expected = variable === 'TOKENSIEVE_ISA' ? 'scalar' : 'an integer from 1 to 1024';
      for (const part of [
        'TokenSieveWarning',
        variable,
        JSON.stringify(value),
        expected,
        'TOKENSIEVE_ENVIRONMENT',
      ]) {
        assert.ok(seen.warnings[0].includes(part), seen.warnings[0]);
      }
      assert.deepEqual(seen.info, usual.info);
    });
  }

  it('warns of each variable that makes no sense', () => {
    const { warnings } = seenUnder({ TOKENSIEVE_ISA: 'mmx', TOKENSIEVE_NUM_THREADS: '-3' });
    assert.equal(warnings.length, 2, warnings.join('\n'));
  });
});

describe('workers', () => {
  const worker = `
    const { Worker } = require('node:worker_threads');
    const source = \`const tokensieve = require(\${JSON.stringify(tokensievePath)});
      require('node:worker_threads').parentPort.postMessage(tokensieve.info().threads);\`;
    const threadsInWorker = () => new Promise((resolve, reject) =>
      new Worker(source, { eval: true }).once('message', resolve).once('error', reject));`;

  it('do not repeat the warnings', () => {
    const ended = runScript(`${worker} Promise.all([1, 2, 3].map(threadsInWorker));`, {
      TOKENSIEVE_ISA: 'mmx',
    });
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(ended.stderr.split('TOKENSIEVE_ENVIRONMENT').length - 1, 1, ended.stderr);
  });

  it('warn once when they alone load the package', () => {
    const ended = runBareScript(`${worker} threadsInWorker().then(threadsInWorker);`, {
      TOKENSIEVE_ISA: 'mmx',
    });
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(ended.stderr.split('TOKENSIEVE_ENVIRONMENT').length - 1, 1, ended.stderr);
  });

  it('leave the threads that were set as they are', () => {
    const ended = runScript(`${worker}
      tokensieve.setNumThreads(7);
      threadsInWorker().then((threads) => console.log(threads, tokensieve.info().threads));`);
    assert.deepEqual([ended.status, ended.stdout], [0, '7 7\n'], ended.stderr);
  });
});
