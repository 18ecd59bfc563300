import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

test('300 calls of every operation leave nothing behind', (t) => {
  const script = path.join(__dirname, 'run.js');
  const args = ['--expose-gc', script, '--calls', '300', '--allowed', '8'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 300_000,
  });
  assert.equal(status, 0, stderr);
  t.diagnostic(stdout.trim());
});
