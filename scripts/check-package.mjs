// Packs the package and looks at it as a registry user would: publint and arethetypeswrong on the tarball, then an
// installation in an empty project, from both module systems.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(path.join(tmpdir(), 'tokensieve-package-'));

function run(command, args, { cwd = root, env = {}, stdio = 'inherit' } = {}) {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    stdio,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
  return stdout;
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

function pack() {
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', temporary];
  const [{ filename, files, size }] = JSON.parse(
    run('npm', packing, { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const paths = files.map((file) => file.path);
  for (const needed of [
    'dist/index.js',
    'dist/index.mjs',
    'binding.gyp',
    'native/include/tokensieve.h',
    'LICENSE',
  ]) {
    expect(paths.includes(needed), `the package lacks ${needed}`);
  }
  const stray = paths.filter((file) => /^(test|bench|experiments|build|out|native\/test|\.)/.test(file));
  expect(stray.length === 0, `the package contains ${stray.join(', ')}`);
  console.log(`${filename}: ${paths.length} files, ${Math.round(size / 1000)} kB`);
  return path.join(temporary, filename);
}

/** What users write first, in each module system, with a binary and without one. */
function install(tarball) {
  const project = path.join(temporary, 'project');
  const binary = path.join(root, 'build', 'Release', 'tokensieve.node');
  const use = `const { data } = tokenNormsSync({ type: 'float32', dims: [1, 2], data: Float32Array.of(3, 4) });
if (data[0] !== 5) throw new Error(\`a norm of \${data[0]}\`);\n`;
  run('mkdir', [project]);
  writeFileSync(path.join(project, 'package.json'), '{ "private": true }\n');
  writeFileSync(path.join(project, 'use.mjs'), `import { tokenNormsSync } from 'tokensieve';\n${use}`);
  writeFileSync(path.join(project, 'use.cjs'), `const { tokenNormsSync } = require('tokensieve');\n${use}`);
  writeFileSync(
    path.join(project, 'without.cjs'),
    `try { require('tokensieve'); } catch (error) { process.exit(error.code === 'ERR_TOKENSIEVE_NO_BINARY' ? 0 : 1); }
process.exit(1);\n`,
  );
  run('npm', ['install', '--offline', '--ignore-scripts', '--no-package-lock', tarball], { cwd: project });
  const env = { TOKENSIEVE_BINARY: binary };
  run(process.execPath, ['use.mjs'], { cwd: project, env });
  run(process.execPath, ['use.cjs'], { cwd: project, env });
  run('npx', ['--no-install', 'tokensieve', 'info'], { cwd: project, env, stdio: 'ignore' });
  run(process.execPath, ['without.cjs'], { cwd: project, env: { TOKENSIEVE_BINARY: '' } });
}

try {
  const tarball = pack();
  run('npx', ['--no-install', 'publint', 'run', '--strict', tarball]);
  run('npx', ['--no-install', 'attw', '--profile', 'node16', tarball]); // subpaths need a resolver that reads exports
  install(tarball);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true });
}
