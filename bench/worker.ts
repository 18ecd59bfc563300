// One instruction set's share of the benchmarks. Only TOKENSIEVE_ISA, read when the package is loaded, chooses an
// instruction set, so each has a process of its own.
import { info, setNumThreads } from 'tokensieve';
import { caseName } from './case.js';
import { casesMatching } from './cases.js';
import { agreement, type HarnessAgreement } from './harnesses.js';
import { judge, type Measurement, measure, type Result } from './measure.js';

/** What the worker is told. */
export interface Task {
  readonly filter: string;
  readonly threads: readonly number[];
  readonly harness: 'tinybench' | 'both';
}

/** What ran under one instruction set and number of threads: results, or with both harnesses how they agree. */
export interface Run {
  readonly isa: string;
  readonly threads: number;
  readonly results: readonly Result[];
  readonly agreements: readonly HarnessAgreement[];
}

/** What it answers: its instruction set first, then each case as it begins, and each run when it is done. */
export type Answer =
  | { readonly kind: 'isa'; readonly isa: string }
  | { readonly kind: 'case'; readonly name: string; readonly threads: number }
  | { readonly kind: 'run'; readonly run: Run };

function answer(message: Answer): void {
  process.send?.(message);
}

async function work({ filter, threads, harness }: Task): Promise<void> {
  const { isa } = info();
  answer({ kind: 'isa', isa });
  for (const count of threads) {
    setNumThreads(count);
    const measurements: Measurement[] = [];
    const agreements: HarnessAgreement[] = [];
    for (const benchmark of casesMatching(filter)) {
      answer({ kind: 'case', name: caseName(benchmark), threads: count });
      if (harness === 'both') agreements.push(await agreement(benchmark));
      else measurements.push(await measure(benchmark));
    }
    answer({ kind: 'run', run: { isa, threads: count, results: judge(measurements), agreements } });
  }
}

process.once('message', (task: Task) => {
  work(task).then(
    () => process.disconnect(),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
