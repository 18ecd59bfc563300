import { powerOf } from '../growth/slope.js';
import { pairVerdicts } from '../itself/contest.js';
import { verdictsOf } from '../peers/compare.js';
import { entryName } from '../peers/jobs.js';
import { comparisonTable } from '../peers/table.js';
import { duration, table, threadsText } from '../tables.js';
import { goalText, outcome, type Verdict, valueText } from '../targets.js';
import type { Proof } from './result.js';

/** Everything with a target, as text: the peers for each number of threads, this package against itself, a count. */
export function proofText(proof: Proof): string {
  const { cpu, isa, threads, comparisons, pairs } = proof;
  const parts: string[] = [];
  for (const count of threads.filter((each) => comparisons.some((row) => row.threads === each)))
    parts.push(
      `${cpu}, ${isa}, ${threadsText(count)}: their time over ours`,
      comparisonTable(proof, count),
      '',
    );
  if (pairs.length > 0) parts.push('Against itself', pairsTable(proof), '');
  if (proof.growth.length > 0) parts.push('Growth with the number of tokens', growthTable(proof), '');
  if (proof.breakEven.length > 0)
    parts.push('The keep ratio from which reducing pays in a block', breakEvenTable(proof), '');
  parts.push(...missedNotes(proof));
  const all = verdicts(proof);
  if (all.length > 0)
    parts.push(`${all.filter(({ verdict }) => verdict.met).length} of ${all.length} targets met`);
  return parts.join('\n');
}

/** Every target that was judged, with the row that it stands in. */
export function verdicts({
  comparisons,
  pairs,
}: Proof): readonly { readonly row: string; readonly verdict: Verdict }[] {
  return [
    ...comparisons.flatMap((comparison) =>
      verdictsOf(comparison).map((verdict) => ({
        row: `${entryName(comparison.entry)}, ${threadsText(comparison.threads)}`,
        verdict,
      })),
    ),
    ...pairs.flatMap((result) =>
      pairVerdicts(result).map((verdict) => ({
        row: `${result.pair.name}, against ${result.pair.against}`,
        verdict,
      })),
    ),
  ];
}

function pairsTable({ pairs }: Proof): string {
  const rows = pairs.flatMap((result) =>
    pairVerdicts(result).map((verdict) => [
      result.pair.name,
      result.pair.against,
      duration(result.ours.median),
      duration(result.measure.median),
      verdict.target.figure,
      valueText(verdict),
      goalText(verdict.target),
      outcome(verdict),
    ]),
  );
  return table(['call', 'against', 'ours', 'against', '', 'reached', 'target', ''], rows, 2);
}

function growthTable({ growth }: Proof): string {
  const rows = growth.map((result) => {
    const last = result.points[result.points.length - 1];
    return [
      result.name,
      `N^${result.power}`,
      `N^${powerOf(result)}`,
      `${last.N}`,
      duration(last.milliseconds),
    ];
  });
  return table(['call', 'work', 'time', 'at N', 'takes'], rows, 1);
}

function breakEvenTable({ breakEven }: Proof): string {
  const sizes = breakEven[0].methods[0].points.map(({ N }) => `${N}`);
  const rows = breakEven.flatMap(({ shape, methods }) =>
    methods.map(({ name, points }) => [
      `${shape.C}`,
      name,
      ...points.map(({ keep }) => (keep === undefined ? 'none' : `${(100 * keep).toFixed(0)} %`)),
    ]),
  );
  return table(['channels', 'way', ...sizes], rows, 2);
}

/** Why targets were missed, of those that have a reason. */
function missedNotes(proof: Proof): string[] {
  const noted = verdicts(proof).filter(({ verdict }) => !verdict.met && verdict.target.note !== undefined);
  const lines = noted.map(
    ({ row, verdict }) =>
      `${row}: ${valueText(verdict)} of ${goalText(verdict.target)}. ${verdict.target.note}`,
  );
  return lines.length > 0 ? ['Missed because', ...lines, ''] : [];
}
