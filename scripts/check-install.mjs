// Packs the package, installs it in an empty project as its users do, scripts off and offline, and runs a program with
// it: test/install/, which checks what it is given, on every runtime in test/runtimes/ and on processors that QEMU
// imitates. Needs the binaries of `npm run prebuild`.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(path.join(tmpdir(), 'tokensieve-install-'));
const project = path.join(temporary, 'project');
const host = `${process.platform}-${process.arch}`;

class Failure extends Error {}

/** Runs a command in the project, or elsewhere, without variables that would choose for the package. */
function run(command, args, { cwd = project, env = {} } = {}) {
  const { TOKENSIEVE_ISA, TOKENSIEVE_BINARY, TOKENSIEVE_NUM_THREADS, TOKENSIEVE_CUDA_DRIVER, ...usual } =
    process.env;
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...usual, ...env },
    timeout: 300_000,
  });
  if (error) throw new Failure(`${command} could not be run: ${error.message}`);
  if (status !== 0)
    throw new Failure(`${command} ${args.join(' ')} ended with ${signal ?? status}\n${stderr}`);
  return stdout;
}

function install() {
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', temporary];
  const [{ filename, files }] = JSON.parse(run('npm', packing, { cwd: root }));
  for (const platform of ['linux-x64', 'linux-arm64']) {
    const binary = `prebuilds/${platform}/tokensieve.node`;
    if (!files.some((file) => file.path === binary)) throw new Failure(`no ${binary}: npm run prebuild`);
  }
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "private": true }\n');
  cpSync(path.join(root, 'test', 'install'), project, { recursive: true });
  run('npm', [
    'install',
    '--offline',
    '--ignore-scripts',
    '--no-package-lock',
    path.join(temporary, filename),
  ]);
  const installed = readdirSync(path.join(project, 'node_modules')).filter((name) => !name.startsWith('.'));
  if (installed.join() !== 'tokensieve') throw new Failure(`the package brought ${installed.join(', ')}`);
}

/** The runtimes of a platform, installed unless that has been done. */
function installRuntimes(platform) {
  const folder = path.join(root, 'test', 'runtimes', platform);
  const modules = path.join(folder, 'node_modules');
  const done = path.join(modules, '.package-lock.json');
  const lockfile = path.join(folder, 'package-lock.json');
  if (!existsSync(done) || statSync(done).mtimeMs < statSync(lockfile).mtimeMs) {
    const [os, cpu] = platform.split('-');
    run('npm', ['ci', '--ignore-scripts', `--os=${os}`, `--cpu=${cpu}`], { cwd: folder });
  }
  const readManifest = (file) => JSON.parse(readFileSync(path.join(file, 'package.json'), 'utf8'));
  return Object.keys(readManifest(folder).optionalDependencies).map((name) => {
    const installed = path.join(modules, name);
    // npm says nothing of an optional package that it could not install
    if (!existsSync(installed)) throw new Failure(`${name} could not be installed for ${platform}`);
    return { name, version: readManifest(installed).version, folder: installed };
  });
}

const decisions = new Set();

/** Runs the program from both module systems with a command; the instruction set it should use may be given. */
function check(name, command, { isa, env = {} } = {}) {
  const start = performance.now();
  const [executable, ...args] = command;
  const reports = ['use.cjs', 'use.mjs'].map((file) => JSON.parse(run(executable, [...args, file], { env })));
  for (const report of reports) {
    if (!report.binary.startsWith(path.join(project, 'node_modules')))
      throw new Failure(`used ${report.binary}`);
    if (isa !== undefined && report.isa !== isa) throw new Failure(`${name} used ${report.isa}, not ${isa}`);
    decisions.add(JSON.stringify([report.kept, report.assignment]));
    if (decisions.size > 1) throw new Failure(`${name} decided otherwise: ${[...decisions].join('\n')}`);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name.padEnd(36)} ${reports[0].isa.padEnd(8)} ${seconds} s`);
}

/** The program, then the command line, which finds its Node through PATH. */
function checkNode(name, node) {
  check(name, [node]);
  const env = { PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` };
  const about = JSON.parse(run('npx', ['--no-install', 'tokensieve', 'info', '--json'], { env }));
  const version = run(node, ['--print', 'process.versions.node']).trim();
  if (about.versions.node !== version)
    throw new Failure(`npx ran on Node ${about.versions.node}, not ${version}`);
}

/** What the packages of test/runtimes/ are, by how their names begin, and how each runs a program. */
const runtimes = [
  { start: 'node-', name: 'Node', file: 'bin/node', run: checkNode },
  { start: '@oven/bun-', name: 'Bun', file: 'bin/bun', run: (name, bun) => check(name, [bun, 'run']) },
  {
    start: '@deno/',
    name: 'Deno',
    file: 'deno',
    run: (name, deno) => check(name, [deno, 'run', ...denoOptions]),
  },
];
const denoOptions = [
  '--quiet',
  '--no-prompt',
  '--node-modules-dir=manual',
  '--allow-read',
  '--allow-env',
  '--allow-sys',
  '--allow-ffi', // what addons need
];

function checkRuntimes() {
  checkNode(`Node ${process.versions.node}`, process.execPath);
  if (!existsSync(path.join(root, 'test', 'runtimes', host))) {
    console.log(`other runtimes: skipped, none are listed for ${host}`);
    return;
  }
  for (const { name, version, folder } of installRuntimes(host)) {
    const runtime = runtimes.find(({ start }) => name.startsWith(start));
    runtime.run(`${runtime.name} ${version}`, path.join(folder, runtime.file));
  }
}

const canRun = (command) => spawnSync(command, ['--version']).status === 0;

/** The same program on processors that this machine has not. */
function checkProcessors() {
  if (host === 'linux-x64') {
    for (const [cpu, isa] of [
      ['Haswell', 'avx2'],
      ['Nehalem', 'scalar'],
    ]) {
      const name = `x64 ${cpu} under QEMU`;
      const qemu = 'qemu-x86_64-static';
      if (!canRun(qemu)) console.log(`${name}: skipped, there is no ${qemu}`);
      else check(name, [qemu, '-cpu', cpu, process.execPath], { isa });
    }
  }
  if (host !== 'linux-arm64') {
    const qemu = 'qemu-aarch64-static';
    const libraries = '/usr/aarch64-linux-gnu';
    const name = 'arm64 under QEMU';
    if (!canRun(qemu) || !existsSync(libraries)) {
      console.log(`${name}: skipped, there is no ${qemu} or no ${libraries}`);
      return;
    }
    const [{ folder }] = installRuntimes('linux-arm64');
    check(name, [qemu, '-L', libraries, path.join(folder, 'bin', 'node')], { isa: 'neon' });
  }
}

function checkWithoutBinary() {
  rmSync(path.join(project, 'node_modules', 'tokensieve', 'prebuilds'), { recursive: true });
  run(process.execPath, ['without.cjs']);
  console.log('without a binary it says so');
}

try {
  install();
  checkRuntimes();
  checkProcessors();
  checkWithoutBinary();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true });
}
