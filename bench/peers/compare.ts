// npm run bench -- --peers: every job against every peer that is to be had here.
import { bestOfRun, type Ceilings, floorOf } from '../ceilings.js';
import { type ContestResult, contest, Pace, type PeerResult } from './contest.js';
import { type Entry, entries, entryName } from './jobs.js';
import { onnxruntime } from './onnxruntime.js';
import { installPeers } from './packages.js';
import type { Peer } from './peer.js';
import { plainJavaScript } from './plain-javascript.js';
import { pytorch } from './pytorch.js';
import { simSimd } from './simsimd.js';
import { tfjsWasm } from './tfjs-wasm.js';

/** A job's result, held against what the processor can do. */
export interface Comparison extends ContestResult {
  /** The least time possible over ours, in percent, and what limits. */
  readonly percent: number;
  readonly limit: 'FMA' | 'bandwidth';
}

export interface Comparisons {
  /** Versions of the peers, by name; who is not to be had here is not among them. */
  readonly peers: Readonly<Record<string, string>>;
  readonly comparisons: readonly Comparison[];
}

export function entriesMatching(text: string): readonly Entry[] {
  return entries.filter((entry) => entryName(entry).toLowerCase().includes(text.toLowerCase()));
}

async function findPeers(): Promise<readonly Peer[]> {
  installPeers();
  const torch = pytorch();
  if (torch === undefined) console.error('No python3 here has torch: compared without PyTorch');
  return [onnxruntime(), ...(torch ? [torch] : []), await tfjsWasm(), plainJavaScript(), simSimd()];
}

/** Runs the jobs whose name contains `filter`, with each number of threads. */
export async function comparePeers(
  filter: string,
  threads: readonly number[],
  progress: (done: number, total: number, name: string) => void,
): Promise<Comparisons> {
  const peers = await findPeers();
  const chosen = entriesMatching(filter);
  const results: ContestResult[] = [];
  for (const count of threads) {
    const pace = new Pace();
    const able = peers.filter(({ threaded }) => threaded || count === 1);
    for (const entry of chosen) {
      progress(results.length + 1, chosen.length * threads.length, `${entryName(entry)}, ${count} threads`);
      results.push(await contest(entry, count, able, pace));
    }
  }
  return {
    peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    comparisons: results.map((result) => ({ ...result, ...judged(result, results) })),
  };
}

function judged(
  result: ContestResult,
  all: readonly ContestResult[],
): { percent: number; limit: Comparison['limit'] } {
  const alike: Ceilings[] = all
    .filter(({ threads }) => threads === result.threads)
    .map(({ ceilings }) => ceilings);
  const { milliseconds, limit } = floorOf(result.entry.work, bestOfRun(result.ceilings, alike));
  return { percent: (milliseconds / result.ours.median) * 100, limit };
}

/** The peer that the targets are stated against. */
export const rival = 'onnxruntime-node';

/** Its result of a job. */
export function rivalOf({ peers }: ContestResult): PeerResult | undefined {
  return peers.find(({ name }) => name === rival);
}
