// Masks of tokens for tests.
import type { Random } from './random.js';

/** A mask of `count` tokens of which about one in five is kept (1) and one in five dropped (2). */
export function randomMask(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => [0, 0, 0, 1, 2][random.integer(5)]);
}
