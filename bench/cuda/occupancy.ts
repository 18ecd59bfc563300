// How many blocks of a kernel a multiprocessor holds at once, and what stops it from holding more.
import type { Architecture } from './architectures.js';

/** A kernel as it is launched. */
export interface Footprint {
  /** Registers a thread. */
  readonly registers: number;
  /** Threads a block. */
  readonly threads: number;
  /** Bytes of shared memory a block, static and dynamic. */
  readonly shared: number;
}

export interface Occupancy {
  /** Blocks a multiprocessor; 0 where one does not fit. */
  readonly blocks: number;
  /** Share of the multiprocessor's warps that they fill. */
  readonly share: number;
  /** What allows no further block: several where they tie. */
  readonly limits: readonly ('registers' | 'threads' | 'shared memory' | 'blocks')[];
}

const warpSize = 32;
const registersOfPart = 16_384; // a multiprocessor has four parts, each with its warps and registers
const registerUnit = 256; // registers are handed to warps in pieces of so many

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

export function occupancy({ registers, threads, shared }: Footprint, architecture: Architecture): Occupancy {
  const warps = Math.ceil(threads / warpSize);
  const registersOfWarp = roundUp(Math.max(1, registers) * warpSize, registerUnit);
  const warpsByRegisters = 4 * Math.floor(registersOfPart / registersOfWarp);
  // a block whose warps, dealt out to the parts, need more than there is does not start
  const fits = roundUp(warps, 4) * registersOfWarp <= 4 * registersOfPart;
  const sharedOfBlock = roundUp(shared + architecture.sharedReserved, architecture.sharedUnit);
  const limits = {
    registers: fits ? Math.floor(warpsByRegisters / warps) : 0,
    threads: Math.floor(architecture.threads / warpSize / warps),
    'shared memory':
      shared > architecture.sharedOfBlock
        ? 0
        : sharedOfBlock === 0
          ? Number.POSITIVE_INFINITY
          : Math.floor(architecture.shared / sharedOfBlock),
    blocks: architecture.blocks,
  };
  const blocks = Math.min(...Object.values(limits));
  return {
    blocks,
    share: (blocks * warps * warpSize) / architecture.threads,
    limits: (Object.keys(limits) as (keyof typeof limits)[]).filter((name) => limits[name] === blocks),
  };
}
