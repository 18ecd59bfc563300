// What bounds a kernel on an H100 SXM, from what the emulator counted: a model. Nothing of it was measured on a GPU. It
// knows peak rates and adds nothing for latency, launches or waiting, so real times are longer.
import type { KernelCounters } from './counters.js';

// The published rates of an H100 SXM: 132 multiprocessors at 1.755 GHz.
const multiprocessors = 132;
const clock = 1.755e9;
const cycles = multiprocessors * clock;

/** Work a second that the device can do at most. */
export const rates = {
  /** Flops of mma.sync on 16-bit inputs, dense. */
  'tensor cores': 989.4e12,
  /** Warps' float32 and float64 arithmetic: 128 lanes a cycle. */
  'float32 units': cycles * 4,
  /** Lanes of ex2, lg2, rcp, rsqrt, sqrt: 16 a cycle. */
  'special functions': cycles * 16,
  /** Instructions of any kind: each of the four schedulers issues one a cycle. */
  'instruction issue': cycles * 4,
  /** 128-byte passes over shared memory: one a cycle. */
  'shared memory': cycles,
  /** Bytes to and from memory. */
  memory: 3.35e12,
} as const;

export type Resource = keyof typeof rates;

export interface Bound {
  /** What takes longest. */
  readonly resource: Resource;
  /** Seconds that each would take by itself. */
  readonly seconds: Readonly<Record<Resource, number>>;
  readonly flops: number;
  /** Flops for each byte that passes between L2 and memory. */
  readonly intensity: number;
}

/** Flops of one warp's mma, 2 m n k, from its shape. */
function matrixFlops(opcode: string): number {
  const shape = /^mma\..*\bm(\d+)n(\d+)k(\d+)\b/.exec(opcode);
  return shape === null ? 0 : 2 * Number(shape[1]) * Number(shape[2]) * Number(shape[3]);
}

const isFloat = (opcode: string): boolean =>
  /^(fma|add|sub|mul|min|max|abs|neg|setp)\b.*\.(f32|f64|f16|f16x2|bf16|bf16x2)$/.test(opcode);
const isSpecial = (opcode: string): boolean => /^(ex2|lg2|rcp|rsqrt|sqrt|sin|cos|tanh|div)\./.test(opcode);
const flopsOfLane = (opcode: string): number =>
  /^fma\./.test(opcode) ? 2 : /^(add|sub|mul)\..*f/.test(opcode) ? 1 : 0;

export function bound({ mix, warpInstructions, memory }: KernelCounters): Bound {
  let tensor = 0;
  let floats = 0;
  let special = 0;
  let flops = 0;
  for (const [opcode, { warps, threads }] of Object.entries(mix)) {
    tensor += warps * matrixFlops(opcode);
    if (isFloat(opcode)) floats += warps;
    if (isSpecial(opcode)) special += threads;
    if (isFloat(opcode)) flops += threads * flopsOfLane(opcode);
  }
  const wavefronts = memory.shared_load_wavefronts + memory.shared_store_wavefronts;
  const bytes = memory.dram_read_bytes + memory.dram_write_bytes;
  const work: Record<Resource, number> = {
    'tensor cores': tensor,
    'float32 units': floats,
    'special functions': special,
    'instruction issue': warpInstructions,
    'shared memory': wavefronts,
    memory: bytes,
  };
  const resources = Object.keys(rates) as Resource[];
  const seconds = Object.fromEntries(resources.map((name) => [name, work[name] / rates[name]])) as Record<
    Resource,
    number
  >;
  const resource = resources.reduce((most, name) => (seconds[name] > seconds[most] ? name : most));
  return { resource, seconds, flops: flops + tensor, intensity: bytes > 0 ? (flops + tensor) / bytes : 0 };
}
