// Builds the binaries that the package carries, prebuilds/<platform>/tokensieve.node, for the platforms below: one of them
// is this machine's, the others are cross-compiled. Then checks that each runs elsewhere: where Node itself does, with
// nothing but glibc. Incremental. `prepack` runs it, so that no package leaves without them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');

/** As process.arch, CMake, Debian's toolchains and readelf call each processor. */
const targets = [
  {
    arch: 'x64',
    processor: 'x86_64',
    packages: 'g++-x86-64-linux-gnu libc6-dev-amd64-cross',
    machine: 'X86-64',
  },
  {
    arch: 'arm64',
    processor: 'aarch64',
    packages: 'g++-aarch64-linux-gnu libc6-dev-arm64-cross',
    machine: 'AArch64',
  },
];

/** The glibc that Node's own binaries need, since Node 18. Older is welcome, newer is not. */
const newestGlibc = '2.28';
const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const libraries = /^(libc|libm|libpthread|libdl|ld-linux-[\w-]+)\.so\.\d$/;

class Failure extends Error {}

function run(command, args, stdio = 'inherit') {
  const { status, stdout, error } = spawnSync(command, args, { cwd: root, stdio, encoding: 'utf8' });
  if (error) throw new Failure(`${command} could not be run: ${error.message}`);
  if (status !== 0) throw new Failure(`${command} ${args.join(' ')} failed`);
  return stdout;
}

/** What tells CMake to compile for another processor than this machine's. */
function crossCompiling({ arch, processor, packages }) {
  if (arch === process.arch) return [];
  const compiler = `${processor}-linux-gnu-g++`;
  if (spawnSync(compiler, ['--version']).status !== 0) {
    throw new Failure(`linux-${arch} needs ${compiler}; on Debian: apt-get install ${packages}`);
  }
  return [
    '--CDCMAKE_SYSTEM_NAME=Linux',
    `--CDCMAKE_SYSTEM_PROCESSOR=${processor}`,
    `--CDCMAKE_C_COMPILER=${processor}-linux-gnu-gcc`,
    `--CDCMAKE_CXX_COMPILER=${compiler}`,
  ];
}

function build(target) {
  const folder = path.join('build-prebuild', `linux-${target.arch}`);
  const options = ['--out', folder, '--arch', target.arch, '--log-level', 'warn'];
  run(process.execPath, [
    cmakeJs,
    'configure',
    ...options,
    '--CDTOKENSIEVE_PORTABLE=ON',
    ...crossCompiling(target),
  ]);
  run(process.execPath, [cmakeJs, 'build', ...options, '--parallel', String(availableParallelism())]);
  const binary = path.join('prebuilds', `linux-${target.arch}`, 'tokensieve.node');
  mkdirSync(path.join(root, path.dirname(binary)), { recursive: true });
  copyFileSync(path.join(root, folder, 'Release', 'tokensieve.node'), path.join(root, binary));
  return binary;
}

const compareVersions = (a, b) => a.localeCompare(b, 'en', { numeric: true });

/** What keeps a binary from running on other machines, and a line that describes it. */
function inspect(binary, { machine }) {
  const read = (...what) => run('readelf', ['--wide', ...what, binary], ['ignore', 'pipe', 'inherit']);
  const problems = [];
  const expect = (condition, problem) => {
    if (!condition) problems.push(problem);
  };
  expect(
    read('--file-header')
      .match(/Machine: .*/)?.[0]
      .includes(machine),
    `it is not a binary for ${machine}`,
  );
  for (const [, library] of read('--dynamic').matchAll(/\(NEEDED\).*\[(.*)\]/g)) {
    expect(libraries.test(library), `it needs ${library}`);
  }

  const symbols = read('--dyn-syms')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)) // number, value, size, type, binding, visibility, section, name@version
    .filter(([number, , , , binding, , , name]) => /^\d+:$/.test(number) && binding !== 'LOCAL' && name)
    .map(([, , , , binding, , section, name]) => ({ name, binding, defined: section !== 'UND' }));
  const names = symbols.filter(({ defined }) => defined).map(({ name }) => name);
  expect(names.sort().join() === exported.join(), `it exports ${names.join(', ')}`);
  const shared = symbols.filter(({ binding, defined }) => defined && binding !== 'GLOBAL');
  expect(shared.length === 0, `its symbols ${shared.map(({ name }) => name).join(', ')} are weak or unique`);

  let glibc = '0';
  for (const { name } of symbols) {
    const [symbol, version] = name.split(/@+/);
    if (version === undefined) continue;
    const [library, number] = version.split('_');
    expect(library === 'GLIBC', `${symbol} needs ${version}`);
    if (library !== 'GLIBC') continue;
    expect(
      compareVersions(number, newestGlibc) <= 0,
      `${symbol} needs glibc ${number}; give it an older one in native/portable/glibc.c`,
    );
    if (compareVersions(number, glibc) > 0) glibc = number;
  }
  const size = Math.round(statSync(path.join(root, binary)).size / 1000);
  return { problems, description: `${binary}: ${machine}, glibc ${glibc} or newer, ${size} kB` };
}

function prebuild(target) {
  const binary = build(target);
  const { problems, description } = inspect(binary, target);
  if (problems.length > 0) throw new Failure(`${binary}:\n  ${problems.join('\n  ')}`);
  return description;
}

try {
  if (process.platform !== 'linux') throw new Failure('the binaries of the package are built on Linux');
  console.log(targets.map(prebuild).join('\n'));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
