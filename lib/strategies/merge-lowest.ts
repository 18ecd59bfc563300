import { typeError } from '../errors.js';
import { type ComparedBy, featuresOf } from '../features.js';
import { freeTokens } from '../grid.js';
import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions, readWord } from '../options.js';
import { byScore, compareScores } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { countsAsked } from './amounts.js';
import { readJoin } from './join.js';
import { centredMap, identityMap } from './maps.js';
import { type Merged, mergeInto } from './merge-into.js';
import { raggedOf } from './nearest.js';
import { type KeptOrder, readOrder, requiredScores } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link mergeLowest}. */
export interface MergeLowestOptions {
  /**
   * Who merges into whom, r being how many are to go, and free tokens ranked from the lowest score on. `'alternate'`, the
   * default: the first 2r are dealt out in turn to sources and destinations. `'halves'`: the first r are sources, the
   * next r destinations. `'parity'`: all are dealt out in turn, and the r sources most similar to theirs merge.
   */
  readonly split?: 'alternate' | 'halves' | 'parity';
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, or hidden. */
  readonly metric?: ComparedBy;
  /** How members are joined: `'mean'`, the default, and `'norm'` weight them by size. */
  readonly reduce?: MergeReduce;
  /** Of the slots: by place, the default, or by rising score behind the protected ones; destinations last in either. */
  readonly order?: KeptOrder;
}

/**
 * Merging among the tokens that score lowest, each source into its most similar destination, as PiToMe does with those
 * of highest energy (Tran et al. 2024, arXiv 2405.16148). One round removes at most half of the free tokens; an amount
 * past that is what the round can do. Protected tokens take no part. A row that removes none is left as it is.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` naming the option; from the sieve, TypeError for a budget that is left out or
 * goes by a rule
 */
export function mergeLowest(options: MergeLowestOptions = {}): Strategy {
  const { split = 'alternate', metric = 'keys', reduce = 'mean' } = readOptions(options);
  readWord('options.split', split, ['alternate', 'halves', 'parity']);
  readWord('options.metric', metric, ['keys', 'hidden']);
  const order = readOrder(options);
  const join = readJoin(reduce);
  return function* (decision) {
    const { tokens } = decision;
    const counts = countsAsked(decision, 'mergeLowest');
    if (counts === undefined) throw typeError('budget', 'a budget, which mergeLowest goes by', counts);
    const scores = requiredScores(decision).data;
    const rows = counts.map((count, row) => dealOut(tokens, scores, row, count, split));
    if (rows.every(({ r }) => r === 0)) return { map: identityMap(tokens) };
    const merged = yield* mergeInto(
      yield* featuresOf(tokens, metric, 'mergeLowest'),
      tokens,
      raggedOf(rows.map(({ sources }) => sources)),
      raggedOf(rows.map(({ destinations }) => destinations.slice().sort())),
    );
    const slots = rows.map((dealt, row) => {
      releaseOthers(dealt, merged, row * tokens.length);
      return slotsOf(dealt, merged, tokens, row, order);
    });
    return { ...centredMap(tokens, raggedOf(slots), merged.into), merge: join(tokens) };
  };
}

/** Tokens of a row by their part in the round. */
interface Dealt {
  /** How many sources merge. */
  readonly r: number;
  /** All free tokens, by rising score. */
  readonly ranked: Int32Array;
  readonly sources: Int32Array;
  readonly destinations: Int32Array;
}

function dealOut(
  tokens: Tokens,
  scores: Float32Array,
  row: number,
  count: number,
  split: 'alternate' | 'halves' | 'parity',
): Dealt {
  const own = scores.subarray(row * tokens.length, (row + 1) * tokens.length);
  const ranked = freeTokens(tokens, row).sort((i, j) => compareScores(own[j], own[i]) || i - j);
  const r = Math.min(tokens.rows[row].tokens - count, Math.floor(ranked.length / 2));
  const dealt = ranked.subarray(0, r === 0 ? 0 : split === 'parity' ? ranked.length : 2 * r);
  const isSource = (rank: number) => (split === 'halves' ? rank < r : rank % 2 === 0);
  const sources = dealt.filter((_, rank) => isSource(rank));
  return { r, ranked, sources, destinations: dealt.filter((_, rank) => !isSource(rank)) };
}

/** Leaves alone the sources that are not among the r most similar to theirs. */
function releaseOthers({ r, sources }: Dealt, { into, similarity }: Merged, start: number): void {
  if (r >= sources.length) return;
  const own = similarity.subarray(start);
  for (const source of sources.slice().sort(byScore(own)).subarray(r)) into[start + source] = source;
}

/** The tokens of a row that are merged into no other: those no other is merged into either, then the destinations. */
function slotsOf(
  { r, ranked, destinations }: Dealt,
  { into }: Merged,
  { length, mask }: Tokens,
  row: number,
  order: KeptOrder,
): number[] {
  const own = into.subarray(row * length, (row + 1) * length);
  const isDestination = new Uint8Array(length);
  for (const i of destinations) isDestination[i] = 1;
  const isLeft = (i: number) => own[i] === i && isDestination[i] === 0;
  const slots: number[] = [];
  if (order === 'index' || r === 0) {
    for (let i = 0; i < length; i++) if (isLeft(i)) slots.push(i);
    for (let i = 0; i < length; i++) if (isDestination[i] === 1) slots.push(i);
    return slots;
  }
  for (let i = 0; i < length; i++) if (mask?.[row * length + i] === 1) slots.push(i);
  return [...slots, ...ranked.filter(isLeft), ...destinations];
}
