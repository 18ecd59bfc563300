// Times on a GPU, by its own clock: marks on the device's stream before and after a call, so that neither JavaScript nor
// the launch is in them unless the device waits for it.
import { type Device, info } from 'tokensieve';

type Failure = readonly unknown[];

interface Measuring {
  cudaMark(device: number, stream: number): number | Failure;
  cudaElapsed(device: number, stream: number, begin: number, end: number): number | Failure;
  cudaCeiling(device: number, stream: number, ceiling: number, size: number): number | Failure;
}

const addon = require(info().binary) as Measuring;

function numberOf(result: number | Failure): number {
  if (typeof result === 'number') return result;
  throw new Error(`the device could not be timed: ${result.join(' ')}`);
}

/** What the device can do at most a second. */
export interface DeviceCeilings {
  /** Bytes read and written by a copy that fills no cache. */
  readonly copy: number;
  /** Flops of mma.sync on float16. */
  readonly matrix: number;
  /** Flops of float32 multiply-adds. */
  readonly fma: number;
}

/** What a sample does: bytes copied, and rounds of products and of multiply-adds. */
export type SampleSizes = Readonly<Record<keyof DeviceCeilings, number>>;

/** Some milliseconds each on a GPU of today. */
const longSamples: SampleSizes = { copy: 2 ** 29, matrix: 2 ** 14, fma: 2 ** 15 };

export function measureCeilings(device: Device, rounds: number, sizes = longSamples): DeviceCeilings {
  const best = (ceiling: number, size: number): number => {
    const sample = (): number =>
      numberOf(addon.cudaCeiling(device.index, Number(device.stream), ceiling, size));
    return Math.max(...Array.from({ length: rounds }, sample));
  };
  return { copy: best(0, sizes.copy), matrix: best(1, sizes.matrix), fma: best(2, sizes.fma) };
}

/** Seconds of each of so many calls, ascending, after a few that warm up. */
export function timeOf(device: Device, call: () => unknown, rounds: number): number[] {
  const stream = Number(device.stream);
  for (let i = 0; i < 3; i++) dispose(call());
  const sample = (): number => {
    const begin = numberOf(addon.cudaMark(device.index, stream));
    const result = call();
    const end = numberOf(addon.cudaMark(device.index, stream));
    dispose(result);
    return numberOf(addon.cudaElapsed(device.index, stream, begin, end));
  };
  return Array.from({ length: rounds }, sample).sort((a, b) => a - b);
}

/** Releases the tensors of a result: the collector does not see how much memory they hold. */
export function dispose(result: unknown): void {
  if (typeof result !== 'object' || result === null) return;
  if (Symbol.dispose in result) (result as Disposable)[Symbol.dispose]();
  else for (const value of Object.values(result)) dispose(value);
}
