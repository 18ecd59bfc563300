import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { info } from 'tokensieve';
import { againstTable } from '../bench/against.js';

function against(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = path.join(__dirname, '..', 'bench', 'against.js');
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
}

describe('npm run bench:against', () => {
  it('measures two binaries in turns', () => {
    const { status, stdout, stderr } = against(
      info().binary,
      '--rounds',
      '1',
      '--filter',
      'tokenNorms 1 x 197',
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^tokenNorms +1 x 197.* \d\.\d{3} +\d\.\d{3} to \d\.\d{3}$/m);
  });

  it('takes the ratio within each round, and the median of those', () => {
    const rounds = [
      [1, 2],
      [10, 30],
      [2, 8],
    ].map(([ours, theirs]) => ({
      ours: new Map([['topK\t8\tavx2\t1', ours]]),
      theirs: new Map([['topK\t8\tavx2\t1', theirs]]),
    }));
    assert.match(againstTable(rounds), /topK .* 8\.00 ms +2\.00 ms +3\.000 +2\.000 to 4\.000$/);
  });

  it('refuses what it cannot do, with its usage and exit code 2', () => {
    for (const [args, message] of [
      [[], /one other binary/],
      [['nowhere.node'], /nowhere\.node does not exist/],
      [[info().binary, '--rounds', '0'], /--rounds must be/],
      [[info().binary, '--fast'], /--fast/],
      [[info().binary, '--filter', 'nothing'], /leaves no case/],
    ] as const) {
      const { status, stdout, stderr } = against(...args);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, /Usage: npm run bench:against/);
    }
  });
});
