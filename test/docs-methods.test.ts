import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';

const root = path.dirname(require.resolve('tokensieve/package.json'));

describe('docs/methods.md', () => {
  it('is what the registry says', () => {
    const script = path.join(root, 'scripts', 'methods-table.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
});
