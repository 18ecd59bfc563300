import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { nativeApi } from 'tokensieve';
import * as native from 'tokensieve/native';

const root = path.dirname(require.resolve('tokensieve/package.json'));

describe('tokensieve/native', () => {
  it('gives paths from the current folder, without a binary', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'another addon '));
    const script = `console.log(JSON.stringify(require(${JSON.stringify(require.resolve('tokensieve/native'))})))`;
    const env = { ...process.env, TOKENSIEVE_BINARY: path.join(folder, 'nowhere.node') };
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });
    assert.equal(stderr, '');
    const { include, include_dir, targets } = JSON.parse(stdout) as typeof native;
    const headers = path.join(root, 'native', 'include');
    assert.equal(include, `"${headers}"`);
    assert.equal(path.resolve(folder, include_dir), headers);
    assert.equal(path.resolve(folder, targets), path.join(root, 'gyp', 'tokensieve.gyp'));
    assert.ok(!path.isAbsolute(include_dir) && !path.isAbsolute(targets));
    assert.ok(existsSync(path.join(headers, 'tokensieve.h')) && existsSync(path.resolve(folder, targets)));
  });

  it('is the same through import', async () => {
    const { include, include_dir, targets } = (await import('tokensieve/native')) as typeof native;
    assert.equal(include, native.include);
    assert.equal(include_dir, native.include_dir);
    assert.equal(targets, native.targets);
  });
});

describe('nativeApi()', () => {
  it('shows JavaScript nothing', () => {
    assert.equal(typeof nativeApi(), 'object');
    assert.deepEqual(Reflect.ownKeys(nativeApi()), []);
  });
});
