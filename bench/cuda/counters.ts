// What the emulated driver counted of each kernel, as TOKENSIEVE_CUDASIM_COUNTERS has it written.
import { readFileSync } from 'node:fs';

/** Of one kernel, summed over its launches. */
export interface KernelCounters {
  readonly launches: number;
  readonly blocks: number;
  readonly threads: number;
  /** The most that a launch asked for, in bytes a block. */
  readonly dynamicShared: number;
  readonly warpInstructions: number;
  readonly threadInstructions: number;
  readonly branches: number;
  readonly divergentBranches: number;
  readonly barriers: number;
  /** By opcode: warps that issued it, and lanes that executed it. */
  readonly mix: Readonly<Record<string, { readonly warps: number; readonly threads: number }>>;
  /** The memory system's counters by their names. */
  readonly memory: Readonly<Record<string, number>>;
}

type Written = Record<string, number> & { mix: Record<string, [number, number]> };

export function readCounters(file: string): Map<string, KernelCounters> {
  const written: Record<string, Written> = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(Object.entries(written).map(([kernel, counters]) => [kernel, read(counters)]));
}

function read({ mix, ...numbers }: Written): KernelCounters {
  const { launches, blocks, threads, branches, barriers, ...rest } = numbers as Record<string, number>;
  const {
    dynamic_shared: dynamicShared,
    warp_instructions: warpInstructions,
    thread_instructions: threadInstructions,
    divergent_branches: divergentBranches,
    ...memory
  } = rest;
  return {
    launches,
    blocks,
    threads,
    dynamicShared,
    warpInstructions,
    threadInstructions,
    branches,
    divergentBranches,
    barriers,
    mix: Object.fromEntries(
      Object.entries(mix).map(([opcode, [warps, lanes]]) => [opcode, { warps, threads: lanes }]),
    ),
    memory,
  };
}
