import type { Interval } from '../analysis/statistics.js';
import { escapeHtml } from './html.js';

export type Marker = 'circle' | 'square' | 'diamond' | 'triangle' | 'cross';

/** A line of the chart: one method over its keep ratios. */
export interface Series {
  readonly name: string;
  /** Names the CSS classes of its colour and dash. */
  readonly key: string;
  readonly marker: Marker;
  readonly points: readonly Point[];
}

/** Accuracy, in percent, at a number of tokens. */
export interface Point extends Interval {
  readonly tokens: number;
  readonly label: string;
}

const width = 920;
const height = 430;
const plot = { left: 64, right: width - 190, top: 18, bottom: height - 52 } as const;
/** Apart at one keep ratio, so that intervals do not cover one another. */
const spread = 9;
const labelHeight = 17;

/**
 * Accuracy against tokens as inline SVG, coloured by the page's own CSS so that it follows light and dark.
 * The x axis runs from many tokens to few: the further right, the less work. Each point carries its 95 %
 * interval; hovering names its figures.
 */
export function accuracyChart(series: readonly Series[], unreduced: Point, title: string): string {
  const everything = [unreduced, ...series.flatMap(({ points }) => points)];
  const lowest = Math.min(...everything.map((point) => point.low));
  const step = 100 - lowest > 30 ? 10 : 5;
  const low = Math.floor(lowest / step) * step;
  const high = Math.min(100, Math.ceil(Math.max(...everything.map((point) => point.high)) + 1));
  const most = unreduced.tokens;
  const fewest = Math.min(...everything.map((point) => point.tokens));
  const margin = 0.06 * (most - fewest);
  const x = (tokens: number) =>
    plot.left + ((most + margin - tokens) / (most - fewest + 2.6 * margin)) * (plot.right - plot.left);
  const y = (percent: number) => plot.bottom - ((percent - low) / (high - low)) * (plot.bottom - plot.top);

  const shifted = series.map((line, i) => ({
    ...line,
    at: line.points.map((point) => x(point.tokens) + spread * (i - (series.length - 1) / 2)),
  }));
  const parts = [
    yAxis(low, high, step, y),
    xAxis(fewest, most, x),
    `<line class="reference" x1="${plot.left}" x2="${plot.right}" y1="${y(unreduced.estimate)}" y2="${y(unreduced.estimate)}"/>`,
    `<text class="reference-label" x="${plot.right - 6}" y="${y(unreduced.estimate) - 7}" text-anchor="end">unreduced, ${unreduced.estimate.toFixed(1)} %</text>`,
    ...shifted.map(
      ({ key, points, at }) =>
        `<polyline class="line ${key}" points="${[
          `${round(x(unreduced.tokens))},${round(y(unreduced.estimate))}`,
          ...points.map((point, i) => `${round(at[i])},${round(y(point.estimate))}`),
        ].join(' ')}"/>`,
    ),
    ...shifted.flatMap(({ key, marker, points, at }) =>
      points.map(
        (point, i) =>
          `<g class="${key}"><title>${escapeHtml(point.label)}</title>` +
          `<line class="interval" x1="${round(at[i])}" x2="${round(at[i])}" y1="${round(y(point.low))}" y2="${round(y(point.high))}"/>` +
          `${markerAt(marker, at[i], y(point.estimate))}</g>`,
      ),
    ),
    `<g class="none"><title>${escapeHtml(unreduced.label)}</title>${markerAt('circle', x(unreduced.tokens), y(unreduced.estimate))}</g>`,
    ...endLabels(shifted, y),
  ];
  return (
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `${parts.join('\n')}</svg>`
  );
}

function yAxis(low: number, high: number, step: number, y: (percent: number) => number): string {
  const ticks = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);
  return [
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>` +
        `<text class="tick" x="${plot.left - 10}" y="${round(y(tick) + 4)}" text-anchor="end">${tick}</text>`,
    ),
    `<text class="axis" transform="translate(16 ${(plot.top + plot.bottom) / 2}) rotate(-90)" text-anchor="middle">accuracy, %</text>`,
  ].join('');
}

function xAxis(fewest: number, most: number, x: (tokens: number) => number): string {
  const step = [1, 2, 4, 5, 10, 16, 20, 32, 50].find((size) => (most - fewest) / size <= 7) ?? 100;
  const first = Math.ceil(fewest / step) * step;
  const ticks = Array.from({ length: Math.floor((most - first) / step) + 1 }, (_, i) => first + i * step);
  return [
    `<line class="baseline" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>`,
    ...ticks.map(
      (tick) =>
        `<line class="baseline" x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${plot.bottom}" y2="${plot.bottom + 5}"/>` +
        `<text class="tick" x="${round(x(tick))}" y="${plot.bottom + 20}" text-anchor="middle">${tick}</text>`,
    ),
    `<text class="axis" x="${(plot.left + plot.right) / 2}" y="${height - 8}" text-anchor="middle">tokens left after the first attention, mean per text (fewer to the right)</text>`,
  ].join('');
}

/** The name of each line beside its last point, moved apart where they would touch. */
function endLabels(
  series: readonly (Series & { readonly at: readonly number[] })[],
  y: (percent: number) => number,
): string[] {
  const labels = series
    .map(({ name, key, points, at }) => {
      const last = points.length - 1;
      return { name, key, fromX: at[last], fromY: y(points[last].estimate), y: y(points[last].estimate) };
    })
    .sort((a, b) => a.fromY - b.fromY);
  // Each pushes the next down; then, from the bottom of the plot, each pushes the one before up.
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + labelHeight);
  let floor = plot.bottom - 4;
  for (const label of labels.reverse()) {
    label.y = Math.min(label.y, floor);
    floor = label.y - labelHeight;
  }
  return labels.map(
    ({ name, key, fromX, fromY, y: at }) =>
      `<g class="${key}"><polyline class="leader" points="${round(fromX + 7)},${round(fromY)} ${plot.right + 4},${round(at)} ${plot.right + 12},${round(at)}"/>` +
      `<text class="name" x="${plot.right + 16}" y="${round(at + 4)}">${escapeHtml(name)}</text></g>`,
  );
}

export function markerAt(marker: Marker, cx: number, cy: number): string {
  const at = `transform="translate(${round(cx)} ${round(cy)})"`;
  switch (marker) {
    case 'circle':
      return `<circle class="marker" ${at} r="4.5"/>`;
    case 'square':
      return `<rect class="marker" ${at} x="-4" y="-4" width="8" height="8"/>`;
    case 'diamond':
      return `<path class="marker" ${at} d="M0-5.5 5.5 0 0 5.5-5.5 0Z"/>`;
    case 'triangle':
      return `<path class="marker" ${at} d="M0-5.5 5.2 4-5.2 4Z"/>`;
    case 'cross':
      return `<path class="marker open" ${at} d="M-4-4 4 4M4-4-4 4"/>`;
  }
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
