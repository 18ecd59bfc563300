import { countBudget } from '../budgets/count.js';
import { needLayer, type Schedule } from '../budgets/schedule.js';
import { readInteger, readOptions, readWord } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import type { Plan } from '../strategies/strategy.js';
import { adoptTokenMap } from '../token-map.js';
import { withoutOnes } from '../token-map-fields.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';
import { halfOfFree, leftOfMatch } from './tome.js';

/** Options of {@link tofu}. */
export interface TofuOptions extends MethodOptions {
  /** Tokens to remove, at most half of the free ones. */
  readonly r: Schedule;
  /** So many first layers prune instead of merging; 0 by default. Needs `inputs.layer` where it is not 0. */
  readonly prune?: number;
  /** How the later layers join members: `'norm'`, the default, is the paper's MLERP; or the `'mean'`. */
  readonly reduce?: 'norm' | 'mean';
}

/**
 * ToFu, token fusion: Kim et al., "Token Fusion: Bridging the Gap between Token Pruning and Token Merging",
 * WACV 2024, arXiv 2312.01026.
 *
 * Tokens are matched as by ToMe. In the first layers, which respond to their inputs least linearly, a destination
 * stays as it is and what matches it is dropped; the map still says who went where, so that restoring gives them
 * their destination, and sizes add up. In the later ones they are merged, by MLERP: the mean's direction at the norm
 * of the largest member. Reads k (or `metric`); mask a class token with 1, and hand `sizes` and `mask` on as with
 * ToMe.
 *
 * The authors published no code. One by others divides MLERP's mean by the norm that the destination had, which
 * leaves a vector of another norm than the largest; here it is divided by its own. `reference: 'authors'` lists
 * survivors as it does in `tome`, from which that code is derived.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function tofu(options: TofuOptions): Sieve {
  const { r, prune = 0, reduce = 'norm' } = readOptions(options);
  readInteger('options.prune', prune, 0);
  readWord('options.reduce', reduce, ['norm', 'mean']);
  const { isAuthors, positions } = readMethodOptions(options);
  const merge = bipartiteMerge({ reduce, order: isAuthors ? 'authors' : 'index' });
  return createSieve({
    budget: countBudget('options.r', 'r', r),
    strategy: function* (decision) {
      const plan = yield* merge(decision);
      const isEarly = prune > 0 && needLayer(decision.tokens.layer, 'options.prune') < prune;
      return isEarly ? destinationsAsTheyAre(plan) : plan;
    },
    positions,
  });
}

/** Each slot made of the token that it stands for alone, though the others still belong to it. */
function destinationsAsTheyAre({ map, centres }: Plan): Plan {
  if (centres === undefined) return { map };
  const weights = new Float32Array(map.members.length);
  centres.forEach((centre, slot) => {
    for (let at = map.offsets[slot]; at < map.offsets[slot + 1]; at++)
      weights[at] = Number(map.members[at] === centre);
  });
  return {
    map: adoptTokenMap({ ...map, weights: withoutOnes(weights) }),
    centres,
    merge: { reduce: 'mean' },
  };
}

export const method: Method<TofuOptions> = {
  name: 'tofu',
  group: 'vision transformers',
  title: 'Token Fusion: Bridging the Gap between Token Pruning and Token Merging',
  authors: 'Kim et al.',
  year: 2024,
  arxiv: '2312.01026',
  licence: 'no code published: written from the paper',
  summary: 'matches as ToMe; first layers drop what matches, later ones merge it at the largest norm',
  over: 'image',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { r: 8 },
  order: 'bipartite',
  tokensLeft: ({ r }, row) => leftOfMatch(r, row, halfOfFree(row)),
  create: tofu,
};
