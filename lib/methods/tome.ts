import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { typeError } from '../errors.js';
import type { BipartitePartition } from '../ops/bipartite-match.js';
import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import type { Strategy } from '../strategies/strategy.js';
import {
  type CountedRow,
  type Method,
  type MethodOptions,
  readMethodOptions,
  tokensLeftBy,
} from './method.js';

/** Options of {@link tome}. */
export interface TomeOptions extends MethodOptions {
  /**
   * Tokens to remove, at most half of the free ones; over layers a list, or `budgets.inflected(...)`. May be left out
   * with `{ every: k }`, where then every source merges.
   */
  readonly r?: Schedule;
  /**
   * Who merges into whom: `'alternate'`, the default; `{ every: k }`, where of every k tokens the last is a
   * destination; or `{ random: seed }`, where r tokens drawn at random merge into the others.
   */
  readonly partition?: Exclude<BipartitePartition, { grid: unknown }>;
  /** How members are joined: `'mean'`, the default, weighted by size; `'sum'`; `'max'`, elementwise; or `'norm'`. */
  readonly reduce?: MergeReduce;
}

/**
 * ToMe, token merging: Bolya et al., "Token Merging: Your ViT But Faster", ICLR 2023, arXiv 2210.09461.
 *
 * Tokens at even places (sources) each find the most similar one at an odd place (destinations), by the cosine
 * of their keys averaged over heads; the r sources most similar to theirs merge into it as the mean weighted by
 * size. Apply it between attention and MLP of every block, handing `sizes` and `mask` on, and
 * `proportionalBias(sizes)` to the next attention. Reads k (or `metric`); mask a class token with 1, and a
 * distillation token behind it.
 *
 * As in the authors' code r is limited to `floor((N - kept) / 2)` and survivors come before destinations, in
 * positional order: a class token first, a distillation token, which is a destination's place, first of those.
 * Unlike it, ties go to the lower index and a zero vector is similar to nothing. Random draws are this package's
 * own, others for each row of a batch.
 *
 * `reference: 'authors'` lists a distillation token second, and the survivors of a row without class token by
 * falling similarity; with `{ every: k }` it drops the last tokens of a row where k does not divide their number,
 * which here are destinations.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function tome(options: TomeOptions): Sieve {
  const given = readOptions(options);
  const { partition = 'alternate', reduce = 'mean' } = given;
  const { isAuthors, positions } = readMethodOptions(given);
  const merge = bipartiteMerge({ partition, reduce, order: isAuthors ? 'authors' : 'index' });
  const strategy = isAuthors && isEvery(partition) ? withoutTail(merge, partition.every) : merge;
  return createSieve({ budget: budgetFor(given), strategy, positions });
}

function budgetFor({ r, partition }: TomeOptions) {
  if (r !== undefined) return countBudget('options.r', 'r', r);
  if (isEvery(partition)) return undefined;
  throw typeError('options.r', 'an integer, an array of integers or a function of the layer', r);
}

function isEvery(partition: BipartitePartition | undefined): partition is { every: number } {
  return typeof partition === 'object' && 'every' in partition;
}

/** Drops the free tokens behind the last whole group of k. */
function withoutTail(merge: Strategy, k: number): Strategy {
  return (decision) => merge({ ...decision, tokens: tailDropped(decision.tokens, k) });
}

function tailDropped(tokens: Tokens, k: number): Tokens {
  const { batch, length } = tokens;
  const mask = tokens.mask?.slice() ?? new Uint8Array(batch * length);
  const rows = tokens.rows.map((row, b) => {
    const own = mask.subarray(b * length, (b + 1) * length);
    const end = own.findLastIndex((state) => state !== 2) + 1;
    let dropped = 0;
    for (let i = end - (end % k); i < end; i++)
      if (own[i] === 0) {
        own[i] = 2;
        dropped++;
      }
    return { ...row, tokens: row.tokens - dropped };
  });
  return { ...tokens, mask, rows };
}

export const method: Method<TomeOptions> = {
  name: 'tome',
  group: 'vision transformers',
  title: 'Token Merging: Your ViT But Faster',
  authors: 'Bolya et al.',
  year: 2023,
  arxiv: '2210.09461',
  licence: 'CC-BY-NC-4.0: written from the paper alone',
  summary: 'merges every second token into its most similar neighbour, r pairs a layer',
  over: 'image',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { r: 8 },
  order: 'bipartite',
  tokensLeft: (options, row) => {
    if (isEvery(options.partition)) return undefined;
    const most = typeof options.partition === 'object' ? row.tokens - row.kept - 1 : halfOfFree(row);
    return leftOfMatch(options.r as Schedule, row, most);
  },
  create: tome,
};

/** What 'alternate' removes at most. */
export function halfOfFree({ tokens, kept }: CountedRow): number {
  return Math.floor((tokens - kept) / 2);
}

/** Tokens left where r go, at most so many. */
export function leftOfMatch(r: Schedule, row: CountedRow, most: number): number {
  return Math.max(tokensLeftBy(countBudget('options.r', 'r', r), row), row.tokens - Math.max(0, most));
}
