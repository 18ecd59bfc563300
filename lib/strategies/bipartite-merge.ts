import { type ComparedBy, featuresOf, rowOf } from '../features.js';
import type { BipartiteMatchOptions, BipartitePartition } from '../ops/bipartite-match.js';
import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions, readWord } from '../options.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { adoptTokenMap, type TokenMap } from '../token-map.js';
import { countsAsked } from './amounts.js';
import { readJoin } from './join.js';
import { identityMap } from './maps.js';
import type { Decision, Strategy } from './strategy.js';

/** Options of {@link bipartiteMerge}. */
export interface BipartiteMergeOptions {
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, or hidden. */
  readonly metric?: ComparedBy;
  /** Merges only pairs at least as similar; how many, without a budget, this alone decides. */
  readonly threshold?: number;
  /** Who are sources and who destinations; see `bipartiteMatch`. */
  readonly partition?: BipartitePartition;
  /** How members are joined: `'mean'`, the default, and `'norm'` weight them by size. */
  readonly reduce?: MergeReduce;
}

/**
 * Bipartite soft matching (Bolya et al. 2023, arXiv 2210.09461): every second token is a source, and those most
 * similar to their best destination merge into it. One round removes at most half of the free tokens; an amount
 * past that is what the round can do. Protected tokens take no part. Needs no scores.
 */
export function bipartiteMerge(options: BipartiteMergeOptions = {}): Strategy {
  const { metric = 'keys', threshold, partition, reduce = 'mean' } = readOptions(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  const join = readJoin(reduce);
  const matching = { ...(threshold !== undefined && { threshold }), ...(partition && { partition }) };
  return function* (decision) {
    const { tokens } = decision;
    const removed = removedOf(decision);
    if (removed.every((r) => r === 0)) return { map: identityMap(tokens) };
    const features = yield* featuresOf(tokens, metric, 'bipartiteMerge');
    const map = yield* matchRows(features, tokens, removed, matching);
    return { map, merge: join(tokens) };
  };
}

function removedOf(decision: Decision): number[] {
  const counts = countsAsked(decision, 'bipartite merging');
  return decision.tokens.rows.map((row, i) => (counts === undefined ? row.tokens : row.tokens - counts[i]));
}

/** One call where all rows remove the same number, else one a row. */
function* matchRows(
  features: FloatTensor,
  { batch, length, mask }: Tokens,
  removed: readonly number[],
  matching: Omit<BipartiteMatchOptions, 'r' | 'mask'>,
): Steps<TokenMap> {
  if (removed.every((r) => r === removed[0]))
    return yield* step.bipartiteMatch(features, { ...matching, r: removed[0], ...(mask && { mask }) });
  const maps: TokenMap[] = [];
  for (let row = 0; row < batch; row++) {
    const own = rowOf(features, row);
    const ownMask = mask && { mask: mask.subarray(row * length, (row + 1) * length) };
    maps.push(yield* step.bipartiteMatch(own, { ...matching, r: removed[row], ...ownMask }));
  }
  return stackRows(maps, length);
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
    assignment: Int32Array.from(maps.flatMap((map) => [...map.assignment])),
    isPartition: true,
  });
}
