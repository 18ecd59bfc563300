// Scores that say what a token counts for among those it merges with.
import { rangeError } from '../errors.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Tensor } from '../tensor.js';

/** The scores of tokens that are not dropped must be finite. */
export function finiteScores(scores: Tensor<'float32'>, { length, mask }: Tokens): Float32Array {
  const bad = scores.data.findIndex((score, place) => mask?.[place] !== 2 && !Number.isFinite(score));
  if (bad === -1) return scores.data;
  const path = `scores[${Math.floor(bad / length)},${bad % length}]`;
  throw rangeError(path, 'a finite number to weight a token by', scores.data[bad]);
}

/**
 * exp(score), over the greatest of those it merges with so that none overflows and one is 1.
 *
 * @param leaders `[B * N]`: one token of each that merge together, the same for all of them; -1 for one that goes nowhere
 */
export function exponentialWeights(
  scores: Float32Array,
  leaders: Int32Array,
  { length }: Tokens,
): Float32Array {
  const greatest = new Float32Array(leaders.length).fill(Number.NEGATIVE_INFINITY);
  const placeOf = (place: number) => place - (place % length) + leaders[place];
  leaders.forEach((leader, place) => {
    if (leader !== -1) greatest[placeOf(place)] = Math.max(greatest[placeOf(place)], scores[place]);
  });
  return scores.map((score, place) =>
    leaders[place] === -1 ? 1 : Math.exp(score - greatest[placeOf(place)]),
  );
}
