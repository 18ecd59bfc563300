// Merging once it is decided who may go: each source into the most similar destination.
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { ownPlaces } from './maps.js';
import { nearestTokens } from './nearest.js';

/** Where each token goes. */
export interface Merged {
  /** `[B * N]`: a source's destination, any other token itself, within its row; -1 for a dropped one. */
  readonly into: Int32Array;
  /** `[B * N]`: how similar a source is to its destination; -Infinity for any other. */
  readonly similarity: Float32Array;
}

/**
 * @param features `[B,N,D]`
 * @param sources tokens of each row, in any order; a row that has any has a destination
 * @param destinations tokens of each row; of equally similar ones that which is listed first is chosen
 */
export function* mergeInto(
  features: FloatTensor,
  tokens: Pick<Tokens, 'batch' | 'length' | 'mask'>,
  sources: Ragged,
  destinations: Ragged,
): Steps<Merged> {
  const nearest = yield* nearestTokens(features, sources, destinations);
  const { batch, length } = tokens;
  const into = ownPlaces(tokens);
  const similarity = new Float32Array(batch * length).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < batch; row++)
    for (let at = sources.offsets[row]; at < sources.offsets[row + 1]; at++) {
      const place = row * length + sources.indices.data[at];
      into[place] = nearest.tokens[at];
      similarity[place] = nearest.similarity[at];
    }
  return { into, similarity };
}
