import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { methods } from 'tokensieve';
import { inputsOf, poolOf, shapes, shapesOf } from '../bench/methods/inputs.js';
import type { MethodResult } from '../bench/methods/measure.js';
import { methodsTable } from '../bench/methods/table.js';

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = path.join(__dirname, '..', 'bench', 'main.js');
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
}

describe('npm run bench -- --methods', () => {
  it('times every method at a size of its kind at least', () => {
    for (const method of methods) assert.ok(shapesOf(method).length > 0, method.name);
  });

  it('makes inputs that methods take, and that reduce', () => {
    for (const shape of shapes) {
      const small = {
        ...shape,
        grid: shape.grid.map((side) => Math.min(side, 12)),
        C: 16,
        H: 2,
        Hkv: 1,
        D: 8,
      };
      const pool = poolOf(small);
      for (const method of methods.filter((one) => shapesOf(one).includes(shape))) {
        const inputs = inputsOf(method, pool);
        const { map } = method.create(method.defaults).reduceSync(inputs);
        assert.ok(map.outputLengths[0] < map.inputLength, `${method.name} at ${shape.name}`);
      }
    }
  });

  it('prints the share of each op, and what takes too long beside them', () => {
    const json = bench('--methods', '--filter', 'evit', '--threads', '1', '--json');
    assert.equal(json.status, 0, json.stderr);
    const [{ results }] = (JSON.parse(json.stdout) as { runs: { results: MethodResult[] }[] }).runs;
    assert.deepEqual(
      results.map(({ method, shape, tokens }) => [method, shape, tokens]),
      [
        ['evit', '197 x 768', 197],
        ['evit', '577 x 1024', 577],
      ],
    );
    for (const { total, ops } of results) {
      const inOps = ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
      assert.ok(inOps > 0 && total > 0);
    }
    const slow = { ...results[0], overhead: 1.6 };
    assert.match(
      methodsTable([slow, results[1]]),
      /\n1 of 2 take more than 1\.5 times their ops: evit 197 x 768$/,
    );
    assert.match(methodsTable([{ ...slow, overhead: 1.1 }]), /\n0 of 1 take more than 1\.5 times their ops$/);
  });

  it('says what it cannot do', () => {
    for (const args of [
      ['--methods', '--peers'],
      ['--methods', '--filter', 'nosuch'],
    ]) {
      const { status, stderr } = bench(...args);
      assert.equal(status, 2);
      assert.match(stderr, /^bench: --/);
    }
  });
});
