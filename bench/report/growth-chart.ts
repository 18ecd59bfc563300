import type { GrowthResult } from '../growth/curves.js';
import { fitFrom, powerOf } from '../growth/slope.js';
import { duration } from '../tables.js';
import { figure, htmlTable } from './html-table.js';
import { powersAround } from './scale.js';
import { xyChart } from './xy-chart.js';

/** Milliseconds over N on logarithmic axes: a power of N is a straight line. */
export function growthChart(results: readonly GrowthResult[]): string {
  if (results.length === 0) return '';
  const all = results.flatMap(({ points }) => points);
  const chart = xyChart({
    title: 'Time of a call by the number of tokens',
    x: {
      title: 'N, tokens',
      kind: 'log2',
      ...powersAround(
        all.map(({ N }) => N),
        2,
      ),
      format: String,
    },
    y: {
      title: 'milliseconds a call',
      kind: 'log10',
      ...powersAround(
        all.map(({ milliseconds }) => milliseconds),
        10,
      ),
      format: String,
    },
    series: results.map((result, place) => ({
      name: `${result.name}: N^${powerOf(result)}, work N^${result.power}`,
      place,
      kind: 'line',
      points: result.points.map(({ N, milliseconds }) => ({
        x: N,
        y: milliseconds,
        label: `${result.name}, N = ${N}: ${duration(milliseconds)}`,
      })),
    })),
    height: 520,
  });
  const sizes = [...new Set(all.map(({ N }) => N))].sort((a, b) => a - b);
  const rows = results.map((result) => [
    result.name,
    `${result.power}`,
    powerOf(result),
    ...sizes.map((size) => {
      const point = result.points.find(({ N }) => N === size);
      return point === undefined ? '' : duration(point.milliseconds);
    }),
  ]);
  return figure(
    chart,
    `Beside each line: the power of N fitted from N = ${fitFrom} on, and the power that its work grows by. What only moves memory grows by a little more than its work while it leaves one cache for the next.`,
    htmlTable(['call', 'power of its work', 'fitted', ...sizes.map(String)], rows, 1),
  );
}
