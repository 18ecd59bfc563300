// One instruction set's share of the benchmarks. Only TOKENSIEVE_ISA, read when the package is loaded, chooses an
// instruction set, so each has a process of its own.
import { info, setNumThreads } from 'tokensieve';
import { caseName } from './case.js';
import { casesMatching } from './cases.js';
import { agreement, type HarnessAgreement } from './harnesses.js';
import { type Measurement, measure } from './measure.js';

/** What the worker is told. */
export interface Task {
  readonly filter: string;
  readonly threads: readonly number[];
  readonly harness: 'tinybench' | 'both';
}

/** What it answers: its instruction set first, then a progress message before each case and a result after it. */
export type Answer =
  | { readonly kind: 'isa'; readonly isa: string }
  | { readonly kind: 'case'; readonly name: string; readonly threads: number }
  | { readonly kind: 'measured'; readonly threads: number; readonly measurement: Measurement }
  | { readonly kind: 'compared'; readonly threads: number; readonly agreement: HarnessAgreement };

function answer(message: Answer): void {
  process.send?.(message);
}

async function work({ filter, threads, harness }: Task): Promise<void> {
  answer({ kind: 'isa', isa: info().isa });
  for (const count of threads) {
    setNumThreads(count);
    for (const benchmark of casesMatching(filter)) {
      answer({ kind: 'case', name: caseName(benchmark), threads: count });
      if (harness === 'both')
        answer({ kind: 'compared', threads: count, agreement: await agreement(benchmark) });
      else answer({ kind: 'measured', threads: count, measurement: await measure(benchmark) });
    }
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
