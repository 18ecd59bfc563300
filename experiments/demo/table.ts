import type { Interval } from '../analysis/statistics.js';
import type { Result } from './evaluate.js';
import type { Latency } from './latency.js';
import { unreduced } from './methods.js';

/** A column of the table of results, for the terminal and for the report alike. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (result: Result) => string;
}

const percent = (value: number, digits = 1) => (100 * value).toFixed(digits);
const signed = (value: number) => `${value < 0 ? '\u2212' : '+'}${percent(Math.abs(value))}`;

/** Accuracy less the unreduced model's, in points, with its interval. */
export function formatDifference({ estimate, low, high }: Interval): string {
  return `${signed(estimate)} [${signed(low)}, ${signed(high)}]`;
}

export const columns: readonly Column[] = [
  { title: 'method', align: 'left', cell: ({ method }) => method.name },
  { title: 'keep', align: 'right', cell: ({ keep }) => keep.toFixed(2) },
  {
    title: 'tokens by layer',
    align: 'right',
    cell: ({ tokensBefore, tokensAfter }) => `${tokensBefore.toFixed(1)} \u2192 ${tokensAfter.toFixed(1)}`,
  },
  {
    title: 'accuracy %',
    align: 'left',
    cell: ({ accuracy, range }) =>
      percent(accuracy) + (range ? ` (${percent(range[0])}\u2013${percent(range[1])})` : ''),
  },
  {
    title: 'to none [95 % CI]',
    align: 'left',
    cell: ({ difference }) => (difference ? formatDifference(difference) : ''),
  },
  { title: 'cosine', align: 'right', cell: ({ cosine }) => cosine.toFixed(3) },
  { title: 'MFLOP', align: 'right', cell: ({ flops }) => (flops / 1e6).toFixed(0) },
  { title: '\u00b5s/text', align: 'right', cell: ({ milliseconds }) => (1000 * milliseconds).toFixed(0) },
  { title: 'speed', align: 'right', cell: ({ speedup }) => `${speedup.toFixed(2)}x` },
  { title: 'reducing', align: 'right', cell: ({ reducingShare }) => `${percent(reducingShare)} %` },
];

/** The table of results as lines of text; a blank line parts the keep ratios. */
export function formatTable(results: readonly Result[]): string {
  const rows = results.map((result) => columns.map((column) => column.cell(result)));
  const lines = alignColumns(
    [columns.map(({ title }) => title), ...rows],
    columns.map(({ align }) => align),
  );
  return lines
    .flatMap((line, i) => {
      const result = i - 1;
      const newKeep = result > 0 && results[result].keep !== results[result - 1].keep;
      return newKeep ? ['', line] : [line];
    })
    .join('\n');
}

/** Times of single texts: lengths across, methods down. */
export function formatLatency(latencies: readonly Latency[]): string {
  const methods = [...new Set(latencies.map(({ method }) => method))];
  const lengths = [...new Set(latencies.map(({ tokens }) => tokens))];
  const rows = methods.map((method) => [
    method.name,
    ...latencies.filter((latency) => latency.method === method).map(formatLatencyCell),
  ]);
  const head = ['tokens', ...lengths.map(String)];
  return alignColumns([head, ...rows], ['left', ...lengths.map(() => 'right' as const)]).join('\n');
}

/** The time of the unreduced model; of a reduced one, its speed against that and the share spent reducing. */
export function formatLatencyCell({ method, milliseconds, speedup, reducing }: Latency): string {
  if (method === unreduced) return `${milliseconds.toFixed(2)} ms`;
  return `${speedup.toFixed(2)}x (${percent(reducing / milliseconds, 0)} %)`;
}

function alignColumns(rows: readonly (readonly string[])[], aligns: readonly Column['align'][]): string[] {
  const widths = aligns.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, c) => (aligns[c] === 'left' ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join('  ')
      .trimEnd(),
  );
  lines[0] += `\n${widths.map((width) => '\u2500'.repeat(width)).join('  ')}`;
  return lines;
}
