// Segments of the free tokens of a batch, such as the frames of a video: each a row of a batch of its own, so that one
// call of an operation serves all of them.
import { readPair } from './grid.js';
import { readInteger } from './options.js';
import type { RowTokens, Tokens } from './sieve-inputs.js';
import { runSync, type Steps, step } from './steps.js';
import { type FloatTensor, reshape, type Tensor, viewArray, zeros } from './tensor.js';

/** Lists of free tokens, no token in two. */
export interface Segments {
  /** `[S]`: the row that each is of, never falling. */
  readonly rows: Int32Array;
  /** `[S + 1]`: where each begins; none is empty. */
  readonly offsets: Int32Array;
  /** Places in `[B * N]`, ascending within a segment. */
  readonly places: Int32Array;
  /** The most tokens of one. */
  readonly longest: number;
}

/** How the free tokens of a row are told apart: how many segments, and that of the i-th of them. */
export interface Cut {
  readonly segments: number;
  segmentOf(i: number): number;
}

/** Cuts the free tokens of each row; `cut` is told how many those are. Segments that stay empty are left out. */
export function segmentsOf(
  { batch, length, mask, rows }: Tokens,
  cut: (free: number, row: number) => Cut,
): Segments {
  const places = new Int32Array(batch * length);
  const segmentRows: number[] = [];
  const offsets = [0];
  let longest = 0;
  for (let row = 0; row < batch; row++) {
    const free = rows[row].tokens - rows[row].kept;
    const { segments, segmentOf } = cut(free, row);
    const starts = new Int32Array(segments + 1);
    const own = new Int32Array(free);
    for (let i = 0; i < free; i++) {
      own[i] = segmentOf(i);
      starts[own[i] + 1]++;
    }
    for (let segment = 0; segment < segments; segment++) {
      const size = starts[segment + 1];
      starts[segment + 1] += starts[segment];
      if (size === 0) continue;
      segmentRows.push(row);
      offsets.push(offsets[offsets.length - 1] + size);
      longest = Math.max(longest, size);
    }
    const first = offsets[offsets.length - 1] - free;
    for (let place = row * length, i = 0; i < free; place++)
      if (mask === undefined || mask[place] === 0) places[first + starts[own[i++]]++] = place;
  }
  const total = offsets[offsets.length - 1];
  return {
    rows: Int32Array.from(segmentRows),
    offsets: Int32Array.from(offsets),
    places: places.slice(0, total),
    longest,
  };
}

/** The frames of `[t,h,w]`. */
export function framesOf(tokens: Tokens, [frames, height, width]: readonly number[]): Segments {
  const cells = height * width;
  return segmentsOf(tokens, () => ({ segments: frames, segmentOf: (i) => Math.floor(i / cells) }));
}

/** The segments of one row. */
export function segmentsOfRow({ rows, offsets, places }: Segments, row: number): Segments {
  const first = rows.indexOf(row);
  const own = rows.filter((other) => other === row);
  const ends = offsets.slice(first, first + own.length + 1);
  if (first === -1) return { rows: own, offsets: new Int32Array(1), places: new Int32Array(), longest: 0 };
  const lengths = own.map((_, i) => ends[i + 1] - ends[i]);
  return {
    rows: own,
    offsets: ends.map((end) => end - ends[0]),
    places: places.subarray(ends[0], ends[own.length]),
    longest: Math.max(...lengths),
  };
}

/** The windows of each picture or frame, line by line. */
export function windowsOf(
  tokens: Tokens,
  grid: readonly number[],
  [high, wide]: readonly [number, number],
): Segments {
  const [height, width] = grid.slice(-2);
  const across = Math.ceil(width / wide);
  const each = Math.ceil(height / high) * across;
  const segmentOf = (i: number) => {
    const [y, x] = [Math.floor(i / width) % height, i % width];
    const window = Math.floor(y / high) * across + Math.floor(x / wide);
    return Math.floor(i / (height * width)) * each + window;
  };
  return segmentsOf(tokens, (free) => ({
    segments: free === 0 ? 0 : each * (free / (height * width)),
    segmentOf,
  }));
}

/** `[S,L,D]` of features `[B,N,D]`, L the longest segment: a view where segments of one length follow one another. */
export function* cutFeatures(features: FloatTensor, segments: Segments): Steps<FloatTensor> {
  const { rows, places, longest } = segments;
  const channels = features.dims[2];
  const dims = [rows.length, longest, channels];
  if (isOneStretch(segments)) {
    const start = (places[0] ?? 0) * channels;
    const data = viewArray('hidden', features.data, start, start + rows.length * longest * channels);
    return { type: features.type, data, dims };
  }
  const indices = new Int32Array(rows.length * longest);
  eachPlace(segments, (place, at) => {
    indices[at] = place;
  });
  const all = reshape(features, [1, features.dims[0] * features.dims[1], channels]);
  const asked: Tensor<'int32'> = { type: 'int32', data: indices, dims: [1, indices.length] };
  return reshape(yield* step.gatherTokens(all, asked, {}), dims);
}

/** `[S,L]` of values `[B,N]`; what is behind the end of a shorter segment is 0. */
export function cutValues<T extends 'float32' | 'int32' | 'int64'>(
  values: Tensor<T>,
  segments: Segments,
): Tensor<T> {
  const cut = zeros(values.type, [segments.rows.length, segments.longest]);
  eachPlace(segments, (place, at) => {
    cut.data[at] = values.data[place];
  });
  return cut;
}

/** uint8 `[S * L]`: 2 behind the end of a shorter segment; undefined where there is none. */
export function segmentMask(segments: Segments): Uint8Array | undefined {
  const { rows, places, longest } = segments;
  if (places.length === rows.length * longest) return undefined;
  const mask = new Uint8Array(rows.length * longest).fill(2);
  eachPlace(segments, (_, at) => {
    mask[at] = 0;
  });
  return mask;
}

/**
 * Each segment as a row of tokens, for a strategy to decide by. Features are cut when they are asked for, since many
 * strategies go by scores alone: in a step by `featuresOf` and `hiddenOf`, which is how strategies here read them, and at
 * once, on the calling thread, where a strategy of someone else's reads `hidden` or `metric` itself.
 *
 * @param grid how the tokens of each segment lie
 */
export function segmentTokens(whole: Tokens, segments: Segments, grid?: readonly number[]): Tokens {
  const { offsets, rows } = segments;
  const cut = (features: FloatTensor) => cutFeatures(features, segments);
  return {
    batch: rows.length,
    isSingle: false,
    length: segments.longest,
    get hidden() {
      return runSync(cut(whole.hidden));
    },
    get metric() {
      return whole.metric && runSync(cut(whole.metric));
    },
    within: { whole, cut },
    q: undefined,
    k: undefined,
    v: undefined,
    layout: whole.layout,
    gradients: undefined,
    shallowQ: undefined,
    shallowK: undefined,
    imageEmbeds: undefined,
    textEmbeds: undefined,
    textMask: undefined,
    grid,
    halting: undefined,
    predictor: undefined,
    scores: whole.scores && cutValues(whole.scores, segments),
    mask: segmentMask(segments),
    rows: Array.from(rows, (_, segment): RowTokens => {
      return { tokens: offsets[segment + 1] - offsets[segment], kept: 0 };
    }),
    sizes: whole.sizes && cutValues(whole.sizes, segments),
    positions: cutPositions(whole, segments),
    layer: whole.layer,
  };
}

function cutPositions({ positions, batch, length }: Tokens, segments: Segments): Tokens['positions'] {
  if (positions.dims.length === 2) return cutValues(positions, segments);
  const [sections] = positions.dims;
  const [from, to] = [batch * length, segments.rows.length * segments.longest];
  const all = zeros(positions.type, [sections, segments.rows.length, segments.longest]);
  for (let section = 0; section < sections; section++)
    eachPlace(segments, (place, at) => {
      all.data[section * to + at] = positions.data[section * from + place];
    });
  return all;
}

/** Each place in `[B * N]` with the one that it has in `[S * L]`. */
export function eachPlace(
  { rows, offsets, places, longest }: Segments,
  visit: (place: number, at: number) => void,
): void {
  for (let segment = 0; segment < rows.length; segment++)
    for (let i = offsets[segment]; i < offsets[segment + 1]; i++)
      visit(places[i], segment * longest + i - offsets[segment]);
}

function isOneStretch({ rows, places, longest }: Segments): boolean {
  return places.length === rows.length * longest && places.every((place, i) => place === places[0] + i);
}

/** The `window` among options: `[wy,wx]`. */
export function readWindow(window: number | readonly [number, number]): readonly [number, number] {
  if (typeof window !== 'number') return readPair('options.window', window);
  const side = readInteger('options.window', window, 1);
  return [side, side];
}
