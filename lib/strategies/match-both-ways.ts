// Bipartite matching that goes there and back, by more than similarity.
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { freeAt } from './destinations.js';
import { ownPlaces } from './maps.js';
import { nearestTokens, raggedOf } from './nearest.js';

/** How much a pair attracts one another: `((1 + cos_ij) / 2)^(1 / temperature) * factors[i] * factors[j]`. */
export interface Attraction {
  /** `[B,N,D]` */
  readonly features: FloatTensor;
  /** Above 0. */
  readonly temperature: number;
  /** `[B * N]`, finite and not negative. */
  readonly factors: Float64Array;
}

/** Where each token goes, and by what. */
export interface MatchedBothWays {
  /** `[B * N]`: the token at which each ends up within its row, itself where it stays; -1 for a dropped one. */
  readonly into: Int32Array;
  /** `[B * N]`: the attraction of each free token to the best that it could choose; -Infinity where there is none. */
  readonly attraction: Float64Array;
}

/**
 * Of each row `floor(r / 2)` free tokens at even places go into those at odd places that attract them most, the most
 * attracted first; then the rest of r at odd places, with what went into them, into those at even places that are left.
 * Attraction is that of the tokens as they came, both times.
 *
 * @param removed r of each row
 */
export function* matchBothWays(
  tokens: Tokens,
  attraction: Attraction,
  removed: readonly number[],
): Steps<MatchedBothWays> {
  const { batch, length } = tokens;
  const into = ownPlaces(tokens);
  const best = new Float64Array(batch * length).fill(Number.NEGATIVE_INFINITY);
  const [even, odd] = [freeAt(tokens, 0), freeAt(tokens, 1)];
  const there = removed.map((r) => Math.floor(r / 2));
  yield* send(length, attraction, even, odd, there, into, best);
  const left = even.map((own, row) => own.filter((i) => into[row * length + i] === i));
  const back = removed.map((r, row) => r - there[row]);
  yield* send(length, attraction, odd, left, back, into, best);
  for (let place = 0; place < into.length; place++)
    if (into[place] !== -1) into[place] = into[place - (place % length) + into[place]];
  return { into, attraction: best };
}

/** Sends the most attracted of each row's sources, so many, to their destinations. */
function* send(
  length: number,
  { features, temperature, factors }: Attraction,
  sources: readonly number[][],
  destinations: readonly number[][],
  counts: readonly number[],
  into: Int32Array,
  best: Float64Array,
): Steps<void> {
  // The power of a temperature keeps the order of what is above 0, so the greatest product can be found before it.
  const raised = Float32Array.from(factors, (factor) => factor ** temperature);
  const { tokens, similarity } = yield* nearestTokens(
    features,
    raggedOf(sources),
    raggedOf(destinations),
    'cosine',
    raised,
  );
  let first = 0;
  sources.forEach((own, row) => {
    own.forEach((source, i) => {
      const found = tokens[first + i];
      const place = row * length + source;
      if (found !== -1)
        best[place] = Math.max(0, similarity[first + i]) ** (1 / temperature) * factors[place];
    });
    const most = destinations[row].length === 0 ? 0 : counts[row];
    const strength = own.map((source) => best[row * length + source]);
    const order = Int32Array.from(own.keys()).sort(byScore(strength));
    for (const i of order.subarray(0, most)) into[row * length + own[i]] = tokens[first + i];
    first += own.length;
  });
}
