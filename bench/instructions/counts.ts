// What is recorded of one compiler, and how a build differs from that.
import { table } from '../tables.js';
import { type LoopCounts, loopColumns } from './loop-counts.js';

/** By instruction set. A count is missing where the machine or its tools could not take it. */
export interface Counts {
  /** Name and version. */
  readonly compiler: string;
  /** Instructions that ran, by call and kernel. */
  readonly calls: Readonly<Record<string, Record<string, Record<string, number>>>>;
  /** The inner loops of each function: see distinctLoops(). */
  readonly loops: Readonly<Record<string, Record<string, readonly LoopCounts[]>>>;
}

export interface Change {
  readonly isa: string;
  readonly what: string;
  /** Instructions; undefined where there was nothing of that name. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  /** What is changed besides their number. */
  readonly note: string;
}

/** Growth up to here passes: compilers of the same version differ a little from system to system. */
const tolerance = 0.05;

export const grows = ({ before, after }: Change): boolean =>
  before !== undefined && after !== undefined && after > before * (1 + tolerance);

/** What is different, of the instruction sets that were counted both times. */
export function changesBetween(recorded: Counts, counted: Counts): Change[] {
  const changes: Change[] = [];
  for (const [isa, calls] of sharedEntries(recorded.calls, counted.calls)) {
    const [before, after] = calls.map(flattened);
    for (const [what, ...counts] of allEntries(before, after)) {
      if (counts[0] !== counts[1]) changes.push({ isa, what, before: counts[0], after: counts[1], note: '' });
    }
  }
  for (const [isa, functions] of sharedEntries(recorded.loops, counted.loops)) {
    for (const [name, before = [], after = []] of allEntries(...functions)) {
      changes.push(...loopChanges(isa, name, before, after));
    }
  }
  return changes;
}

/** What only one of the two has. */
export function notCompared(recorded: Counts, counted: Counts): string[] {
  const kinds = ({ calls, loops }: Counts): string[] => [
    ...Object.keys(calls).map((isa) => `calls on ${isa}`),
    ...Object.keys(loops).map((isa) => `loops of ${isa}`),
  ];
  const both = [kinds(recorded), kinds(counted)];
  return both.flat().filter((kind) => !both.every((known) => known.includes(kind)));
}

export const numberOfCounts = ({ calls, loops }: Counts): number =>
  Object.values(calls).reduce((sum, of) => sum + Object.keys(flattened(of)).length, 0) +
  Object.values(loops).reduce((sum, of) => sum + Object.values(of).flat().length, 0);

/** Loops are told apart by their order alone; where one came or went, only the first is the same as before. */
function loopChanges(
  isa: string,
  name: string,
  before: readonly LoopCounts[],
  after: readonly LoopCounts[],
): Change[] {
  const sameNumber = before.length === after.length;
  const length = sameNumber ? before.length : 1;
  return Array.from({ length }, (_, i) => {
    const notes = loopColumns.flatMap((column, c) =>
      c > 0 && before[i]?.[c] !== after[i]?.[c]
        ? [`${column} ${before[i]?.[c] ?? 0} to ${after[i]?.[c] ?? 0}`]
        : [],
    );
    if (!sameNumber) notes.push(`${before.length} kinds of loops, now ${after.length}`);
    const what = `loop ${i + 1} of ${name}`;
    return { isa, what, before: before[i]?.[0], after: after[i]?.[0], note: notes.join(', ') };
  }).filter(({ before: was, after: is, note }) => was !== is || note !== '');
}

const flattened = (calls: Record<string, Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(calls).flatMap(([call, kernels]) =>
      Object.entries(kernels).map(([kernel, count]) => [`${kernel}, ${call}`, count]),
    ),
  );

function sharedEntries<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
): [string, [T, T]][] {
  return Object.keys(a).flatMap((key) => (key in b ? [[key, [a[key], b[key]]]] : []));
}

function allEntries<T>(a: Record<string, T>, b: Record<string, T>): [string, T | undefined, T | undefined][] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, a[key], b[key]]);
}

/** As JSON with one function or call a line: a change shows as a changed line. */
export function formatCounts({ compiler, calls, loops }: Counts): string {
  const lines = (entries: Record<string, unknown>): string =>
    Object.entries(entries)
      .map(([name, value]) => `      ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(',\n');
  const section = (of: Readonly<Record<string, Record<string, unknown>>>): string =>
    Object.entries(of)
      .map(([isa, entries]) => `    ${JSON.stringify(isa)}: {\n${lines(entries)}\n    }`)
      .join(',\n');
  const head = `  "compiler": ${JSON.stringify(compiler)},\n  "loopColumns": ${JSON.stringify(loopColumns)}`;
  return `{\n${head},\n  "calls": {\n${section(calls)}\n  },\n  "loops": {\n${section(loops)}\n  }\n}\n`;
}

/** Those that grew most first. */
export function changesTable(changes: readonly Change[]): string {
  const ratio = ({ before, after }: Change): number => (after ?? 0) / (before ?? Number.POSITIVE_INFINITY);
  const verdict = (change: Change): string =>
    grows(change) ? 'GROWS' : change.before === undefined ? 'new' : change.after === undefined ? 'gone' : '';
  const percent = ({ before, after }: Change): string =>
    before === undefined || after === undefined
      ? ''
      : `${after >= before ? '+' : ''}${((after / before - 1) * 100).toFixed(1)} %`;
  const rows = [...changes]
    .sort((a, b) => ratio(b) - ratio(a))
    .map((change) => {
      const { isa, what, before, after, note } = change;
      const named = note === '' ? what : `${what}: ${note}`;
      return [
        verdict(change),
        isa,
        named,
        before?.toString() ?? '',
        after?.toString() ?? '',
        percent(change),
      ];
    });
  return table(['', 'isa', 'instructions of', 'before', 'now', ''], rows, 3);
}
