// The roofline (Williams, Waterman and Patterson, 2009): what a kernel reaches against what its arithmetic intensity
// lets it reach, and what moves memory against the bandwidth of the caches that hold it.
import type { Result } from '../measure.js';
import { duration, size } from '../tables.js';
import { figure, htmlTable } from './html-table.js';
import { type Axis, powersAround } from './scale.js';
import { type Series, xyChart } from './xy-chart.js';

const plain = (value: number): string => (value < 1 ? `${Number(value.toPrecision(2))}` : value.toFixed(0));

const intensity = ({ flops, read, written }: Result): number => flops / (read + written);
const nameOf = ({ operation, shape }: Result): string => `${operation} ${shape}`;

/** Rates of the processor, by the working set that they were measured on, ascending. */
function ceilingsBySize(results: readonly Result[]): Result['ceilings'][] {
  const bySize = new Map(results.map(({ ceilings }) => [ceilings.bytes, ceilings]));
  return [...bySize.values()].sort((a, b) => a.bytes - b.bytes);
}

function byOperation(
  results: readonly Result[],
  point: (result: Result) => Series['points'][number],
): Series[] {
  const operations = [...new Set(results.map(({ operation }) => operation))];
  return operations.map((operation, place) => ({
    name: operation,
    place,
    kind: 'points',
    points: results.filter((result) => result.operation === operation).map(point),
  }));
}

/** GFLOP/s over flops a byte, of every case that computes. */
export function rooflineChart(all: readonly Result[]): string {
  const results = all.filter(({ flops }) => flops > 0);
  if (results.length === 0) return '';
  const ceilings = ceilingsBySize(all);
  const peak = Math.max(...ceilings.map(({ fma }) => fma)) / 1e9;
  const x: Axis = {
    title: 'arithmetic intensity, flops a byte of inputs and outputs',
    kind: 'log10',
    ...powersAround([...results.map(intensity), 0.1], 10),
    format: plain,
  };
  const y: Axis = {
    title: 'GFLOP/s',
    kind: 'log10',
    ...powersAround([...results.map(({ gflops }) => gflops), peak], 10),
    format: plain,
  };
  const ceiling = (name: string, points: readonly (readonly [number, number])[]): Series => ({
    name,
    place: 0,
    kind: 'ceiling',
    namedInside: true,
    points: points.map(([at, rate]) => ({ x: at, y: rate, label: '' })),
  });
  // From where the slope enters the plot up to the peak
  const slopes = [ceilings[0], ceilings[ceilings.length - 1]].map(({ read, bytes }) => {
    const bandwidth = read / 1e9;
    const [start, ridge] = [Math.max(x.low, y.low / bandwidth), peak / bandwidth];
    return ceiling(`${bandwidth.toFixed(0)} GB/s from ${size(bytes)}`, [
      [start, start * bandwidth],
      [ridge, peak],
    ]);
  });
  const lowestRidge = peak / Math.max(...ceilings.map(({ read }) => read / 1e9));
  const roofs = [
    ...slopes,
    ceiling(`FMA peak, ${peak.toFixed(0)} GFLOP/s`, [
      [lowestRidge, peak],
      [x.high, peak],
    ]),
  ];
  const series = [
    ...roofs,
    ...byOperation(results, (result) => ({
      x: intensity(result),
      y: result.gflops,
      label: `${nameOf(result)}: ${result.gflops.toFixed(1)} GFLOP/s, ${result.percent.toFixed(0)} % of its ${result.limit} ceiling`,
    })),
  ];
  const rows = results.map((result) => [
    nameOf(result),
    intensity(result).toPrecision(3),
    result.gflops.toFixed(1),
    duration(result.median),
    `${result.percent.toFixed(0)} % of ${result.limit}`,
  ]);
  return figure(
    xyChart({ title: 'Roofline of the kernels', x, y, series, height: 520 }),
    'Every benchmark case that computes, on one thread. A point on the line would do nothing but what its formula asks for, as fast as the processor can.',
    htmlTable(['case', 'flops a byte', 'GFLOP/s', 'median', 'reached'], rows, 1),
  );
}

/** GB/s over the working set, of every case that bandwidth limits. */
export function bandwidthChart(all: readonly Result[]): string {
  const results = all.filter(({ limit }) => limit === 'bandwidth');
  if (results.length === 0) return '';
  const ceilings = ceilingsBySize(all);
  const lines: Series[] = (['read', 'copy'] as const).map((rate) => ({
    name: `${rate} ceiling`,
    place: 0,
    kind: 'ceiling',
    points: ceilings.map((each) => ({ x: each.bytes, y: each[rate] / 1e9, label: '' })),
  }));
  const rates = [
    ...lines.flatMap(({ points }) => points.map(({ y }) => y)),
    ...results.map((r) => r.bandwidth),
  ];
  const x: Axis = {
    title: 'working set',
    kind: 'log2',
    ...powersAround(
      ceilings.map(({ bytes }) => bytes),
      2,
    ),
    format: size,
  };
  const y: Axis = {
    title: 'GB/s, inputs and outputs',
    kind: 'log10',
    ...powersAround(rates, 10),
    format: plain,
  };
  const series = [
    ...lines,
    ...byOperation(results, (result) => ({
      x: result.ceilings.bytes,
      y: result.bandwidth,
      label: `${nameOf(result)}: ${result.bandwidth.toFixed(1)} GB/s, ${result.percent.toFixed(0)} % of its ceiling`,
    })),
  ];
  const rows = results.map((result) => [
    nameOf(result),
    size(result.ceilings.bytes),
    result.bandwidth.toFixed(1),
    duration(result.median),
    result.percent.toFixed(0),
  ]);
  return figure(
    xyChart({ title: 'Bandwidth of what moves memory', x, y, series, height: 520 }),
    'Cases that memory limits, one thread: bytes of inputs and outputs a second, each counted once. The lines are what plain reading and copying reach on as much memory; in small caches the cost of a call shows.',
    htmlTable(['case', 'working set', 'GB/s', 'median', '% of ceiling'], rows, 1),
  );
}
