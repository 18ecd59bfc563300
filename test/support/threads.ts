import { info, setNumThreads } from 'tokensieve';

/** Runs a function with so many threads, then goes back to as many as there were. */
export function withThreads<Result>(threads: number, run: () => Result): Result {
  const before = info().threads;
  setNumThreads(threads);
  try {
    return run();
  } finally {
    setNumThreads(before);
  }
}
