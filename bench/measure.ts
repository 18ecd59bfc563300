// Times a case with tinybench, in rounds between which its ceilings are measured: a change of clock, or of what else
// the machine does, then falls on both.
import { type Case, caseName } from './case.js';
import { bestOfRun, type Ceilings, ceilingsOf, floorOf, type Work } from './ceilings.js';

const rounds = 5;
const roundMilliseconds = 50;

/** What was measured of a case. Times are milliseconds a call. */
export interface Measurement extends Work {
  readonly operation: string;
  readonly shape: string;
  readonly kernels: readonly string[];
  readonly samples: number;
  readonly least: number;
  /** A tenth of the calls took at most as long. */
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
  /** The best samples between its rounds. */
  readonly ceilings: Ceilings;
}

export async function measure(benchmark: Case): Promise<Measurement> {
  const call = benchmark.prepare();
  const ceilings = ceilingsOf(benchmark);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ceilings.sample();
    samples.push(...(await tinybenchSamples(caseName(benchmark), call, roundMilliseconds)));
  }
  samples.sort(ascending);
  const { operation, shape, kernels, flops, read, written } = benchmark;
  return {
    operation,
    shape,
    kernels,
    flops,
    read,
    written,
    samples: samples.length,
    least: samples[0],
    p10: quantile(samples, 0.1),
    median: quantile(samples, 0.5),
    p90: quantile(samples, 0.9),
    ceilings: ceilings.best(),
  };
}

const quickMilliseconds = 60;
const leastSamples = 3;

/** The median of a few calls, milliseconds: for curves, whose points stand beside one another. */
export function quickMedian(call: () => void): number {
  const timed = (): number => {
    const start = performance.now();
    call();
    return performance.now() - start;
  };
  const first = timed();
  const samples = first < quickMilliseconds ? [] : [first];
  for (let spent = 0; spent < quickMilliseconds || samples.length < leastSamples; ) {
    const milliseconds = timed();
    samples.push(milliseconds);
    spent += milliseconds;
  }
  return quantile(samples.sort(ascending), 0.5);
}

/** A measurement held against what the processor can do. */
export interface Result extends Measurement {
  readonly gflops: number;
  /** Gigabytes a second, inputs and outputs counted once. */
  readonly bandwidth: number;
  readonly limit: 'FMA' | 'bandwidth';
  /** The least time possible over the median, in percent. */
  readonly percent: number;
}

/** Holds the cases that ran under one instruction set and number of threads against the best ceilings seen then. */
export function judge(measurements: readonly Measurement[]): Result[] {
  const run = measurements.map(({ ceilings }) => ceilings);
  return measurements.map((measurement) => {
    const { flops, read, written, median } = measurement;
    const ceilings = bestOfRun(measurement.ceilings, run);
    const { milliseconds, limit } = floorOf(measurement, ceilings);
    return {
      ...measurement,
      ceilings,
      gflops: flops / median / 1e6,
      bandwidth: (read + written) / median / 1e6,
      limit,
      percent: (milliseconds / median) * 100,
    };
  });
}

/** Milliseconds of each call of one tinybench run, after a short one that is not counted. */
export async function tinybenchSamples(
  name: string,
  call: () => void,
  time: number,
): Promise<readonly number[]> {
  const { Bench } = await import('tinybench');
  const bench = new Bench({
    time,
    iterations: 1,
    warmupTime: time / 8,
    warmupIterations: 1,
    retainSamples: true,
    throws: true,
  });
  const [task] = bench.add(name, call).runSync();
  const { result } = task;
  if (!('latency' in result) || result.latency.samples === undefined)
    throw new Error(`${name} gave no samples`);
  return result.latency.samples;
}

const ascending = (a: number, b: number): number => a - b;

/** Of ascending numbers, by linear interpolation. */
export function quantile(sorted: readonly number[], p: number): number {
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.ceil(at)] - sorted[low]);
}
