// Runs clang-tidy (a system package) over the C++ sources, with the compile commands of the CMake build.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) console.error(`${command} could not be run (${error.message}): install it and try again`);
  if (status !== 0) process.exit(status ?? 1);
}

// One table stands for all: the kernels are the same templates in each.
const table = process.arch === 'arm64' ? 'neon' : 'avx2';
const sources = ['native/abi', 'native/runtime'].flatMap((folder) =>
  readdirSync(path.join(root, folder))
    .filter((file) => file.endsWith('.cc'))
    .map((file) => `${folder}/${file}`),
);
run('cmake', '--preset', 'native', '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON', '-DCMAKE_MESSAGE_LOG_LEVEL=WARNING');
run('clang-tidy', '--quiet', '-p', 'build-native', ...sources, `native/kernels/tables/${table}.cc`);
