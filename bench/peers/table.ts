import { duration, table } from '../tables.js';
import { verdictsText } from '../targets.js';
import { rounds } from '../turns.js';
import { type Comparisons, verdictsOf } from './compare.js';
import type { PeerResult } from './contest.js';

/** For one number of threads: our time, and each peer's over it. */
export function comparisonTable({ peers, comparisons }: Comparisons, threads: number): string {
  const names = Object.keys(peers);
  const rows = comparisons
    .filter((comparison) => comparison.threads === threads)
    .map((comparison) => [
      comparison.entry.job.kind,
      comparison.entry.shape,
      duration(comparison.ours.median),
      `${(100 * comparison.share).toFixed(0)} ${comparison.limit}`,
      ...names.map((name) => cell(comparison.peers.find((peer) => peer.name === name))),
      verdictsText(verdictsOf(comparison)),
    ]);
  return table(['job', 'shape', 'ours', '% of ceiling', ...names, 'targets'], rows, 2);
}

/** A peer's time over ours, and its time; how many rounds it had when they were fewer than all. */
function cell(result: PeerResult | undefined): string {
  if (result === undefined) return '';
  const { timing, stopped } = result;
  if (timing === undefined) return stopped ?? '';
  const ratio = timing.ratio < 9.95 ? timing.ratio.toFixed(2) : timing.ratio.toFixed(0);
  const fewer = timing.rounds < rounds ? `, ${timing.rounds} of ${rounds} rounds` : '';
  return `${ratio} x (${duration(timing.median)}${fewer})`;
}
