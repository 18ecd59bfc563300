// Points and lines on two axes, as inline SVG that the page's CSS colours, so that it follows light and dark.
import { type Marker, markerAt } from '../../experiments/demo/chart.js';
import { escapeHtml } from '../../experiments/demo/html.js';
import { type Axis, scaleOf, ticksOf } from './scale.js';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Shown when the pointer rests on it. */
  readonly label: string;
}

export interface Series {
  readonly name: string;
  /** Its colour and marker are those of this place in the lists. */
  readonly place: number;
  readonly kind: 'line' | 'points' | 'ceiling';
  /** Of a ceiling: its name stands within the plot, over its first point, instead of beside its end. */
  readonly namedInside?: boolean;
  /** In the order of x. */
  readonly points: readonly Point[];
}

export interface XyChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly height?: number;
}

const width = 940;
const margin = { left: 70, right: 262, top: 16, bottom: 50 };
const labelHeight = 16;
const markers: readonly Marker[] = ['circle', 'square', 'diamond', 'triangle', 'cross'];
/** Colours in the style. */
export const hues = 7;

export const hueOf = (place: number): string => `hue-${place % hues}`;
export const round = (value: number): number => Math.round(10 * value) / 10;

export function xyChart({ title, x, y, series, height = 430 }: XyChart): string {
  const plot = {
    left: margin.left,
    right: width - margin.right,
    top: margin.top,
    bottom: height - margin.bottom,
  };
  const [xs, ys] = [scaleOf(x, plot.left, plot.right), scaleOf(y, plot.bottom, plot.top)];
  const placed = series.map((each) => ({
    ...each,
    at: each.points.map((point) => ({ ...point, px: round(xs(point.x)), py: round(ys(point.y)) })),
  }));
  const parts = [
    ...ticksOf(y).map(
      (tick) =>
        `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${round(ys(tick))}" y2="${round(ys(tick))}"/>` +
        `<text class="tick" x="${plot.left - 8}" y="${round(ys(tick) + 4)}" text-anchor="end">${escapeHtml(y.format(tick))}</text>`,
    ),
    ...ticksOf(x).map(
      (tick) =>
        `<line class="grid" x1="${round(xs(tick))}" x2="${round(xs(tick))}" y1="${plot.top}" y2="${plot.bottom}"/>` +
        `<text class="tick" x="${round(xs(tick))}" y="${plot.bottom + 18}" text-anchor="middle">${escapeHtml(x.format(tick))}</text>`,
    ),
    `<text class="axis" transform="translate(16 ${(plot.top + plot.bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(y.title)}</text>`,
    `<text class="axis" x="${(plot.left + plot.right) / 2}" y="${height - 8}" text-anchor="middle">${escapeHtml(x.title)}</text>`,
    ...placed.map(drawn),
    ...names(placed, plot),
  ];
  return svg(title, width, height, parts);
}

export function svg(title: string, width: number, height: number, parts: readonly string[]): string {
  return (
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `${parts.join('\n')}</svg>`
  );
}

interface Placed extends Series {
  readonly at: readonly (Point & { readonly px: number; readonly py: number })[];
}

function drawn({ name, kind, place, at, namedInside }: Placed): string {
  const path = `<polyline class="${kind}" points="${at.map(({ px, py }) => `${px},${py}`).join(' ')}"/>`;
  if (kind === 'ceiling') {
    const [{ px, py }] = at;
    const text = `<text class="name" x="${px + 18}" y="${py - 7}">${escapeHtml(name)}</text>`;
    return `<g class="roof">${path}${namedInside ? text : ''}</g>`;
  }
  const marks = at.map(
    ({ px, py, label }) =>
      `<g><title>${escapeHtml(label)}</title>${markerAt(markers[place % markers.length], px, py)}</g>`,
  );
  return `<g class="${hueOf(place)}">${kind === 'line' ? path : ''}${marks.join('')}</g>`;
}

/** Names to the right of the plot: of lines and ceilings beside their ends, of points under them; none on another. */
function names(series: readonly Placed[], plot: { right: number; top: number; bottom: number }): string[] {
  const labels = series
    .filter(({ at, namedInside }) => at.length > 0 && !namedInside)
    .map((each) => {
      const end = each.at[each.at.length - 1];
      return { each, end, y: each.kind === 'points' ? plot.bottom : end.py };
    })
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + labelHeight);
  let floor = plot.bottom;
  for (const label of [...labels].reverse()) {
    label.y = Math.min(label.y, floor);
    floor = label.y - labelHeight;
  }
  return labels.map(({ each: { name, kind, place }, end, y }) => {
    const x = plot.right;
    const mark =
      kind === 'points'
        ? markerAt(markers[place % markers.length], x + 16, y)
        : `<polyline class="leader" points="${end.px + 7},${end.py} ${x + 6},${round(y)} ${x + 18},${round(y)}"/>`;
    const hue = kind === 'ceiling' ? 'roof' : hueOf(place);
    return `<g class="${hue}">${mark}<text class="name" x="${x + 26}" y="${round(y + 4)}">${escapeHtml(name)}</text></g>`;
  });
}
