// The double of the CUDA driver, libcudasim, where `npm run build:cuda` has left it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { info } from 'tokensieve';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const extension = process.platform === 'darwin' ? 'dylib' : 'so';

/** The path of the library. */
export const double = path.join(root, 'build-cuda', `libcudasim.${extension}`);

const controlAddon = path.join(root, 'cuda', 'emulator', 'build', 'Release', 'cudasim_control.node');

/** What clients of the double have not given back; see `cudasim_live_objects` in cudasim.h. */
export interface LiveObjects {
  readonly contexts: number;
  readonly streams: number;
  readonly events: number;
  readonly modules: number;
  readonly pools: number;
  readonly allocations: number;
  readonly allocatedBytes: number;
  readonly pinnedBlocks: number;
  readonly pinnedBytes: number;
}

/** The functions of cudasim.h. */
export interface Control {
  /** Arms failures in place of those armed before, `''` none; false for a plan that makes no sense. */
  fail(plan: string): boolean;
  /** How often a failure point was passed since a plan was armed. */
  passed(point: string): number;
  live(): LiveObjects;
  lastFault(): string;
  counters(): string;
}

/** Why the double cannot be used here; false where it can. Names it as this process's driver. */
export function whyNoDouble(): string | false {
  if (!existsSync(double) || !existsSync(controlAddon)) return 'npm run build:cuda has not been run';
  process.env.TOKENSIEVE_CUDA_DRIVER = double;
  const { cuda } = info();
  return cuda.available ? false : cuda.reason;
}

/** What arms failures of this process's double, and counts what it holds. */
export function control(): Control {
  return require(controlAddon) as Control;
}
