// Two calls of this package in turns, and what the one gains or costs beside the other.
import { info, setNumThreads } from 'tokensieve';
import { samplePeak } from '../ceilings.js';
import { judgeTargets, type Verdict } from '../targets.js';
import { type ComparedTiming, type Contender, type Timing, takeTurns } from '../turns.js';
import { nativeTimer } from './native-call.js';
import type { Pair, Side } from './pairs.js';

// Shorter calls are timed by so many that they take as long: the clock itself takes a tenth of a microsecond
const leastMilliseconds = 0.02;

export interface PairResult {
  readonly pair: Pick<Pair, 'name' | 'against' | 'targets'>;
  readonly threads: number;
  readonly ours: Timing;
  /** What ours is held against. */
  readonly measure: ComparedTiming;
  /** What the FMA peak gains by the threads that ours has more. */
  readonly peakScaling: number;
}

export async function contestPair({ name, against, targets, ours, measure }: Pair): Promise<PairResult> {
  const peaks = [0, 0];
  const samplePeaks = (): void => {
    [ours, measure].forEach(({ threads }, i) => {
      setNumThreads(threads);
      peaks[i] = Math.max(peaks[i], samplePeak());
    });
  };
  const timings = await takeTurns(contender(ours), [contender(measure)], 1, samplePeaks);
  return {
    pair: { name, against, targets },
    threads: ours.threads,
    ours: timings.first,
    measure: timings.others[0],
    peakScaling: peaks[0] / peaks[1],
  };
}

/** Whether the machine has the threads that a pair asks for. */
export const canContest = ({ ours }: Pair): boolean => ours.threads <= info().threads;

/** Gives the milliseconds a call of so many. */
function timer(call: () => unknown): (count: number) => number {
  return (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) call();
    return (performance.now() - start) / count;
  };
}

function contender({ prepare, threads, nativeAlone = false }: Side): Contender {
  setNumThreads(threads);
  const timed = nativeAlone ? nativeTimer(prepare()) : timer(prepare());
  timed(1);
  let calls = 1;
  while (timed(calls) * calls < leastMilliseconds) calls *= 2;
  return {
    calls,
    time: async () => {
      setNumThreads(threads);
      return timed(calls);
    },
  };
}

export function pairVerdicts({ pair, threads, ours, measure, peakScaling }: PairResult): readonly Verdict[] {
  return judgeTargets(pair.targets, threads, {
    speedup: measure.ratio,
    cost: 1 / measure.ratio,
    overhead: (ours.median - measure.median) * 1e3,
    'share of scaling': measure.ratio / peakScaling,
  });
}
