import { typeError } from '../errors.js';
import { type ComparedBy, featuresOf } from '../features.js';
import { freeTokens } from '../grid.js';
import { readOptions, readWord } from '../options.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor, Tensor } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { centredMap, identityMap } from './maps.js';
import { mergeInto } from './merge-into.js';
import { presence, raggedOf } from './nearest.js';
import { exponentialWeights, finiteScores } from './score-weights.js';
import type { Plan, Strategy } from './strategy.js';

/** Options of {@link completeMerge}. */
export interface CompleteMergeOptions {
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, or hidden. */
  readonly metric?: ComparedBy;
  /**
   * How scores, where there are any, weight tokens. `'slot'`, the default: by the softmax over those that become one.
   * `'pair'`: by the softmax over each source and its destination, added up, over the sum of sizes.
   */
  readonly weights?: 'slot' | 'pair';
}

/**
 * Complete-graph soft matching (Shi et al. 2023, CrossGET, arXiv 2305.17455): any free token may merge into any other.
 * Tokens stand in the order of their greatest similarity with another; each may go to one that stands behind it, so that
 * no two go to each other, and the r whose best such similarity is greatest are sources. Each goes to the most similar of
 * all that are none. Scores, where there are any, are importance: a source's counts against its similarity, and they
 * weight tokens that merge, with sizes; without them sizes alone do.
 *
 * One round removes at most half of the free tokens; an amount past that is what the round can do. Protected tokens take
 * no part. Slots stand in the order of the tokens merged into.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` naming the option; from the sieve, RangeError for scores that cannot weight
 */
export function completeMerge(options: CompleteMergeOptions = {}): Strategy {
  const { metric = 'keys', weights = 'slot' } = readOptions(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  readWord('options.weights', weights, ['slot', 'pair']);
  return function* (decision) {
    const { tokens } = decision;
    const counts = countsAsked(decision, 'completeMerge');
    if (counts === undefined) throw typeError('budget', 'a budget, which completeMerge goes by', counts);
    const free = tokens.rows.map((_, row) => freeTokens(tokens, row));
    const removed = free.map((own, row) =>
      Math.min(tokens.rows[row].tokens - counts[row], Math.floor(own.length / 2)),
    );
    if (removed.every((r) => r === 0)) return { map: identityMap(tokens) };
    const importance = decision.scores && finiteScores(decision.scores, tokens);
    const features = yield* featuresOf(tokens, metric, 'completeMerge');
    const ranked = yield* bySimilarityToLater(features, tokens, free, importance);
    const sources = ranked.map((own, row) => own.subarray(0, removed[row]));
    const destinations = ranked.map((own, row) => own.slice(removed[row]).sort());
    const { into } = yield* mergeInto(features, tokens, raggedOf(sources), raggedOf(destinations));
    return joined(tokens, into, importance, weights);
  };
}

/** The free tokens of each row, from that which is most like one behind it in the order of greatest similarity. */
function* bySimilarityToLater(
  features: FloatTensor,
  { batch, length, mask }: Tokens,
  free: readonly Int32Array[],
  importance: Float32Array | undefined,
): Steps<Int32Array[]> {
  const isFree: Tensor<'uint8'> = {
    type: 'uint8',
    data: Uint8Array.from({ length: batch * length }, (_, place) => (mask?.[place] ? 2 : 0)),
    dims: [batch, length],
  };
  const own = { aMask: isFree, bMask: isFree };
  const { values } = yield* step.similarityArgmax(features, features, { candidates: 'others', ...own });
  const listed = free.map((tokens, row) => tokens.sort(byScore(rowOfScores(values.data, length, row))));
  const list = raggedOf(listed);
  const { tokens: inOrder } = yield* step.gatherRagged(features, list, {});
  const width = inOrder.dims[1];
  const present = presence(list, width);
  const later = yield* step.similarityArgmax(inOrder, inOrder, {
    candidates: 'later',
    aMask: present,
    bMask: present,
  });
  const priority = new Float64Array(batch * length);
  listed.forEach((tokens, row) => {
    tokens.forEach((token, at) => {
      const place = row * length + token;
      priority[place] = later.values.data[row * width + at] - (importance?.[place] ?? 0);
    });
  });
  return listed.map((tokens, row) => tokens.sort(byScore(rowOfScores(priority, length, row))));
}

function rowOfScores<T extends Float32Array | Float64Array>(scores: T, length: number, row: number): T {
  return scores.subarray(row * length, (row + 1) * length) as T;
}

function joined(
  tokens: Tokens,
  into: Int32Array,
  importance: Float32Array | undefined,
  weights: 'slot' | 'pair',
): Plan {
  const { batch, length, sizes } = tokens;
  const isSlot = (row: number) => (token: number, i: number) => token === i && into[row * length + i] === i;
  const slots = raggedOf(
    Array.from({ length: batch }, (_, row) =>
      into.subarray(row * length, (row + 1) * length).filter(isSlot(row)),
    ),
  );
  if (importance && weights === 'pair') {
    const shares = pairShares(tokens, into, importance);
    return { ...centredMap(tokens, slots, into, shares), merge: { reduce: 'sum' } };
  }
  const own = importance && exponentialWeights(importance, into, tokens);
  return {
    ...centredMap(tokens, slots, into, own),
    merge: { reduce: 'mean', ...(sizes && { weights: sizes }) },
  };
}

/**
 * What each token counts for where every source shares with its destination by their softmax, twice over, times sizes over
 * the sum of the slot's sizes.
 */
function pairShares({ length, sizes }: Tokens, into: Int32Array, importance: Float32Array): Float32Array {
  const shares = new Float64Array(into.length).fill(1);
  const total = new Float64Array(into.length);
  const sizeOf = (place: number) => sizes?.data[place] ?? 1;
  const slotOf = (place: number) => place - (place % length) + into[place];
  into.forEach((to, place) => {
    if (to === -1) return;
    const slot = slotOf(place);
    total[slot] += sizeOf(place);
    if (slot === place) return;
    const share = 1 / (1 + Math.exp(importance[slot] - importance[place]));
    shares[place] = 2 * share;
    shares[slot] += 1 - 2 * share;
  });
  return Float32Array.from(shares, (share, place) => {
    if (into[place] === -1) return 1;
    const sum = total[slotOf(place)];
    return sum > 0 ? (share * sizeOf(place)) / sum : share;
  });
}
