// README's program for a GPU, as it stands there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { whyNoDevice } from '../support/device-under-test.js';

const root = path.dirname(require.resolve('tokensieve/package.json'));

suite('README.md, "On a GPU"', { skip: whyNoDevice() }, () => {
  test('prints for the device what it prints for the CPU', () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    const program = /^## On a GPU$[\s\S]*?^```js\n([\s\S]*?)^```$/m.exec(readme)?.[1];
    assert.ok(program);
    const options = { cwd: root, encoding: 'utf8', timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program], options);
    assert.deepEqual([status, stderr], [0, '']);
    const [onCpu, onGpu, ...rest] = stdout.split('\n');
    assert.equal(onCpu.split(' ').length, 8);
    assert.equal(onGpu, onCpu);
    assert.deepEqual(rest, ['']);
  });
});
