import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { info } from 'tokensieve';
import { type Case, caseName, workingSet } from '../bench/case.js';
import { cases, untimedKernels } from '../bench/cases.js';
import { floorOf, kernelNames, measuredSize } from '../bench/ceilings.js';
import { quantile } from '../bench/measure.js';

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = path.join(__dirname, '..', 'bench', 'main.js');
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
}

describe('the cases', () => {
  it('time every kernel of the list, and name no other', () => {
    assert.deepEqual(untimedKernels(), []);
    for (const benchmark of cases)
      for (const kernel of benchmark.kernels)
        assert.ok(kernelNames.includes(kernel), `${caseName(benchmark)}: ${kernel}`);
  });

  it('have names of their own', () => {
    assert.equal(new Set(cases.map(caseName)).size, cases.length);
  });

  const light = cases.filter((benchmark) => benchmark.flops < 5e8 && workingSet(benchmark) < 2 ** 24);
  for (const benchmark of light) {
    it(`run: ${caseName(benchmark)}`, () => benchmark.prepare()());
  }
});

describe('the size that ceilings are measured at', () => {
  for (const [bytes, expected] of [
    [1, 2 ** 15],
    [2 ** 20, 2 ** 20],
    [13e6, 12 * 2 ** 20],
    [15e6, 2 ** 24],
    [1e12, 2 ** 27],
  ]) {
    it(`is ${expected} for a working set of ${bytes} bytes`, () => {
      assert.equal(measuredSize(bytes), expected);
    });
  }
});

describe('the floor of a case', () => {
  const ceilings = { fma: 100e9, read: 50e9, copy: 20e9, bytes: 2 ** 20 };
  const work = (flops: number, read: number, written: number): Case => ({
    operation: '',
    shape: '',
    kernels: [],
    flops,
    read,
    written,
    prepare: () => () => undefined,
  });

  it('is all flops at the peak where they take longer', () => {
    assert.deepEqual(floorOf(work(1e9, 1e6, 1e6), ceilings), { milliseconds: 10, limit: 'FMA' });
  });

  it('is all bytes at the bandwidths where these do: what is written as a copy, the rest as reading', () => {
    for (const [read, written, expected] of [
      [2.6e6, 1e5, 0.06],
      [1e5, 3e5, 0.02],
    ]) {
      const { milliseconds, limit } = floorOf(work(0, read, written), ceilings);
      assert.equal(limit, 'bandwidth');
      assert.ok(Math.abs(milliseconds - expected) < 1e-9);
    }
  });
});

describe('quantile', () => {
  it('interpolates', () => {
    assert.equal(quantile([1, 2, 4], 0.5), 2);
    assert.equal(quantile([1, 2], 0.25), 1.25);
    assert.equal(quantile([7], 0.9), 7);
  });
});

describe('npm run bench', () => {
  const one = ['--filter', 'tokenNorms 1 x 197', '--threads', '1'];

  it('measures a case against its ceilings', () => {
    const { status, stdout, stderr } = bench(...one, '--json');
    assert.equal(status, 0, stderr);
    const { cpu, runs } = JSON.parse(stdout);
    assert.equal(cpu, info().cpu);
    assert.equal(runs.length, 1);
    assert.equal(runs[0].isa, info().isa);
    const [result, ...rest] = runs[0].results;
    assert.equal(rest.length, 0);
    assert.equal(result.operation, 'tokenNorms');
    assert.equal(result.limit, 'bandwidth');
    for (const name of ['fma', 'read', 'copy']) assert.ok(result.ceilings[name] > 1e8, name);
    assert.ok(result.percent > 0 && result.least <= result.median);
  });

  it('prints a table, progress apart', () => {
    const { status, stdout, stderr } = bench(...one, '--isa', 'scalar');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /scalar, 1 thread\noperation .*\ntokenNorms .*\nFMA peak/);
    assert.match(stderr, /^\[1\/1\] scalar, 1 thread: tokenNorms/m);
  });

  it('says how far the harnesses agree', () => {
    const { status, stdout, stderr } = bench(...one, '--harness', 'both');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /benchmark\.js \/ tinybench: medians \d+\.\d\d \(.*\), means \d/);
  });

  it('refuses what it cannot do, with its usage and exit code 2', () => {
    for (const [args, message] of [
      [['--filter', 'nothing'], /--filter nothing leaves no case/],
      [['--threads', '0'], /--threads must be/],
      [['--harness', 'none'], /--harness must be/],
      [['--isa', 'sse2', ...one], /--isa sse2 cannot be had/],
      [['--fast'], /--fast/],
    ] as const) {
      const { status, stdout, stderr } = bench(...args);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, /Usage: npm run bench/);
    }
  });
});
