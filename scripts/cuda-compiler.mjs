// Compiles the modules of cuda/kernels/ with nvcc, ptxas and fatbinary, as many at once as there are processors. Each step is cached in
// build-cuda/cache/ by a hash of all it depends on, so that what has not changed is not compiled again.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

export class Failure extends Error {}

/** Each form of PTX, and the architectures whose cubins are made of it. `__CUDA_ARCH__ >= 800` tells the two apart. */
export const forms = [
  { ptx: 75, cubins: [75] },
  { ptx: 80, cubins: [80, 86, 89, 90, 100, 120] },
];

const nvccFlags = ['-std=c++17', '-O3', '--ptx'];
const ptxasFlags = ['-O3', '--verbose', '--warn-on-spills'];

/** A cubin alone in a fat binary, which the driver unpacks: a ninth of its size. */
const packing = ['--64', '--compress-all'];

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 32);
};

/** What nvcc says of its version, and as CUDA counts it: 13000 for 13.0. */
export function nvccVersion() {
  const { status, stdout, error } = spawnSync('nvcc', ['--version'], { encoding: 'utf8' });
  if (status !== 0) {
    throw new Failure(
      `npm run build:cuda needs nvcc, of CUDA 13 or newer, on the PATH: ${error?.message ?? stdout}`,
    );
  }
  const [, major, minor] = stdout.match(/release (\d+)\.(\d+)/) ?? [];
  if (major === undefined) throw new Failure(`nvcc --version says nothing of its release: ${stdout}`);
  return { text: stdout, number: Number(major) * 1000 + Number(minor) * 10 };
}

/** Runs a program to its end; resolves with all it printed, rejects with that when it fails. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        printed += text;
      });
    }
    child.on('error', ({ message }) => reject(new Failure(`${program} could not be run: ${message}`)));
    child.on('close', (status) => {
      if (status === 0) resolve(printed);
      else reject(new Failure(`${program} ${args.join(' ')} failed:\n${printed}`));
    });
  });
}

/** Calls `work` for each item, on as many at a time as there are processors, and gives the results in order. */
export async function inParallel(items, work) {
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

/** The text of a source and, one after the other, of all that it includes by a quoted name. */
function withIncludes(file, folders, seen = new Set()) {
  if (seen.has(file)) return '';
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const included = [...text.matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)].map(([, name]) => {
    const found = [path.dirname(file), ...folders].map((folder) => path.join(folder, name)).find(existsSync);
    if (found === undefined) throw new Failure(`${file} includes ${name}, which is nowhere`);
    return withIncludes(found, folders, seen);
  });
  return [text, ...included].join('\n');
}

/** PTX without comments and blank lines, which are a third of it: that is what the driver and the emulator get. */
const stripped = (ptx) =>
  `${ptx
    .replace(/[ \t]*\/\/.*$/gm, '')
    .replace(/^\s*\n/gm, '')
    .trimEnd()}\n`;

/** Registers, shared memory and spills of each kernel, from what `ptxas --verbose` prints. */
function resourcesIn(printed) {
  const resources = {};
  let kernel;
  for (const line of printed.split('\n')) {
    const entry = line.match(/Compiling entry function '(\w+)'/)?.[1];
    if (entry !== undefined) {
      kernel = { registers: 0, sharedBytes: 0, stackBytes: 0, spillStoreBytes: 0, spillLoadBytes: 0 };
      resources[entry] = kernel;
    }
    if (kernel === undefined) continue;
    const stack = line.match(/(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/);
    if (stack !== null) {
      kernel.stackBytes = Number(stack[1]);
      kernel.spillStoreBytes = Number(stack[2]);
      kernel.spillLoadBytes = Number(stack[3]);
    }
    const registers = line.match(/Used (\d+) registers/);
    if (registers !== null) {
      kernel.registers = Number(registers[1]);
      kernel.sharedBytes = Number(line.match(/(\d+) bytes smem/)?.[1] ?? 0);
    }
  }
  return resources;
}

/** A compiler of the sources in `kernels`, which may include headers from `includes`, with its cache in `folder`. */
export function createCompiler({ kernels, includes, folder }) {
  const { text: version, number: driverVersion } = nvccVersion();
  const cache = path.join(folder, 'cache');
  const used = new Set();
  mkdirSync(cache, { recursive: true });

  /** A cached file, made by `make(path)` if there is none of this name. */
  async function cached(name, make) {
    const file = path.join(cache, name);
    used.add(name);
    if (!existsSync(file)) {
      const unfinished = `${file}.${process.pid}`;
      await make(unfinished);
      writeFileSync(file, readFileSync(unfinished));
      rmSync(unfinished);
    }
    return readFileSync(file);
  }

  async function compilePtx(module, architecture) {
    const source = path.join(kernels, `${module}.cu`);
    const args = [`-arch=compute_${architecture}`, ...nvccFlags];
    const key = sha256(withIncludes(source, includes), args.join(), version);
    const ptx = await cached(`${module}.compute_${architecture}.${key}.ptx`, async (output) => {
      await run('nvcc', [...args, ...includes.map((i) => `-I${i}`), '-o', output, source]);
      writeFileSync(output, stripped(readFileSync(output, 'utf8')));
    });
    return { module, architecture, text: ptx.toString() };
  }

  /** The cubin, compressed, and what ptxas printed while it made it. */
  async function assemble({ module, architecture, text }, target) {
    const args = [`-arch=sm_${target}`, ...ptxasFlags];
    const name = `${module}.sm_${target}.${sha256(text, args.join(), packing.join(), version)}`;
    let printed;
    const bytes = await cached(`${name}.fatbin`, async (output) => {
      const [input, cubin] = [`${output}.ptx`, `${output}.cubin`];
      writeFileSync(input, text);
      printed = await run('ptxas', [...args, '-o', cubin, input]);
      const image = `--image3=kind=elf,sm=${target},file=${cubin}`;
      await run('fatbinary', [...packing, `--create=${output}`, image]);
      rmSync(input);
      rmSync(cubin);
    });
    const log = await cached(`${name}.log`, (output) => writeFileSync(output, printed ?? ''));
    return { module, architecture: target, from: architecture, bytes, log: log.toString() };
  }

  /** Every form of the modules named, those of one module together. */
  async function compile(modules) {
    const sources = modules.flatMap((module) => forms.map((form) => ({ module, form })));
    const ptx = await inParallel(sources, ({ module, form }) => compilePtx(module, form.ptx));
    const targets = ptx.flatMap((form, i) => sources[i].form.cubins.map((target) => ({ form, target })));
    const cubins = await inParallel(targets, ({ form, target }) => assemble(form, target));
    return { ptx, cubins };
  }

  /** Removes from the cache what this run had no use for. */
  function prune() {
    for (const file of readdirSync(cache)) if (!used.has(file)) rmSync(path.join(cache, file));
  }

  return { compile, prune, driverVersion, resourcesIn };
}
