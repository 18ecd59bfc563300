// Small videos between protected tokens, and what plain float64 arithmetic says of them.
import type { SieveInputs } from 'tokensieve';
import { seeded } from './random.js';
import { decode, tensorOf } from './tensors.js';

export interface Video {
  readonly inputs: SieveInputs & { readonly grid: readonly number[] };
  /** The vector at a place of a frame, each counted from 0. */
  at(frame: number, place: number): number[];
  /** The token, counted from the start of the row. */
  token(frame: number, place: number): number;
}

/**
 * One row: two protected tokens, the frames, a protected one. Places of a frame drift from those of the frame before, by
 * little or by much.
 */
export function video(grid: readonly [number, number, number], seed = 1, channels = 4): Video {
  const random = seeded(seed);
  const [frames, cells] = [grid[0], grid[1] * grid[2]];
  const length = 2 + frames * cells + 1;
  const numbers = Float64Array.from({ length: length * channels }, () => random.normal());
  for (let frame = 1; frame < frames; frame++)
    for (let place = 0; place < cells; place++) {
      const drift = random.uniform() ** 2;
      for (let c = 0; c < channels; c++) {
        const i = (2 + frame * cells + place) * channels + c;
        numbers[i] = numbers[i - cells * channels] * (1 - drift) + numbers[i] * drift;
      }
    }
  const hidden = tensorOf('float32', numbers, [1, length, channels]);
  const x = decode(hidden).data;
  const mask = Uint8Array.from({ length }, (_, i) => Number(i < 2 || i === length - 1));
  const token = (frame: number, place: number) => 2 + frame * cells + place;
  return {
    inputs: { hidden, mask, grid },
    token,
    at: (frame, place) => {
      const start = token(frame, place) * channels;
      return [...x.subarray(start, start + channels)];
    },
  };
}

/** 0 with a zero vector. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i], 0);
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms === 0 ? 0 : dot(a, b) / norms;
}

/** Places 0 to count - 1, best first; of equal ones the lower. */
export function ranked(count: number, score: (place: number) => number): number[] {
  const scores = Array.from({ length: count }, (_, place) => score(place));
  return [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
}

export const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);
