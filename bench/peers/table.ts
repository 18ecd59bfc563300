import { duration, table } from '../report.js';
import { type Comparisons, rival, rivalOf } from './compare.js';
import type { PeerResult } from './contest.js';

/** For one number of threads: our time, and each peer's over it. */
export function comparisonTable({ peers, comparisons }: Comparisons, threads: number): string {
  const names = Object.keys(peers);
  const rows = comparisons
    .filter((comparison) => comparison.threads === threads)
    .map((comparison) => {
      const { entry, ours, percent, limit } = comparison;
      const ratio = rivalOf(comparison)?.timing?.ratio;
      return [
        entry.job.kind,
        entry.shape,
        duration(ours.median),
        `${percent.toFixed(0)} ${limit}`,
        ...names.map((name) => cell(comparison.peers.find((peer) => peer.name === name))),
        `${entry.target} x`,
        ratio === undefined ? '' : ratio >= entry.target ? 'met' : 'missed',
      ];
    });
  const head = ['job', 'shape', 'ours', '% of ceiling', ...names, `target against ${rival}`, ''];
  return table(head, rows, 2);
}

function cell(result: PeerResult | undefined): string {
  if (result === undefined) return '';
  const { timing, stopped } = result;
  if (timing === undefined) return stopped ?? '';
  const ratio = timing.ratio < 9.95 ? timing.ratio.toFixed(2) : timing.ratio.toFixed(0);
  return `${ratio} x (${duration(timing.median)})`;
}
