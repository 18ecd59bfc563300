import { addon, binary } from './addon.js';
import { platform } from './binary.js';
import { maxThreads } from './environment.js';
import { rangeError, typeError } from './errors.js';

/** What runs where: the first thing a bug report needs. */
export interface Info {
  /** The processor, in its own words. */
  readonly cpu: string;
  /** The instruction set in use: `scalar`, `neon`, `avx2` or `avx512`. */
  readonly isa: string;
  /** Threads an operation may use, the calling one included. */
  readonly threads: number;
  /** The path of the native binary. */
  readonly binary: string;
  readonly versions: {
    readonly tokensieve: string;
    readonly abi: number;
    readonly node: string;
    readonly platform: string;
  };
  readonly cuda: {
    readonly available: boolean;
    readonly driver: string | undefined;
    readonly devices: readonly string[];
    readonly reason: string;
  };
}

/** Describes the processor, the instruction set and threads in use, the binary, and what is known of CUDA. */
export function info(): Info {
  return {
    cpu: addon.cpu(),
    isa: addon.isa(),
    threads: addon.threads(),
    binary,
    versions: {
      tokensieve: addon.version,
      abi: addon.abiVersion,
      node: process.versions.node,
      platform: platform(),
    },
    cuda: { available: false, driver: undefined, devices: [], reason: 'this build has no CUDA kernels' },
  };
}

/**
 * Sets how many threads an operation may use, the calling one included. Results do not depend on it.
 *
 * @param count 1 to 1024
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`
 */
export function setNumThreads(count: number): void {
  if (typeof count !== 'number') throw typeError('count', 'an integer', count);
  if (!Number.isInteger(count) || count < 1 || count > maxThreads) {
    throw rangeError('count', `an integer from 1 to ${maxThreads}`, count);
  }
  addon.setThreads(count);
}
