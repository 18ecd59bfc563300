// Drives the same cases with tinybench and with benchmark.js, and says how far the two agree. They differ in what a
// sample is: tinybench times every call by itself, benchmark.js a loop of as many calls as its clock needs. On a quiet
// machine both the medians and the means agree; where other work interrupts, it falls into few of tinybench's samples
// but into most of the loops, and only the means can.
import Benchmark from 'benchmark';
import { type Case, caseName } from './case.js';
import { quantile, tinybenchSamples } from './measure.js';

const turns = 3;
const turnMilliseconds = 200;

/** Milliseconds a call, by each harness. */
export interface HarnessAgreement {
  readonly operation: string;
  readonly shape: string;
  readonly tinybench: { readonly median: number; readonly mean: number };
  readonly benchmarkJs: { readonly median: number; readonly mean: number };
  /** benchmark.js's over tinybench's. */
  readonly medianRatio: number;
  readonly meanRatio: number;
}

/** The two take turns, so that what else the machine does falls on both. */
export async function agreement(benchmark: Case): Promise<HarnessAgreement> {
  const call = benchmark.prepare();
  const samples = { tinybench: [] as number[], benchmarkJs: [] as number[] };
  for (let turn = 0; turn < turns; turn++) {
    samples.tinybench.push(...(await tinybenchSamples(caseName(benchmark), call, turnMilliseconds)));
    samples.benchmarkJs.push(...benchmarkJsSamples(caseName(benchmark), call));
  }
  const tinybench = summary(samples.tinybench);
  const benchmarkJs = summary(samples.benchmarkJs);
  return {
    operation: benchmark.operation,
    shape: benchmark.shape,
    tinybench,
    benchmarkJs,
    medianRatio: benchmarkJs.median / tinybench.median,
    meanRatio: benchmarkJs.mean / tinybench.mean,
  };
}

function summary(samples: number[]): { median: number; mean: number } {
  samples.sort((a, b) => a - b);
  return { median: quantile(samples, 0.5), mean: samples.reduce((a, b) => a + b, 0) / samples.length };
}

function benchmarkJsSamples(name: string, call: () => void): number[] {
  const { error, stats } = new Benchmark(name, call, {
    async: false,
    maxTime: turnMilliseconds / 1e3,
    minSamples: 3,
  }).run({ async: false }) as Benchmark & { error?: Error };
  if (error !== undefined) throw error;
  return stats.sample.map((seconds) => seconds * 1e3);
}
