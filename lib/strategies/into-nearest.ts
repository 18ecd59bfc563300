// Tokens that stay, and others that go into the most similar of some of them.
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { nearestTokens, raggedOf } from './nearest.js';

/** Tokens of each row. */
type Rows = readonly ArrayLike<number>[];

/**
 * For each token the one that it goes into, as `centredMap` takes them: `[B * N]`, its own place for one that stays, and
 * -1 where it is dropped or there is none to go into.
 *
 * @param features `[B,N,D]`
 * @param alone tokens that stay as they are
 * @param takers tokens that stay, and that each other token goes into the most similar of
 */
export function* intoNearest(
  { batch, length, mask }: Pick<Tokens, 'batch' | 'length' | 'mask'>,
  features: FloatTensor,
  alone: Rows,
  takers: Rows,
): Steps<Int32Array> {
  const into = new Int32Array(batch * length).fill(-1);
  for (const rows of [alone, takers])
    for (let row = 0; row < batch; row++)
      for (let at = 0; at < rows[row].length; at++) into[row * length + rows[row][at]] = rows[row][at];
  const others = raggedOf(
    takers.map((_, row) => {
      const own = into.subarray(row * length, (row + 1) * length);
      return Int32Array.from(own.keys()).filter((i) => own[i] === -1 && mask?.[row * length + i] !== 2);
    }),
  );
  const nearest = yield* nearestTokens(features, others, raggedOf(takers));
  for (let row = 0; row < batch; row++)
    for (let at = others.offsets[row]; at < others.offsets[row + 1]; at++)
      into[row * length + others.indices.data[at]] = nearest.tokens[at];
  return into;
}
