import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as tokensieve from 'tokensieve';

const root = path.dirname(require.resolve('tokensieve/package.json'));

describe('the package', () => {
  it('is the same through import and require', async () => {
    const required = require('tokensieve') as Record<string, unknown>;
    const imported = (await import('tokensieve')) as Record<string, unknown>;
    const names = Object.keys(required).sort();
    assert.ok(names.includes('TokenSieveError'));
    const importedNames = Object.keys(imported).filter(
      (name) => !['default', 'module.exports', '__esModule'].includes(name),
    );
    assert.deepEqual(importedNames.sort(), names);
    for (const name of names) assert.equal(imported[name], required[name], name);
  });

  it('runs nothing when it is installed', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
      gypfile: boolean;
      dependencies?: object;
    };
    for (const script of ['preinstall', 'install', 'postinstall']) {
      assert.ok(!(script in manifest.scripts), script);
    }
    assert.equal(manifest.gypfile, false); // or npm runs node-gyp by itself
    assert.equal(manifest.dependencies, undefined);
  });

  // npm runs `prebuild` before every `build`: with both, each build would cross-compile
  it('has no script that npm would run before or after another', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const name of Object.keys(scripts)) {
      assert.ok(!(`pre${name}` in scripts) && !(`post${name}` in scripts), name);
    }
  });

  it('is locked to no registry', () => {
    for (const folder of ['.', 'bench/peers', 'test/runtimes/linux-arm64', 'test/runtimes/linux-x64']) {
      const lockfile = readFileSync(path.join(root, folder, 'package-lock.json'), 'utf8');
      assert.doesNotMatch(lockfile, /"resolved"|https?:\/\/[^"]*\.tgz/, folder);
    }
  });
});

const hasNm = spawnSync('nm', ['--version']).status === 0;
const skip = process.platform !== 'linux' ? 'symbols are read on Linux' : hasNm ? false : 'there is no nm';

function symbols(...args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync('nm', ['--format=posix', '--defined-only', ...args], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('the symbols', () => {
  const { binary } = tokensieve.info();

  it('that the binary exports are those of Node-API', { skip }, () => {
    assert.deepEqual(
      symbols('--dynamic', binary)
        .map((line) => line.split(' ')[0])
        .sort(),
      ['napi_register_module_v1', 'node_api_module_get_api_version_v1'],
    );
  });

  // An inline function in an object with instruction-set flags would be weak, and the linker could keep that copy for
  // processors that lack the instructions.
  const folder = path.join(path.dirname(binary), 'obj.target');
  const objects = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
        /tables\/\w+\.o$/.test(file),
      )
    : [];
  it('that leave the objects of kernels are their tables', {
    skip: skip || (objects.length === 0 && 'not the objects of this binary'),
  }, () => {
    for (const object of objects) {
      const isa = path.basename(object, '.o');
      const names = symbols('--extern-only', path.join(folder, object)).map((line) => line.split(' ')[0]);
      assert.deepEqual(names, [`tsv_kernels_${isa}`], object);
    }
  });
});
