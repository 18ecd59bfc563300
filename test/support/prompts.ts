// Prompts for tests: text, a picture of free tokens, text; padding at either end.
import type { FloatType } from 'tokensieve';
import { seeded } from './random.js';
import { randomTensor } from './tensors.js';

export interface PromptShape {
  readonly batch?: number;
  /** Text before the picture, its tokens, text behind it. */
  readonly spans?: readonly [number, number, number];
  /** Padding before and behind. */
  readonly padding?: readonly [number, number];
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly channels?: number;
  readonly type?: FloatType;
  readonly seed?: number;
}

/** Random tokens, their queries and keys, and the mask that goes with them. */
export function promptInputs(shape: PromptShape = {}) {
  const { batch = 1, spans = [2, 9, 4], padding = [0, 0], heads = 4, keyHeads = 2 } = shape;
  const { channels = 6, type = 'float32', seed = 1 } = shape;
  const states = [2, 1, 0, 1, 2];
  const row = [padding[0], ...spans, padding[1]].flatMap((tokens, i) =>
    new Array<number>(tokens).fill(states[i]),
  );
  const random = seeded(seed);
  return {
    hidden: randomTensor(random, type, [batch, row.length, channels]),
    q: randomTensor(random, type, [batch, heads, row.length, 8]),
    k: randomTensor(random, type, [batch, keyHeads, row.length, 8]),
    mask: Uint8Array.from({ length: batch * row.length }, (_, i) => row[i % row.length]),
  };
}

export type PromptInputs = ReturnType<typeof promptInputs>;

/** Places of a row's tokens in a state: 0 the picture's, 1 the text's. */
export function placesOf(mask: Uint8Array, state: 0 | 1, length = mask.length, row = 0): number[] {
  return [...mask.subarray(row * length, (row + 1) * length).keys()].filter(
    (i) => mask[row * length + i] === state,
  );
}

/** So many of those places whose scores are greatest, and the first of equal ones; ascending. */
export function bestPlaces(places: readonly number[], scores: ArrayLike<number>, count: number): number[] {
  const best = [...places].sort((i, j) => scores[j] - scores[i] || i - j);
  return best.slice(0, count).sort((a, b) => a - b);
}
