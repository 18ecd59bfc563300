import type { BreakEvenResult } from '../break-even/measure.js';
import { duration } from '../tables.js';
import { figure, htmlTable } from './html-table.js';
import { powersAround } from './scale.js';
import { xyChart } from './xy-chart.js';

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** For one size of block: the keep ratio under which reducing pays, by N, one line for each way of reducing. */
export function breakEvenChart({ shape, block, methods }: BreakEvenResult): string {
  const title = `Break-even of a block of ${shape.C} channels, heads of ${shape.D}`;
  const sizes = methods[0].points.map(({ N }) => N);
  const keeps = methods.flatMap(({ points }) => points.flatMap(({ keep }) => keep ?? []));
  const low = Math.floor(10 * Math.min(0.9, ...keeps)) / 10;
  const chart = xyChart({
    title,
    x: { title: 'N, tokens of the block', kind: 'log2', ...powersAround(sizes, 2), format: String },
    y: { title: 'keep ratio from which reducing pays', kind: 'linear', low, high: 1, format: percent },
    series: methods.map(({ name, points }, place) => ({
      name,
      place,
      kind: 'line',
      points: points.flatMap(({ N, keep }) =>
        keep === undefined ? [] : [{ x: N, y: keep, label: `${name}, N = ${N}: ${percent(keep)}` }],
      ),
    })),
    height: 340,
  });
  const rows = methods.flatMap(({ name, points }) =>
    points.map(({ N, deciding, moving, keep }) => [
      name,
      `${N}`,
      duration(deciding),
      ...moving.map(({ milliseconds }) => duration(milliseconds)),
      blockTime(block, N),
      keep === undefined ? 'none pays' : percent(keep),
    ]),
  );
  const moving = methods[0].points[0].moving.map(({ n }) => `moving, keep ${percent(n / sizes[0])}`);
  return figure(
    chart,
    `${shape.C} channels in heads of ${shape.D}: keeping fewer than the curve says costs less time within this one block, deciding and moving included; blocks after it save more. Where a line has no point, no keep ratio pays.`,
    htmlTable(['way', 'N', 'deciding', ...moving, 'block of N', 'break-even'], rows, 1),
  );
}

function blockTime(block: BreakEvenResult['block'], N: number): string {
  const cost = block.find(({ n }) => n === N);
  return cost === undefined ? '' : duration(cost.milliseconds);
}
