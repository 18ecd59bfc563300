// What README.md says of speed: figures of a kept result, between two comments of which the first names it.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pairVerdicts } from './itself/contest.js';
import { type Comparison, verdictsOf } from './peers/compare.js';
import { rival } from './peers/jobs.js';
import { type Proof, readProof } from './proof/result.js';
import { verdicts } from './proof/tables.js';
import { duration } from './tables.js';

const readme = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'README.md');
const block = /<!-- measured: ?(\S*) -->[\s\S]*<!-- \/measured -->/;

/** What stands in README.md now, and the file of bench/results/ that it names: empty before the first. */
export function quotedInReadme(): { text: string; name: string } {
  const [text, name] = readFileSync(readme, 'utf8').match(block) ?? [];
  if (text === undefined) throw new Error('README.md has no <!-- measured: NAME --> ... <!-- /measured -->');
  return { text, name };
}

/** Has README.md quote a kept result; gives its path. */
export function rewriteReadme(file: string): string {
  const text = readFileSync(readme, 'utf8');
  writeFileSync(
    readme,
    text.replace(block, () => readmeBlock(path.basename(file), readProof(file))),
  );
  return readme;
}

/** The comments, and between them what the result says. */
export function readmeBlock(name: string, proof: Proof): string {
  const { cpu, isa, date, peers } = proof;
  const rows = proof.comparisons.filter(
    (row) => row.threads === 1 && row.entry.targets.some(({ figure }) => figure === 'speedup'),
  );
  const names = Object.keys(peers).filter((peer) => rows.some((row) => ratioOf(row, peer) !== ''));
  const all = verdicts(proof);
  return [
    `<!-- measured: ${name} -->`,
    `${cpu}, ${isa}, one thread, ${date.slice(0, 10)}. Times of peers over ours; ${rival} is the one that targets are`,
    `stated against. ${all.filter(({ verdict }) => verdict.met).length} of ${all.length} targets of the whole run are met.`,
    '',
    ...markdown(
      ['job', 'ours', '% of ceiling', ...names, 'target'],
      rows.map((row) => [
        `${row.entry.job.kind} ${row.entry.shape}`,
        duration(row.ours.median),
        `${(100 * row.share).toFixed(0)} ${row.limit}`,
        ...names.map((peer) => ratioOf(row, peer)),
        ...verdictsOf(row)
          .filter(({ target }) => target.figure === 'speedup')
          .map(({ target, met }) => `${target.goal} x ${met ? 'met' : 'missed'}`),
      ]),
    ),
    ...fastRows(proof),
    '<!-- /measured -->',
  ].join('\n');
}

function fastRows({ pairs }: Proof): string[] {
  const rows = pairs
    .filter(({ pair }) => pair.against === 'exact')
    .map((result) => {
      const [verdict] = pairVerdicts(result);
      return [
        result.pair.name,
        duration(result.measure.median),
        duration(result.ours.median),
        `${verdict.value.toFixed(2)} x`,
        `${verdict.target.goal} x ${verdict.met ? 'met' : 'missed'}`,
      ];
    });
  if (rows.length === 0) return [];
  const head = ["`precision: 'fast'`", 'exact', 'fast', 'gain', 'target'];
  return ['', ...markdown(head, rows)];
}

function ratioOf({ peers }: Comparison, name: string): string {
  const ratio = peers.find((peer) => peer.name === name)?.timing?.ratio;
  return ratio === undefined ? '' : `${ratio < 9.95 ? ratio.toFixed(2) : ratio.toFixed(0)} x`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)];
}
