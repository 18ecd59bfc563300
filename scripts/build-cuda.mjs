// Compiles the CUDA kernels for every architecture and builds the addon with them, and the double of libcuda that runs them
// on the CPU. Leaves in build-cuda/:
//   kernels-HASH.image        what the addon embeds
//   ptx/MODULE.compute_NN.ptx the PTX in it, for reading
//   resources.json            registers, shared memory and spills of each kernel, by architecture, in bytes
//   ptxas.log                 what ptxas warned of
//   libcudasim.so             the double: TOKENSIEVE_CUDA_DRIVER=build-cuda/libcudasim.so
// `--kernels-only` stops before the addon and the double. Only this needs nvcc; `npm install` never runs it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildEmulator, emulatorBuild } from './build-emulator.mjs';
import { createCompiler, Failure } from './cuda-compiler.mjs';
import { packContainer } from './cuda-container.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const kernels = path.join(root, 'cuda', 'kernels');
const folder = path.join(root, 'build-cuda');

/** The list in cuda_kernels.h: the module of each kernel. */
function readList() {
  const header = readFileSync(path.join(kernels, 'cuda_kernels.h'), 'utf8');
  const entries = [...header.matchAll(/\bENTRY\((\w+), (\w+), \w+\)/g)];
  const list = entries.map(([, module, name]) => ({ module, name: `tsv_${name}` }));
  const modules = [...new Set(list.map(({ module }) => module))];
  const sources = readdirSync(kernels).filter((file) => file.endsWith('.cu'));
  for (const module of modules) {
    if (!sources.includes(`${module}.cu`))
      throw new Failure(`cuda_kernels.h lists ${module}, which has no cuda/kernels/${module}.cu`);
  }
  for (const source of sources) {
    if (!modules.includes(path.basename(source, '.cu')))
      throw new Failure(`cuda/kernels/${source} has no kernel in the list of cuda_kernels.h`);
  }
  return { list, modules };
}

/** The kernels of a module's PTX, each with the size of its one argument. */
function kernelsIn({ module, text }) {
  const entries = [...text.matchAll(/\.entry (\w+)\(([^)]*)\)/g)];
  return entries.map(([, name, parameters]) => {
    const [size, ...others] = parameters
      .split(',')
      .map((text) => Number(text.match(/\.b8 \w+\[(\d+)\]/)?.[1]));
    if (others.length > 0 || Number.isNaN(size))
      throw new Failure(`${name} of cuda/kernels/${module}.cu must take one struct`);
    return { module, name, argumentBytes: size };
  });
}

/** The kernels by name, after a look whether PTX and list have the same. */
function compareKernels(list, ptx) {
  const found = new Map();
  for (const form of ptx) for (const kernel of kernelsIn(form)) found.set(kernel.name, kernel);
  for (const { module, name } of list) {
    if (found.get(name)?.module !== module)
      throw new Failure(`cuda/kernels/${module}.cu has no kernel ${name}, which cuda_kernels.h lists`);
  }
  for (const { module, name } of found.values()) {
    if (!list.some((entry) => entry.name === name))
      throw new Failure(`cuda/kernels/${module}.cu has a kernel ${name} that cuda_kernels.h does not list`);
  }
  return [...found.values()];
}

function writeImage(container) {
  const hash = createHash('sha256').update(container).digest('hex').slice(0, 16);
  const name = `kernels-${hash}.image`;
  for (const file of readdirSync(folder)) {
    if (/^kernels-\w+\.image$/.test(file) && file !== name) rmSync(path.join(folder, file));
  }
  if (!existsSync(path.join(folder, name))) writeFileSync(path.join(folder, name), container);
  return name;
}

/** Writes files of a folder anew, and none else stays in it. */
function writeFolder(name, files) {
  const target = path.join(folder, name);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const [file, text] of files) writeFileSync(path.join(target, file), text);
}

function writeReports(cubins, resourcesIn) {
  const resources = {};
  let log = '';
  for (const cubin of cubins) {
    for (const [kernel, used] of Object.entries(resourcesIn(cubin.log))) {
      resources[kernel] ??= {};
      resources[kernel][`sm_${cubin.architecture}`] = used;
    }
    const warnings = cubin.log.split('\n').filter((line) => /warning/i.test(line));
    for (const warning of warnings) log += `${cubin.module} sm_${cubin.architecture}: ${warning}\n`;
  }
  const sorted = Object.fromEntries(Object.entries(resources).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path.join(folder, 'resources.json'), `${JSON.stringify(sorted, undefined, 2)}\n`);
  writeFileSync(path.join(folder, 'ptxas.log'), log);
  const spilling = Object.entries(sorted).flatMap(([kernel, targets]) =>
    Object.entries(targets)
      .filter(([, { spillStoreBytes, spillLoadBytes }]) => spillStoreBytes + spillLoadBytes > 0)
      .map(([target]) => `${kernel} (${target})`),
  );
  if (spilling.length > 0) console.warn(`registers spill in ${spilling.join(', ')}`);
}

async function buildKernels() {
  const { list, modules } = readList();
  const includes = [kernels, path.join(root, 'native', 'include')];
  const compiler = createCompiler({ kernels, includes, folder });
  const { ptx, cubins } = await compiler.compile(modules);
  compiler.prune();
  const container = packContainer({
    driverVersion: compiler.driverVersion,
    modules: [
      ...ptx.map(({ module, architecture, text }) => ({
        name: module,
        form: 'ptx',
        architecture,
        bytes: text,
      })),
      ...cubins.map(({ module, architecture, bytes }) => ({
        name: module,
        form: 'cubin',
        architecture,
        bytes,
      })),
    ],
    kernels: compareKernels(list, ptx),
  });
  const name = writeImage(container);
  writeFolder(
    'ptx',
    ptx.map(({ module, architecture, text }) => [`${module}.compute_${architecture}.ptx`, text]),
  );
  writeReports(cubins, compiler.resourcesIn);
  const kilobytes = Math.round(container.length / 1000);
  console.log(`build-cuda/${name}: ${list.length} kernels of ${modules.length} modules, ${kilobytes} kB`);
}

function buildDouble() {
  if (!buildEmulator(['cudasim', 'cudasim_control']))
    throw new Failure('the double of libcuda could not be built');
  const name = process.platform === 'darwin' ? 'libcudasim.dylib' : 'libcudasim.so';
  copyFileSync(path.join(emulatorBuild, name), path.join(folder, name));
}

function buildAddon() {
  const script = path.join(root, 'scripts', 'build-native.mjs');
  const { status } = spawnSync(process.execPath, [script], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Failure('the addon could not be built');
}

try {
  await buildKernels();
  if (!process.argv.includes('--kernels-only')) {
    buildAddon();
    buildDouble();
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
