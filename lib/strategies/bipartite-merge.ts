import { rangeError } from '../errors.js';
import { type ComparedBy, featuresOf, rowOf, tokensFrom } from '../features.js';
import { freeTokens } from '../grid.js';
import { type BipartitePartition, readPartition } from '../ops/bipartite-match.js';
import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions, readWord } from '../options.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { adoptTokenMap, type TokenMap } from '../token-map.js';
import { countsAsked } from './amounts.js';
import { destinationsOf, endOf } from './destinations.js';
import { readJoin } from './join.js';
import { identityMap, ownPlaces } from './maps.js';
import { listedAsAuthors, matchCentres, matchedMap } from './matched.js';
import { raggedOf } from './nearest.js';
import type { Decision, Plan } from './strategy.js';

/** Options of {@link bipartiteMerge}. */
export interface BipartiteMergeOptions {
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, or hidden. */
  readonly metric?: ComparedBy;
  /** Merges only pairs at least as similar; how many, without a budget, this alone decides. */
  readonly threshold?: number;
  /**
   * Who are sources and who destinations; see `bipartiteMatch`. A grid of fewer cells than there are tokens is of the
   * free ones of each row.
   */
  readonly partition?: BipartitePartition;
  /** How members are joined: `'mean'`, the default, and `'norm'` weight them by size. */
  readonly reduce?: MergeReduce;
  /**
   * `'index'`, the default: the sources that stay and then the destinations, each by place. `'authors'`: as ToMe's
   * code, where no token of a row is protected, the sources that stay by falling similarity with their destinations;
   * where its first two are, a class and a distillation token, those two before all others.
   */
  readonly order?: 'index' | 'authors';
}

/**
 * Bipartite soft matching (Bolya et al. 2023, arXiv 2210.09461): every second token is a source, and those most
 * similar to their best destination merge into it. One round removes at most half of the free tokens; an amount
 * past that is what the round can do. Protected tokens take no part. Needs no scores.
 *
 * With `{ every: k }` the tokens of a row are counted up to its last that is not dropped. A slot stands for its
 * destination; where sources are drawn at random, for its lowest member.
 */
export function bipartiteMerge(options: BipartiteMergeOptions = {}): (decision: Decision) => Steps<Plan> {
  const given = readOptions(options);
  const { metric = 'keys', threshold, partition = 'alternate', reduce = 'mean', order = 'index' } = given;
  readWord('options.metric', metric, ['keys', 'hidden']);
  readWord('options.order', order, ['index', 'authors']);
  readPartition(partition);
  const join = readJoin(reduce);
  const matching = { partition, ...(threshold !== undefined && { threshold }) };
  return function* (decision) {
    const { tokens } = decision;
    const removed = removedOf(decision);
    if (removed.every((r) => r === 0)) return { map: identityMap(tokens) };
    const features = yield* featuresOf(tokens, metric, 'bipartiteMerge');
    const map = yield* matchRows(features, tokens, removed, matching);
    const isDestination = destinationsOf(partition, tokens);
    if (isDestination === undefined) return { map, merge: join(tokens) };
    const matched = { map, centres: matchCentres(map, isDestination) };
    const listed =
      order === 'index' ? matched : yield* listedAsAuthors(matched, features, tokens, isDestination);
    return { ...listed, merge: join(tokens) };
  };
}

function removedOf(decision: Decision): number[] {
  const counts = countsAsked(decision, 'bipartite merging');
  return decision.tokens.rows.map((row, i) => (counts === undefined ? row.tokens : row.tokens - counts[i]));
}

interface Matching {
  readonly partition: BipartitePartition;
  readonly threshold?: number;
}

/** One call where all rows are of a kind, else one a row. */
function* matchRows(
  features: FloatTensor,
  tokens: Tokens,
  removed: readonly number[],
  matching: Matching,
): Steps<TokenMap> {
  const { batch, length, mask } = tokens;
  const { partition } = matching;
  if (
    typeof partition === 'object' &&
    'grid' in partition &&
    partition.grid[0] * partition.grid[1] !== length
  )
    return yield* matchFreeCells(features, tokens, removed, { ...matching, partition });
  const ends = removed.map((_, row) =>
    typeof partition === 'object' && 'every' in partition ? endOf(tokens, row) : length,
  );
  if (removed.every((r) => r === removed[0]) && ends.every((end) => end === length))
    return yield* step.bipartiteMatch(features, { ...matching, r: removed[0], ...(mask && { mask }) });
  const maps: TokenMap[] = [];
  for (let row = 0; row < batch; row++) {
    const own = tokensFrom(features, row * length, ends[row]);
    const ownMask = mask && { mask: mask.subarray(row * length, row * length + ends[row]) };
    maps.push(yield* step.bipartiteMatch(own, { ...matching, r: removed[row], ...ownMask }));
  }
  return stackRows(maps, length);
}

/** Matches the free tokens of each row as the cells of a grid; the others stay where they are. */
function* matchFreeCells(
  features: FloatTensor,
  tokens: Tokens,
  removed: readonly number[],
  matching: Matching & { readonly partition: Extract<BipartitePartition, { grid: unknown }> },
): Steps<TokenMap> {
  const { batch, length } = tokens;
  const { grid } = matching.partition;
  const free = tokens.rows.map((_, row) => freeTokens(tokens, row));
  free.forEach(({ length: count }, row) => {
    if (count === 0 || count === grid[0] * grid[1]) return;
    const expected = `of ${count} cells, the free tokens of row ${row}`;
    throw rangeError('options.partition.grid', expected, grid, 'ERR_TOKENSIEVE_SHAPE');
  });
  const into = ownPlaces(tokens);
  const isDestination = destinationsOf(matching.partition, tokens) as Uint8Array;
  for (let row = 0; row < batch; row++) {
    if (free[row].length === 0) continue;
    const own = yield* step.gatherRagged(rowOf(features, row), raggedOf([free[row]]), {});
    const map = yield* step.bipartiteMatch(own.tokens, { ...matching, r: removed[row] });
    const places = free[row].map((token) => row * length + token);
    const cellCentres = matchCentres(
      map,
      Uint8Array.from(places, (place) => isDestination[place]),
    );
    map.assignment.forEach((slot, cell) => {
      into[places[cell]] = free[row][cellCentres[slot]];
    });
  }
  return matchedMap(tokens, into, isDestination).map;
}

/** Maps of one row each as one map of many. */
function stackRows(maps: readonly TokenMap[], inputLength: number): TokenMap {
  const offsets = [0];
  for (const map of maps) {
    const start = offsets[offsets.length - 1];
    for (const end of map.offsets.subarray(1)) offsets.push(start + end);
  }
  return adoptTokenMap({
    rowDims: [maps.length],
    inputLength,
    outputLengths: Int32Array.from(maps, (map) => map.outputLengths[0]),
    offsets: Int32Array.from(offsets),
    members: Int32Array.from(maps.flatMap((map) => [...map.members])),
    weights: undefined,
    assignment: assignmentOf(maps, inputLength),
    isPartition: true,
  });
}

/** `[B * N]`; a map of a row that ends sooner drops what is behind. */
function assignmentOf(maps: readonly TokenMap[], inputLength: number): Int32Array {
  const all = new Int32Array(maps.length * inputLength).fill(-1);
  maps.forEach((map, row) => {
    all.set(map.assignment, row * inputLength);
  });
  return all;
}
