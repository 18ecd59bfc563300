import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { type Info, info } from 'tokensieve';
import { runScript } from './support/child.js';

interface Seen {
  readonly info: Info;
  readonly warnings: readonly string[];
}

/** What info() says under these variables, and the warnings. The package is loaded twice, in a worker too. */
function seenUnder(env: NodeJS.ProcessEnv): Seen {
  const clean = { TOKENSIEVE_ISA: '', TOKENSIEVE_NUM_THREADS: '' };
  const { status, stdout, stderr } = runScript(
    `const warnings = [];
     process.on('warning', (warning) => warnings.push(warning.name + ': ' + warning.message));
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
    ['TOKENSIEVE_ISA', info().isa === 'neon' ? 'avx2' : 'neon'],
    ['TOKENSIEVE_NUM_THREADS', '0'],
    ['TOKENSIEVE_NUM_THREADS', '-1'],
    ['TOKENSIEVE_NUM_THREADS', '1.5'],
    ['TOKENSIEVE_NUM_THREADS', 'many'],
  ] as const) {
    it(`warns once of ${variable}=${value} and changes nothing`, () => {
      const seen = seenUnder({ [variable]: value });
      assert.equal(seen.warnings.length, 1, seen.warnings.join('\n'));
      assert.match(seen.warnings[0], new RegExp(`^TokenSieveWarning: ${variable}.*${value}`));
      assert.deepEqual(seen.info, usual.info);
    });
  }
});
