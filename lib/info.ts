import { addon, binary, type CudaDescription } from './addon.js';
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
    /** Its version, such as `'13.0'`, or `'emulated'`; undefined where there is none. */
    readonly driver: string | undefined;
    readonly devices: readonly string[];
    /** Why none is available. */
    readonly reason: string;
  };
}

/** Describes the processor, the instruction set and threads in use, the binary, and CUDA, whose driver it loads. */
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
    cuda: cuda(addon.cudaDescribe()),
  };
}

function cuda({ available, emulated, driver, devices, reason }: CudaDescription): Info['cuda'] {
  const version =
    driver === 0 ? undefined : `${Math.floor(driver / 1000)}.${Math.floor((driver % 1000) / 10)}`;
  return {
    available,
    driver: emulated ? 'emulated' : version,
    devices: devices.map(({ name, architecture }) => `${name} (sm_${architecture})`),
    reason,
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
