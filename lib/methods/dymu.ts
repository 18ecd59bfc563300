import { readSchedule, type Schedule } from '../budgets/schedule.js';
import { rangeError } from '../errors.js';
import { readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import { identityMap } from '../strategies/maps.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link dymu}. */
export interface DymuOptions extends MethodOptions {
  /** The cosine from which on a token merges: a number, or over layers a list; see `dymuThreshold`. */
  readonly threshold: Schedule;
}

/**
 * DyMU, the dynamic merging of its encoder: Wang et al., "DyMU: Dynamic Merging and Virtual Unmerging for Efficient
 * VLMs", 2025, arXiv 2504.17040.
 *
 * ToMe where each layer has a threshold instead of r: every token at an even place whose cosine with the most similar
 * one at an odd place reaches it merges into that, as the mean weighted by size, so that a plain picture leaves fewer
 * tokens than a busy one. `dymuThreshold` finds the thresholds from pictures; `lengths` says how many tokens each row
 * has left. Reads k (or `metric`); mask a class token with 1, and hand `sizes` and `mask` on as with ToMe. The language
 * model behind the encoder attends as if all tokens were there with `virtualUnmergeAttention`, by the layers' maps
 * composed.
 *
 * The authors keep merged tokens as masked padding, and merge above a threshold that is the best similarity of a pair
 * which shall not merge; here merged tokens are gone, and the threshold is the worst of those which shall. `reference:
 * 'authors'` lists survivors as it does in `tome`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dymu(options: DymuOptions): Sieve {
  const { threshold } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const thresholdAt = readSchedule('options.threshold', threshold, (path, value) => {
    if (!Number.isFinite(value)) throw rangeError(path, 'a finite number', value);
  });
  return createSieve({
    strategy: (decision) => {
      const from = thresholdAt(decision.tokens.layer);
      if (from === undefined) return { map: identityMap(decision.tokens) };
      return bipartiteMerge({ threshold: from, order: isAuthors ? 'authors' : 'index' })(decision);
    },
    positions,
  });
}

export const method: Method<DymuOptions> = {
  name: 'dymu',
  group: 'vision transformers',
  title: 'DyMU: Dynamic Merging and Virtual Unmerging for Efficient VLMs',
  authors: 'Wang et al.',
  year: 2025,
  arxiv: '2504.17040',
  licence: 'MIT, as OpenCLIP',
  summary:
    'merges as ToMe what is similar enough, as many as each picture has; a language model unmerges virtually',
  over: 'image',
  classToken: false,
  needs: ['k'],
  trainingFree: true,
  defaults: { threshold: 0.8 },
  order: 'bipartite',
  tokensLeft: () => undefined,
  create: dymu,
};
