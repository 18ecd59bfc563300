import { availableParallelism } from 'node:os';
import { addon, binary, platform } from './addon.js';
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
  if (!Number.isInteger(count) || count < 1 || count > 1024) {
    throw rangeError('count', 'an integer from 1 to 1024', count);
  }
  addon.setThreads(count);
}

/** Reads `TOKENSIEVE_ISA` and `TOKENSIEVE_NUM_THREADS`. They lower, never raise; nonsense warns and changes nothing. */
function applyEnvironment(): void {
  const parallelism = Math.min(availableParallelism(), 1024);
  addon.setThreads(parallelism);

  const threads = process.env.TOKENSIEVE_NUM_THREADS;
  if (threads !== undefined && threads !== '') {
    const count = Number(threads);
    if (Number.isInteger(count) && count >= 1) addon.setThreads(Math.min(count, parallelism));
    else warn(`TOKENSIEVE_NUM_THREADS must be an integer from 1; got ${JSON.stringify(threads)}`);
  }

  const isa = process.env.TOKENSIEVE_ISA;
  if (isa !== undefined && isa !== '') {
    if (!['scalar', 'neon', 'avx2', 'avx512'].includes(isa)) {
      warn(`TOKENSIEVE_ISA must be scalar, neon, avx2 or avx512; got ${JSON.stringify(isa)}`);
    } else if (!addon.setIsa(isa)) {
      warn(`TOKENSIEVE_ISA=${isa} is not supported by this processor; using ${addon.isa()}`);
    }
  }
}

function warn(message: string): void {
  process.emitWarning(message, { type: 'TokenSieveWarning', code: 'TOKENSIEVE_ENVIRONMENT' });
}

applyEnvironment();
