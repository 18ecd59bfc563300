// Packs the package and has publint and arethetypeswrong look at the tarball. check-install.mjs installs and runs it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(path.join(tmpdir(), 'tokensieve-package-'));

function run(command, args, stdio = 'inherit') {
  const { status, stdout } = spawnSync(command, args, { cwd: root, stdio, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
  return stdout;
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

function pack() {
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', temporary];
  const [{ filename, files, size }] = JSON.parse(run('npm', packing, ['ignore', 'pipe', 'inherit']));
  const paths = files.map((file) => file.path);
  for (const needed of [
    'dist/index.js',
    'dist/index.mjs',
    'binding.gyp',
    'native/include/tokensieve.h',
    'cuda/driver/driver_api.h',
    'cuda/kernels/cuda_kernels.h',
    'LICENSE',
  ]) {
    expect(paths.includes(needed), `the package lacks ${needed}`);
  }
  const stray = paths.filter((file) =>
    /^(test|bench|experiments|build|out|native\/test|cuda\/emulator|\.)/.test(file),
  );
  expect(stray.length === 0, `the package contains ${stray.join(', ')}`);
  console.log(`${filename}: ${paths.length} files, ${Math.round(size / 1000)} kB`);
  return path.join(temporary, filename);
}

try {
  const tarball = pack();
  run('npx', ['--no-install', 'publint', 'run', '--strict', tarball]);
  run('npx', ['--no-install', 'attw', '--profile', 'node16', tarball]); // subpaths need a resolver that reads exports
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true });
}
