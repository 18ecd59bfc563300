import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { attentionReceived } from '../criteria/attention-received.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { type MultiCriteriaMergeOptions, multiCriteriaMerge } from '../strategies/multi-criteria-merge.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';
import { halfOfFree, leftOfMatch } from './tome.js';

/** Options of {@link mctf}. */
export interface MctfOptions
  extends MethodOptions,
    Pick<MultiCriteriaMergeOptions, 'tauSim' | 'tauInfo' | 'tauSize'> {
  /** Tokens to remove, at most half of the free ones. */
  readonly r: Schedule;
}

/**
 * MCTF, multi-criteria token fusion: Lee et al., "Multi-criteria Token Fusion with One-step-ahead Attention for
 * Efficient Vision Transformers", CVPR 2024, arXiv 2403.10030.
 *
 * Two tokens attract each other by
 * `((cos_ij + 1) / 2)^(1 / tauSim) * (w_i w_j)^(1 / tauInfo) * (s_i s_j)^(1 / tauSize)`: alike, of little information
 * (w is 1 over the attention that a token receives in the mean), and small (s is 1 over its size). `floor(r / 2)`
 * tokens at even places go into those at odd places, and the rest of r from there, with what has come, into those at
 * even places that are left. Members are joined as the mean weighted by attention times size. Tokens are compared by
 * `hidden` (or `metric`). Reads q and k: one step ahead, those of the attention that comes next, computed from the
 * tokens as they are. Mask a class token with 1, and hand `sizes` and `mask` on.
 *
 * The authors fuse that attention's matrix as they fuse the tokens, to use it in the next layer; here there is no such
 * matrix, so attend anew. Nor does this stop at 10 tokens, as their code does. `reference: 'authors'` lists the free
 * tokens at odd places that stay by falling attraction, and in a row that protects none those at even places too.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function mctf(options: MctfOptions): Sieve {
  const { r, tauSim = 1, tauInfo = 20, tauSize = 40 } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  return createSieve({
    criterion: attentionReceived(),
    budget: countBudget('options.r', 'r', r),
    strategy: multiCriteriaMerge({ tauSim, tauInfo, tauSize, order: isAuthors ? 'authors' : 'index' }),
    positions,
  });
}

export const method: Method<MctfOptions> = {
  name: 'mctf',
  group: 'vision transformers',
  title: 'Multi-criteria Token Fusion with One-step-ahead Attention for Efficient Vision Transformers',
  authors: 'Lee et al.',
  year: 2024,
  arxiv: '2403.10030',
  licence: 'none: written anew',
  summary: 'merges what is alike, says little and is small, there and back between every second token',
  over: 'image',
  classToken: false,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { r: 8 },
  order: 'bipartite',
  tokensLeft: ({ r }, row) => leftOfMatch(r, row, halfOfFree(row)),
  create: mctf,
};
