import { roundCount } from '../budgets/schedule.js';
import { rangeError, typeError } from '../errors.js';
import { hiddenOf } from '../features.js';
import { readOptions } from '../options.js';
import type { Ragged } from '../ragged.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { dpcKnn } from './dpc-knn.js';
import { centredMap } from './maps.js';
import { raggedOf } from './nearest.js';
import { bestTokens, type KeptOrder, readOrder, requiredScores, selectTokens } from './select.js';
import type { Strategy } from './strategy.js';

/** Options of {@link pruneAndRecycle}. */
export interface RecycleOptions {
  /** Fraction of the dropped tokens that is recycled, the best ones, and one more; 0.3 by default. */
  readonly share?: number;
  /** Fraction of the recycled tokens that there are clusters, and one more; 0.1 by default. */
  readonly clusters?: number;
  /** Of the clusters: by the place of their centres, the default, or the greatest peak of density first. */
  readonly order?: KeptOrder;
}

/**
 * Pruning that makes new tokens of what it drops, as SparseVLM does (Zhang et al. 2024, arXiv 2410.04417): of n dropped
 * tokens the `floor(share n) + 1` that score best are clustered by density peaks into a tenth of their number, and each
 * cluster's mean, weighted by size, becomes a token. These stand behind the free tokens that stay and before the text
 * that follows, for their centres.
 *
 * Asks for scores. Densities are taken over as many nearest neighbours as there are clusters; see `clusterMerge`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function pruneAndRecycle(options: RecycleOptions = {}): Strategy {
  const rates = readRates(options);
  const order = readOrder(options);
  return function* (decision) {
    const { tokens } = decision;
    const { batch, length, mask } = tokens;
    const kept = yield* selectTokens(decision);
    const state = Uint8Array.from({ length: batch * length }, (_, at) => (mask?.[at] === 2 ? 2 : 0));
    eachToken(kept, (row, token) => {
      state[row * length + token] = 2;
    });
    const dropped = Array.from({ length: batch }, (_, row) =>
      state.subarray(row * length, (row + 1) * length).reduce((sum, own) => sum + Number(own === 0), 0),
    );
    const counts = dropped.map((n) => recycledTokens(n, rates));
    const recycled = yield* bestTokens(
      { batch, length, mask: state },
      requiredScores(decision),
      counts.map(({ tokens: best }) => best),
    );
    const { made, centreOf } = yield* clustersOf(
      tokens,
      recycled,
      counts.map(({ clusters }) => clusters),
      order,
    );
    const into = new Int32Array(batch * length).fill(-1);
    eachToken(kept, (row, token) => {
      into[row * length + token] = token;
    });
    eachToken(recycled, (row, token, at) => {
      into[row * length + token] = centreOf[at];
    });
    const slots = made.map((centres, row) => {
      const lastFree = mask ? mask.subarray(row * length, (row + 1) * length).lastIndexOf(0) : length - 1;
      const stay = [...kept.indices.data.subarray(kept.offsets[row], kept.offsets[row + 1])];
      return [...stay.filter((i) => i <= lastFree), ...centres, ...stay.filter((i) => i > lastFree)];
    });
    return centredMap(tokens, raggedOf(slots), into);
  };
}

/** How many of n dropped tokens are recycled, and into how many. */
export function recycledTokens(
  dropped: number,
  { share, clusters }: Rates = readRates({}),
): { readonly tokens: number; readonly clusters: number } {
  if (dropped === 0) return { tokens: 0, clusters: 0 };
  const tokens = Math.min(dropped, 1 + roundCount(share * dropped, dropped, 'floor'));
  return { tokens, clusters: Math.min(tokens, 1 + roundCount(clusters * tokens, tokens, 'floor')) };
}

type Rates = Required<Pick<RecycleOptions, 'share' | 'clusters'>>;

function readRates(options: RecycleOptions): Rates {
  const { share = 0.3, clusters = 0.1 } = readOptions(options);
  for (const [path, value] of Object.entries({ share, clusters })) {
    if (typeof value !== 'number') throw typeError(`options.${path}`, 'a number', value);
    if (!(value >= 0 && value <= 1)) throw rangeError(`options.${path}`, 'a number from 0 to 1', value);
  }
  return { share, clusters };
}

/** The centres of each row's clusters, and for each recycled token, in the order of their list, its own. */
function* clustersOf(
  tokens: Tokens,
  recycled: Ragged,
  clusters: readonly number[],
  order: KeptOrder,
): Steps<{ readonly made: readonly (readonly number[])[]; readonly centreOf: Int32Array }> {
  const { indices, offsets } = recycled;
  const made = clusters.map((): number[] => []);
  const centreOf = new Int32Array(indices.data.length);
  if (centreOf.length === 0) return { made, centreOf };
  const { batch } = tokens;
  const { tokens: features } = yield* step.gatherRagged(yield* hiddenOf(tokens), recycled, {});
  const width = features.dims[1];
  // Rows of a k of their own are clustered apart.
  for (const k of new Set(clusters.filter((count) => count > 0))) {
    const isAsked = clusters.map((count) => count === k);
    const free = isAsked.map((own, row) => (own ? offsets[row + 1] - offsets[row] : 0));
    const mask = Uint8Array.from({ length: batch * width }, (_, at) =>
      at % width < free[Math.floor(at / width)] ? 0 : 2,
    );
    const asked = isAsked.map((own) => (own ? k : 0));
    const points = { batch, length: width, features, mask, free, clusters: asked, sizes: undefined };
    const { labels, centres } = yield* dpcKnn({ k, similarity: 'l2' })(points);
    for (let row = 0; row < batch; row++) {
      const own = [...centres.indices.data.subarray(centres.offsets[row], centres.offsets[row + 1])];
      const tokenOf = (i: number) => indices.data[offsets[row] + i];
      for (let i = 0; i < free[row]; i++) centreOf[offsets[row] + i] = tokenOf(own[labels[row * width + i]]);
      if (order === 'score') own.sort(byScore(centres.peaks.subarray(row * width, (row + 1) * width)));
      made[row].push(...own.map(tokenOf));
    }
  }
  return { made, centreOf };
}

function eachToken(
  { indices, offsets }: Ragged,
  visit: (row: number, token: number, at: number) => void,
): void {
  for (let row = 0; row + 1 < offsets.length; row++)
    for (let at = offsets[row]; at < offsets[row + 1]; at++) visit(row, indices.data[at], at);
}
