// Runs clang-tidy (a system package) over the C++ sources, with the compile commands of the CMake build.
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] };

function explain(command, error) {
  console.error(`${command} could not be run (${error.message}): install it and try again`);
}

// One table stands for all: the kernels are the same templates in each. It takes longest, so it comes first.
const table = process.arch === 'arm64' ? 'neon' : 'avx2';
const folders = ['native/abi', 'native/runtime', 'cuda/driver', 'cuda/driver/plans', 'cuda/driver/image'];

function sourcesIn(list) {
  return list.flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .filter((file) => file.endsWith('.cc'))
      .map((file) => `${folder}/${file}`),
  );
}

const emulator = ['cuda/emulator', 'cuda/emulator/cudasim'];
const queue = [`native/kernels/tables/${table}.cc`, ...sourcesIn(folders), ...sourcesIn(emulator)];

function lint(source) {
  return new Promise((resolve) => {
    const build = source.startsWith('cuda/emulator') ? 'build-emulator' : 'build-native';
    spawn('clang-tidy', ['--quiet', '-p', build, source], options)
      .on('error', (error) => {
        explain('clang-tidy', error);
        resolve(false);
      })
      .on('exit', (status) => resolve(status === 0));
  });
}

async function lintQueue() {
  let clean = true;
  for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
    clean = (await lint(source)) && clean;
  }
  return clean;
}

for (const preset of ['native', 'emulator']) {
  const { status, error } = spawnSync('cmake', ['--preset', preset, '--log-level=WARNING'], options);
  if (error) explain('cmake', error);
  if (status !== 0) process.exit(status ?? 1);
}
const outcomes = await Promise.all(Array.from({ length: availableParallelism() }, lintQueue));
process.exit(outcomes.every((clean) => clean) ? 0 : 1);
