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

/** Why targets were missed, of those that have a reason. */
function missedNotes(proof: Proof): string[] {
  const noted = verdicts(proof).filter(({ verdict }) => !verdict.met && verdict.target.note !== undefined);
  const lines = noted.map(
    ({ row, verdict }) =>
      `${row}: ${valueText(verdict)} of ${goalText(verdict.target)}. ${verdict.target.note}`,
  );
  return lines.length > 0 ? ['Missed because', ...lines, ''] : [];
}
