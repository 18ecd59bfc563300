// Drives the same cases with tinybench and with benchmark.js, and says how far the two agree. They differ in what a
// sample is: tinybench times every call by itself, benchmark.js a loop of as many calls as its clock needs.
import Benchmark from 'benchmark';
import { type Case, caseName } from './case.js';
import { quantile, tinybenchSamples } from './measure.js';

const turns = 3;
const turnMilliseconds = 200;

/** Medians of one case, in milliseconds a call. */
export interface HarnessAgreement {
  readonly operation: string;
  readonly shape: string;
  readonly tinybench: number;
  readonly benchmarkJs: number;
  /** benchmark.js's median over tinybench's. */
  readonly ratio: number;
}

/** The two take turns, so that what else the machine does falls on both. */
export async function agreement(benchmark: Case): Promise<HarnessAgreement> {
  const call = benchmark.prepare();
  const samples = { tinybench: [] as number[], benchmarkJs: [] as number[] };
  for (let turn = 0; turn < turns; turn++) {
    samples.tinybench.push(...(await tinybenchSamples(caseName(benchmark), call, turnMilliseconds)));
    samples.benchmarkJs.push(...benchmarkJsSamples(caseName(benchmark), call));
  }
  const median = (values: number[]): number =>
    quantile(
      values.sort((a, b) => a - b),
      0.5,
    );
  const tinybench = median(samples.tinybench);
  const benchmarkJs = median(samples.benchmarkJs);
  const { operation, shape } = benchmark;
  return { operation, shape, tinybench, benchmarkJs, ratio: benchmarkJs / tinybench };
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
