// Builds the PTX emulator, its tests and the double of libcuda with node-gyp: only g++ and make are needed. Incremental.
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeGyp } from './node-gyp.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join('cuda', 'emulator');

/** Where the build leaves what it makes: `emulator_tests`, and the library that stands in for libcuda. */
export const emulatorBuild = path.join(root, folder, 'build', 'Release');

/** Builds some targets, or all, printing what the compiler says; `jobs` files at a time. True if it worked. */
export function buildEmulator(targets = [], jobs = availableParallelism()) {
  const options = { cwd: root, stdio: 'inherit' };
  const arguments_ = ['--directory', folder, '--loglevel', 'warn'];
  return (
    nodeGyp('configure', arguments_, options).status === 0 &&
    nodeGyp('build', [...targets, ...arguments_, '-j', String(jobs)], options).status === 0
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(buildEmulator() ? 0 : 1);
