import { escapeHtml } from '../../experiments/demo/html.js';
import { type Comparison, verdictsOf } from '../peers/compare.js';
import { entryName, rival } from '../peers/jobs.js';
import type { Proof } from '../proof/result.js';
import { duration, threadsText } from '../tables.js';
import { verdictsText } from '../targets.js';
import { figure, htmlTable } from './html-table.js';
import { type Axis, powersAround, scaleOf, ticksOf } from './scale.js';
import { hueOf, round, svg } from './xy-chart.js';

const width = 940;
const plot = { left: 340, right: width - 90, top: 40 };
const barHeight = 11;
const gap = 9;

/** For one number of threads: each peer's time over ours as a bar, and the target against onnxruntime-node. */
export function peersChart({ peers, comparisons }: Proof, threads: number): string {
  const rows = comparisons.filter((row) => row.threads === threads);
  const ratios = rows.flatMap((row) => row.peers.flatMap(({ timing }) => timing?.ratio ?? []));
  if (ratios.length === 0) return '';
  const names = Object.keys(peers);
  const axis: Axis = {
    title: "peer's time over ours (log axis; right of 1 we are faster)",
    kind: 'log10',
    ...powersAround([1, ...ratios], 10),
    format: (value) => `${value} x`,
  };
  const xs = scaleOf(axis, plot.left, plot.right);
  let y = plot.top;
  const groups = rows.map((row) => {
    const top = y;
    const bars = row.peers.flatMap(({ name, timing }) => {
      if (timing === undefined) return [];
      const bar = drawnBar(names.indexOf(name), timing.ratio, duration(timing.median), name, xs, y);
      y += barHeight;
      return [bar];
    });
    const middle = round((top + y) / 2 + 4);
    const label = `<text class="job" x="${plot.left - 8}" y="${middle}" text-anchor="end">${escapeHtml(entryName(row.entry))}</text>`;
    const group = `<g>${label}${bars.join('')}${drawnGoal(row, xs, top, y)}</g>`;
    y += gap;
    return group;
  });
  const bottom = y;
  const ticks = ticksOf(axis).map(
    (tick) =>
      `<line class="${tick === 1 ? 'roofline' : 'grid'}" x1="${round(xs(tick))}" x2="${round(xs(tick))}" y1="${plot.top - 6}" y2="${bottom}"/>` +
      `<text class="tick" x="${round(xs(tick))}" y="${bottom + 16}" text-anchor="middle">${axis.format(tick)}</text>`,
  );
  let x = plot.left;
  const legend = names.map((name, i) => {
    const entry =
      `<g class="${hueOf(i)}"><rect class="bar" x="${x}" y="8" width="11" height="11"/>` +
      `<text class="name" x="${x + 16}" y="18">${escapeHtml(name)}</text></g>`;
    x += 36 + 7.5 * name.length;
    return entry;
  });
  const title = `<text class="axis" x="${(plot.left + plot.right) / 2}" y="${bottom + 38}" text-anchor="middle">${escapeHtml(axis.title)}</text>`;
  const chart = svg(`Peers, ${threadsText(threads)}`, width, bottom + 48, [
    ...ticks,
    ...legend,
    ...groups,
    title,
  ]);
  return figure(
    chart,
    `${threadsText(threads)}: medians of rounds in which all took turns in one process. A mark across the bars is the target against ${rival}.`,
    table(rows, names),
  );
}

function drawnBar(
  place: number,
  ratio: number,
  time: string,
  name: string,
  xs: (value: number) => number,
  y: number,
): string {
  const [from, to] = [xs(1), xs(ratio)].sort((a, b) => a - b);
  const text = ratio < 9.95 ? ratio.toFixed(2) : ratio.toFixed(0);
  return (
    `<g class="${hueOf(place)}"><title>${escapeHtml(`${name}: ${text} x, ${time}`)}</title>` +
    `<rect class="bar" x="${round(from)}" y="${y + 1}" width="${round(Math.max(1, to - from))}" height="${barHeight - 2}"/>` +
    `<text class="value" x="${round(Math.max(to, xs(1)) + 4)}" y="${y + 9}">${text}</text></g>`
  );
}

function drawnGoal(
  { entry }: Comparison,
  xs: (value: number) => number,
  top: number,
  bottom: number,
): string {
  const target = entry.targets.find(({ figure }) => figure === 'speedup');
  if (target === undefined) return '';
  const x = round(xs(target.goal));
  return `<line class="goal" x1="${x}" x2="${x}" y1="${top - 2}" y2="${bottom + 2}"><title>target ${target.goal} x</title></line>`;
}

function table(rows: readonly Comparison[], names: readonly string[]): string {
  const body = rows.map((row) => [
    entryName(row.entry),
    duration(row.ours.median),
    `${(100 * row.share).toFixed(0)} % of ${row.limit}`,
    ...names.map((name) => {
      const result = row.peers.find((peer) => peer.name === name);
      if (result?.timing === undefined) return result?.stopped ?? '';
      return `${result.timing.ratio.toPrecision(3)} x, ${duration(result.timing.median)}, ${result.timing.rounds} rounds`;
    }),
    verdictsText(verdictsOf(row)),
  ]);
  return htmlTable(['job', 'ours', 'ceiling', ...names, 'targets'], body, 1);
}
