import { rangeError, typeError } from '../errors.js';
import { type ComparedBy, featuresOf } from '../features.js';
import { readOptions, readWord } from '../options.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { adoptTokenMap } from '../token-map.js';
import { withoutOnes } from '../token-map-fields.js';
import { countsAsked } from './amounts.js';
import { destinationsOf } from './destinations.js';
import { identityMap } from './maps.js';
import { matchBothWays } from './match-both-ways.js';
import { type CentredMap, matchedMap, relisted } from './matched.js';
import { requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link multiCriteriaMerge}. */
export interface MultiCriteriaMergeOptions {
  /** Temperature of similarity, above 0: the higher, the less it says. 1 by default. */
  readonly tauSim?: number;
  /** Temperature of information; 20 by default, 0 leaves it out. */
  readonly tauInfo?: number;
  /** Temperature of size; 40 by default, 0 leaves it out. */
  readonly tauSize?: number;
  /** What tokens are compared by where the inputs bring no metric: hidden, the default, or the mean over heads of k. */
  readonly metric?: ComparedBy;
  /**
   * `'index'`, the default: tokens at even places that stay and then those at odd ones, each by place. `'authors'`: free
   * ones at odd places by falling attraction, and in a row that protects no token those at even places too.
   */
  readonly order?: 'index' | 'authors';
}

/**
 * Bidirectional bipartite matching by several criteria (MCTF, Lee et al. 2024, arXiv 2403.10030). Two tokens attract
 * each other by `((cos_ij + 1) / 2)^(1 / tauSim) * (w_i w_j)^(1 / tauInfo) * (s_i s_j)^(1 / tauSize)`, where w is 1 over
 * the score and s 1 over the size. Of r tokens to remove `floor(r / 2)` at even places go into those at odd places; then
 * the rest at odd places, with what has come, into those at even places that are left. Members are joined as the mean
 * weighted by score times size. At most half of the free tokens go; protected ones take no part.
 *
 * Scores are to be from 0; one of 0 or NaN counts as 1e-30.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 *   TypeError for a budget that goes by a rule, or where there are no scores
 */
export function multiCriteriaMerge(options: MultiCriteriaMergeOptions = {}): Strategy {
  const { tauSim = 1, tauInfo = 20, tauSize = 40, metric = 'hidden', order = 'index' } = readOptions(options);
  for (const [name, value] of Object.entries({ tauSim, tauInfo, tauSize }))
    checkTemperature(`options.${name}`, value, name === 'tauSim');
  readWord('options.metric', metric, ['hidden', 'keys']);
  readWord('options.order', order, ['index', 'authors']);
  return function* (decision) {
    const { tokens } = decision;
    const counts = countsAsked(decision, 'multiCriteriaMerge');
    const removed = tokens.rows.map(({ tokens: all, kept }, row) =>
      Math.min(all - (counts?.[row] ?? 0), Math.floor((all - kept) / 2)),
    );
    if (removed.every((r) => r === 0)) return { map: identityMap(tokens) };
    const scores = requiredScores(decision).data;
    const features = yield* featuresOf(tokens, metric, 'multiCriteriaMerge');
    const factors = factorsOf(tokens, scores, tauInfo, tauSize);
    const matched = yield* matchBothWays(tokens, { features, temperature: tauSim, factors }, removed);
    const isOdd = destinationsOf('alternate', tokens) as Uint8Array;
    const inPlace = matchedMap(tokens, matched.into, isOdd);
    const { map, centres } =
      order === 'authors' ? byAttraction(inPlace, tokens, matched.attraction) : inPlace;
    const weights = withoutOnes(weightsOf(map, tokens, scores));
    const { sizes } = tokens;
    return { map: adoptTokenMap({ ...map, weights }), centres, ...(sizes && { merge: { weights: sizes } }) };
  };
}

function checkTemperature(path: string, value: unknown, isNeeded: boolean): void {
  if (typeof value !== 'number') throw typeError(path, 'a number', value);
  if (!Number.isFinite(value) || value < 0 || (isNeeded && value === 0))
    throw rangeError(path, isNeeded ? 'a number above 0' : 'a number from 0', value);
}

/** What stands for a score or a size of 0, whose inverse there is none of. */
const least = 1e-30;
const above = (value: number) => (Number.isNaN(value) ? least : Math.max(value, least));

/** `[B * N]`: `w^(1 / tauInfo) * s^(1 / tauSize)`, w and s being at most 1 in each row. */
function factorsOf(tokens: Tokens, scores: Float32Array, tauInfo: number, tauSize: number): Float64Array {
  const factors = new Float64Array(scores.length).fill(1);
  const multiply = (values: Float32Array | undefined, temperature: number) => {
    if (values === undefined || temperature === 0) return;
    inverses(values, tokens).forEach((inverse, place) => {
      factors[place] *= inverse ** (1 / temperature);
    });
  };
  multiply(scores, tauInfo);
  multiply(tokens.sizes?.data, tauSize);
  return factors;
}

/** 1 over each value, over the greatest such of its row. */
function inverses(values: Float32Array, { batch, length, mask }: Tokens): Float64Array {
  const smallest = new Float64Array(batch).fill(Number.POSITIVE_INFINITY);
  const rowOf = (place: number) => Math.floor(place / length);
  values.forEach((value, place) => {
    if (mask?.[place] !== 2) smallest[rowOf(place)] = Math.min(smallest[rowOf(place)], above(value));
  });
  return Float64Array.from(values, (value, place) =>
    mask?.[place] === 2 ? 1 : smallest[rowOf(place)] / above(value),
  );
}

/** What each member counts for besides its size: its score where there are several. */
function weightsOf(
  { members, offsets, outputLengths }: CentredMap['map'],
  { length }: Tokens,
  scores: Float32Array,
) {
  const weights = new Float32Array(members.length).fill(1);
  for (let row = 0, slot = 0; row < outputLengths.length; row++)
    for (const end = slot + outputLengths[row]; slot < end; slot++)
      for (let at = offsets[slot]; at < offsets[slot + 1] && offsets[slot + 1] - offsets[slot] > 1; at++)
        weights[at] = above(scores[row * length + members[at]]);
  return weights;
}

/** Slots as the authors list them, in rows where something merges. */
function byAttraction({ map, centres }: CentredMap, tokens: Tokens, attraction: Float64Array): CentredMap {
  const listing = centres.map((_, slot) => slot);
  let first = 0;
  map.outputLengths.forEach((count, row) => {
    const own = listing.subarray(first, first + count);
    first += count;
    const { tokens: all, kept } = tokens.rows[row];
    if (count === all) return;
    const placeOf = (slot: number) => row * tokens.length + centres[slot];
    const byPlace = own.findIndex((slot) => centres[slot] % 2 === 1);
    const groups = byPlace === -1 ? [own] : [own.subarray(0, byPlace), own.subarray(byPlace)];
    for (const [group, slots] of groups.entries()) {
      if (group === 0 && kept > 0) continue;
      const isKept = (slot: number) => Number(tokens.mask?.[placeOf(slot)] === 1);
      const compare = byScore(attraction.subarray(row * tokens.length, (row + 1) * tokens.length));
      slots.sort((i, j) => isKept(j) - isKept(i) || (isKept(i) ? i - j : compare(centres[i], centres[j])));
    }
  });
  return { map: relisted(map, listing), centres: listing.map((slot) => centres[slot]) };
}
