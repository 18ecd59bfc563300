// Tables for people.
import type { HarnessAgreement } from './harnesses.js';
import { quantile, type Result } from './measure.js';

/** Columns of text, the first ones aligned left, numbers right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((text, column) =>
          column < leftColumns ? text.padEnd(widths[column]) : text.padStart(widths[column]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const threadsText = (count: number): string => `${count} ${count === 1 ? 'thread' : 'threads'}`;

/** Three digits, in a unit that suits. */
export function duration(milliseconds: number): string {
  const digits = (x: number): string => x.toFixed(x < 9.995 ? 2 : x < 99.95 ? 1 : 0);
  if (milliseconds < 0.9995) return `${digits(milliseconds * 1e3)} µs`;
  return milliseconds < 999.5 ? `${digits(milliseconds)} ms` : `${digits(milliseconds / 1e3)} s`;
}

export function size(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes / 2 ** 10} KB` : `${bytes / 2 ** 20} MB`;
}

const rate = (value: number): string => (value === 0 ? '' : value < 10 ? value.toFixed(1) : value.toFixed(0));

/** The cases that ran under one instruction set and number of threads, and under them their ceilings. */
export function resultsTable(results: readonly Result[]): string {
  const head = ['operation', 'shape', 'median', 'p10', 'p90', 'GFLOP/s', 'GB/s', '% of', 'ceiling'];
  const rows = results.map((result) => [
    result.operation,
    result.shape,
    duration(result.median),
    duration(result.p10),
    duration(result.p90),
    rate(result.gflops),
    rate(result.bandwidth),
    rate(result.percent),
    result.limit === 'FMA' ? 'FMA' : `bandwidth, ${size(result.ceilings.bytes)}`,
  ]);
  const bandwidths = new Map(results.map(({ ceilings }) => [ceilings.bytes, ceilings]));
  const listed = [...bandwidths.values()]
    .sort((a, b) => a.bytes - b.bytes)
    .map(({ bytes, read, copy }) => `${size(bytes)} ${rate(read / 1e9)}/${rate(copy / 1e9)}`);
  return [
    table(head, rows, 2),
    `FMA peak ${rate(results[0].ceilings.fma / 1e9)} GFLOP/s; read/copy bandwidth by working set, GB/s: ${listed.join(', ')}`,
  ].join('\n');
}

/** How far the harnesses agree, case by case and over all. */
export function agreementsTable(agreements: readonly HarnessAgreement[]): string {
  const head = ['operation', 'shape', 'tinybench', 'benchmark.js', 'of medians', 'of means'];
  const rows = agreements.map(({ operation, shape, tinybench, benchmarkJs, medianRatio, meanRatio }) => [
    operation,
    shape,
    duration(tinybench.median),
    duration(benchmarkJs.median),
    medianRatio.toFixed(2),
    meanRatio.toFixed(2),
  ]);
  const range = (ratios: readonly number[]): string => {
    const sorted = [...ratios].sort((a, b) => a - b);
    const [least, median, most] = [0, 0.5, 1].map((p) => quantile(sorted, p).toFixed(2));
    return `${median} (${least} to ${most})`;
  };
  const medians = range(agreements.map(({ medianRatio }) => medianRatio));
  const means = range(agreements.map(({ meanRatio }) => meanRatio));
  return [table(head, rows, 2), `benchmark.js / tinybench: medians ${medians}, means ${means}`].join('\n');
}
