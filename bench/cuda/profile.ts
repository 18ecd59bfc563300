// What each kernel does at the emulated size, counted by the emulated driver: once in the form of compute_75, once in
// that of compute_80.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ArchitectureNumber } from './architectures.js';
import { type KernelCounters, readCounters } from './counters.js';

const build = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'build-cuda');

/** The double of the CUDA driver. */
export const emulatedDriver = path.join(build, 'libcudasim.so');

/** What `npm run build:cuda` says of each kernel. */
export const builtResources = path.join(build, 'resources.json');

/** The architectures that have a form of the kernels' sources of their own. */
export const forms = [75, 90] as const satisfies readonly ArchitectureNumber[];
export type Form = (typeof forms)[number];

/** The form that an architecture runs. */
export const formOf = (architecture: ArchitectureNumber): Form => (architecture < 80 ? 75 : 90);

export function isBuilt(): boolean {
  return existsSync(emulatedDriver) && existsSync(builtResources);
}

export function profile(form: Form): Map<string, KernelCounters> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cuda-profile-'));
  try {
    const counters = path.join(folder, 'counters.json');
    const env = {
      ...process.env,
      TOKENSIEVE_CUDA_DRIVER: emulatedDriver,
      TOKENSIEVE_CUDASIM_ARCH: String(form),
      TOKENSIEVE_CUDASIM_COUNTERS: counters,
    };
    const { status, stderr } = spawnSync(process.execPath, [path.join(__dirname, 'profile-worker.js')], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    if (status !== 0) throw new Error(`the emulated run of sm_${form} failed:\n${stderr}`);
    return readCounters(counters);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
