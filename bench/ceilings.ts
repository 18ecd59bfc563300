// What the processor can do at most, measured by kernels of the same binary, instruction set and threads, between
// the rounds of what is held against it.
import { info } from 'tokensieve';
import { type Case, workingSet } from './case.js';

interface Measuring {
  /** The list of kernels. */
  readonly kernels: readonly string[];
  /** One sample, in flops or bytes a second; a working set of all of `memory`. */
  measureCeiling(ceiling: 'fma' | 'read' | 'copy', memory: Float32Array): number;
}

const { kernels, measureCeiling } = require(info().binary) as Measuring;

/** The kernels that a ceiling is measured with. */
export const ceilingKernels: readonly string[] = ['fma_peak', 'read_peak', 'copy_peak'];
/** Every kernel there is. */
export const kernelNames: readonly string[] = kernels;

/** Rates that a case cannot exceed. */
export interface Ceilings {
  /** Fused multiply-adds in registers, flops a second. */
  readonly fma: number;
  /** Bytes read a second, over `bytes` bytes again and again. */
  readonly read: number;
  /** Bytes read and written a second, over the same memory. */
  readonly copy: number;
  /** About the case's working set: the caches that hold the one hold the other. */
  readonly bytes: number;
}

const smallest = 2 ** 15;
const largest = 2 ** 27;
let memory = new Float32Array(0);

const memoryOf = (bytes: number): Float32Array => {
  if (memory.byteLength < bytes) memory = new Float32Array(bytes / 4).fill(1);
  return memory.subarray(0, bytes / 4);
};

/** The nearest of the sizes that ceilings are measured at, two to an octave: powers of two, and one and a half times those. */
export function measuredSize(bytes: number): number {
  const within = Math.max(smallest, Math.min(largest, bytes));
  const octave = 2 ** Math.floor(Math.log2(within));
  const sizes = [octave, 1.5 * octave, 2 * octave];
  const distance = (size: number): number => Math.abs(Math.log(size / within));
  return sizes.reduce((nearest, size) => (distance(size) < distance(nearest) ? size : nearest));
}

/** One sample of the FMA peak, in flops a second. */
export const samplePeak = (): number => measureCeiling('fma', memoryOf(smallest));

/**
 * Samples the ceilings of a case, and keeps the best: a ceiling only counts undisturbed. The bandwidths are those of
 * the case's working set.
 */
export function ceilingsOf(benchmark: Pick<Work, 'read' | 'written'>): {
  sample: () => void;
  best: () => Ceilings;
} {
  const bytes = measuredSize(workingSet(benchmark));
  const caches = memoryOf(bytes);
  const best = { fma: 0, read: 0, copy: 0, bytes };
  const sample = (): void => {
    for (let i = 0; i < 2; i++) {
      best.fma = Math.max(best.fma, samplePeak());
      best.read = Math.max(best.read, measureCeiling('read', caches));
      best.copy = Math.max(best.copy, measureCeiling('copy', caches));
    }
  };
  return { sample, best: () => best };
}

/** The best ceilings of all cases that ran alike, of those with the same working set for the bandwidths. */
export function bestOfRun(own: Ceilings, run: readonly Ceilings[]): Ceilings {
  const alike = run.filter(({ bytes }) => bytes === own.bytes);
  return {
    fma: Math.max(...run.map(({ fma }) => fma)),
    read: Math.max(...alike.map(({ read }) => read)),
    copy: Math.max(...alike.map(({ copy }) => copy)),
    bytes: own.bytes,
  };
}

/** What a call cannot do without. */
export type Work = Pick<Case, 'flops' | 'read' | 'written'>;

/** The least time a call can take, in milliseconds, and what sets it. */
export interface Floor {
  readonly milliseconds: number;
  readonly limit: 'FMA' | 'bandwidth';
}

/** The floor of passes that cannot overlap: the sum of theirs, limited by what takes the longest. */
export function floorOfPasses(passes: readonly Work[], ceilings: Ceilings): Floor {
  const floors = passes.map((pass) => floorOf(pass, ceilings));
  const [longest] = [...floors].sort((a, b) => b.milliseconds - a.milliseconds);
  return { milliseconds: floors.reduce((sum, floor) => sum + floor.milliseconds, 0), limit: longest.limit };
}

/** All passes as one. */
export function workOf(passes: readonly Work[]): Work {
  const sum = (key: keyof Work): number => passes.reduce((total, pass) => total + pass[key], 0);
  return { flops: sum('flops'), read: sum('read'), written: sum('written') };
}

/** The roofline: all flops at the peak, or all bytes at the bandwidth, whichever takes longer. */
export function floorOf({ flops, read, written }: Work, ceilings: Ceilings): Floor {
  const copied = Math.min(read, written);
  const computing = flops / ceilings.fma;
  const moving = (copied + written) / ceilings.copy + (read - copied) / ceilings.read;
  return computing > moving
    ? { milliseconds: computing * 1e3, limit: 'FMA' }
    : { milliseconds: moving * 1e3, limit: 'bandwidth' };
}
