// Every job against every peer that is to be had here.
import { bestOfRun, type Ceilings, floorOfPasses } from '../ceilings.js';
import { threadsText } from '../tables.js';
import { judgeTargets, type Verdict } from '../targets.js';
import { type ContestResult, contest, Pace } from './contest.js';
import { type Entry, entryName, rival } from './jobs.js';
import { onnxruntime } from './onnxruntime.js';
import { installPeers } from './packages.js';
import type { Peer } from './peer.js';
import { plainJavaScript } from './plain-javascript.js';
import { pytorch } from './pytorch.js';
import { simSimd } from './simsimd.js';
import { tfjsWasm } from './tfjs-wasm.js';

/** A job's result, held against what the processor can do. */
export interface Comparison extends ContestResult {
  /** The least time possible over ours. */
  readonly share: number;
  /** What most of that least time is limited by. */
  readonly limit: 'FMA' | 'bandwidth';
}

export interface Comparisons {
  /** Versions of the peers, by name; who is not to be had here is not among them. */
  readonly peers: Readonly<Record<string, string>>;
  readonly comparisons: readonly Comparison[];
}

async function findPeers(): Promise<readonly Peer[]> {
  installPeers();
  const torch = pytorch();
  if (torch === undefined) console.error('No python3 here has torch: compared without PyTorch');
  return [onnxruntime(), ...(torch ? [torch] : []), await tfjsWasm(), plainJavaScript(), simSimd()];
}

/** Runs the jobs with each number of threads. */
export async function comparePeers(
  entries: readonly Entry[],
  threads: readonly number[],
  progress: (name: string) => void,
): Promise<Comparisons> {
  const peers = await findPeers();
  try {
    const results: ContestResult[] = [];
    for (const count of threads) {
      const pace = new Pace();
      const able = peers.filter(({ threaded }) => threaded || count === 1);
      for (const entry of entries) {
        progress(`${entryName(entry)}, ${threadsText(count)}`);
        results.push(await contest(entry, count, able, pace));
      }
    }
    return {
      peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
      comparisons: results.map((result) => ({ ...result, ...held(result, results) })),
    };
  } finally {
    for (const peer of peers) await peer.close?.();
  }
}

function held(result: ContestResult, all: readonly ContestResult[]): Pick<Comparison, 'share' | 'limit'> {
  const alike: Ceilings[] = all
    .filter(({ threads }) => threads === result.threads)
    .map(({ ceilings }) => ceilings);
  const { milliseconds, limit } = floorOfPasses(result.entry.passes, bestOfRun(result.ceilings, alike));
  return { share: milliseconds / result.ours.median, limit };
}

/** The job's targets that this run has a figure for. */
export function verdictsOf({ entry, threads, peers, share }: Comparison): readonly Verdict[] {
  const speedup = peers.find(({ name }) => name === rival)?.timing?.ratio;
  return judgeTargets(entry.targets, threads, { speedup, 'share of ceiling': share });
}
