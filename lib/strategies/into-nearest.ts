// Tokens that stay, and others that go into the most similar of some of them.
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { mergeInto } from './merge-into.js';
import { raggedOf } from './nearest.js';

/** Tokens of each row. */
type Rows = readonly (Int32Array | readonly number[])[];

/**
 * For each token the one that it goes into, as `centredMap` takes them: `[B * N]`, its own place for one that stays, and
 * -1 where it is dropped. A row that has a token that does not stay has a taker.
 *
 * @param features `[B,N,D]`
 * @param alone tokens that stay as they are
 * @param takers tokens that stay, and that each other token goes into the most similar of
 */
export function* intoNearest(
  tokens: Tokens,
  features: FloatTensor,
  alone: Rows,
  takers: Rows,
): Steps<Int32Array> {
  const sources = takers.map((_, row) => {
    const isSource = new Uint8Array(tokens.length);
    for (let i = 0; i < tokens.length; i++)
      isSource[i] = Number(tokens.mask?.[row * tokens.length + i] !== 2);
    for (const staying of [alone[row], takers[row]]) for (const i of staying) isSource[i] = 0;
    return Int32Array.from(isSource.keys()).filter((i) => isSource[i] === 1);
  });
  return (yield* mergeInto(features, tokens, raggedOf(sources), raggedOf(takers))).into;
}
