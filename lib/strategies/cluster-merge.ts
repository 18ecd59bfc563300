import { rangeError, typeError } from '../errors.js';
import { type ComparedBy, featuresOf } from '../features.js';
import type { MergeReduce } from '../ops/merge-tokens.js';
import { readOptions, readWord } from '../options.js';
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import type { TokenMap } from '../token-map.js';
import { countsAsked } from './amounts.js';
import type { Clustering, Points } from './clustering.js';
import { dpcKnn } from './dpc-knn.js';
import { readJoin } from './join.js';
import { kMeans } from './k-means.js';
import { centredMap, clusteredMap, identityMap } from './maps.js';
import { raggedOf } from './nearest.js';
import { exponentialWeights, finiteScores } from './score-weights.js';
import { type KeptOrder, ordered, readOrder, requiredScores } from './select.js';
import type { Plan, Strategy } from './strategy.js';

/** How clusters are found. */
export type ClusterMethod =
  | {
      readonly method: 'dpc-knn';
      /** Neighbours, itself included, that a token's density is taken from; 5 by default. */
      readonly k?: number;
      /** By distance, the default, or by the cosine. */
      readonly similarity?: 'l2' | 'cosine';
      /** Of the slots: by their first tokens, the default, or by falling density times separation of the centres. */
      readonly order?: KeptOrder;
    }
  | {
      readonly method: 'k-means';
      /** How often the centres move at most: 10 by default, up to 1000. */
      readonly iterations?: number;
      /** Draws the first centres: an integer from 0, which is the default. */
      readonly seed?: number;
      /** By squared distance, the default, or by the cosine with the mean. */
      readonly similarity?: 'l2' | 'cosine';
    };

/** Options of {@link clusterMerge}. */
export type ClusterMergeOptions = ClusterMethod & {
  /** What tokens are compared by where the inputs bring no metric: hidden, the default, or the mean over heads of k. */
  readonly metric?: ComparedBy;
  /** What each token counts for in its cluster: its size, the default, or its size times `exp(score)`. */
  readonly weights?: 'size' | 'score';
  /** How members are joined: `'mean'`, the default, and `'norm'` weight them. */
  readonly reduce?: MergeReduce;
};

/**
 * Merging by clusters, equation (6) of arXiv 2505.18227: `x'_C = sum over C of w_j x_j / sum of w_j`. As many clusters
 * as tokens are to stay, beside the protected ones, each of which stays a token of its own; at least one where there
 * are free tokens. Slots stand in the order of their first tokens; protected ones come first where `order` is
 * `'score'`.
 *
 * `'dpc-knn'`: density peaks by nearest neighbours, as in TCFormer (Zeng et al. 2022, arXiv 2204.08680). With the
 * distance `d_ij = ||x_i - x_j|| / sqrt(D)`, or 1 minus the cosine, the density of a token is `exp(-mean of d^2 to its
 * k nearest)`, its separation the least distance to a denser one; where their product is greatest, there are centres,
 * and each token goes to the nearest. In a row of fewer tokens than k, all count as near. Equal densities rank by
 * index, where the authors' code adds random noise. Tokens so far apart that densities are 0 in float32 (a mean d^2
 * past 100) make the first ones centres: bring such features to scale, or go by the cosine.
 *
 * `'k-means'`: Lloyd's algorithm from tokens drawn at random, a row's by the seed alone, whatever its place in the
 * batch. A centre is the mean of its tokens weighted by size, in the features' type. An empty cluster takes the token
 * farthest from its centre that is not alone there.
 *
 * `weights: 'score'` asks for scores, which must be finite; they weight as `exp(s_j - the cluster's greatest)`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * TypeError for a budget that is left out or goes by a rule, RangeError for a score that cannot weight
 */
export function clusterMerge(options: ClusterMergeOptions): Strategy {
  const given = readOptions(options);
  const { metric = 'hidden', weights: weighting = 'size', reduce = 'mean' } = given;
  readWord('options.metric', metric, ['keys', 'hidden']);
  readWord('options.weights', weighting, ['size', 'score']);
  const join = readJoin(reduce);
  const order = given.method === 'dpc-knn' ? readOrder(given) : 'index';
  const cluster = readMethod(given);
  return function* (decision) {
    const { tokens } = decision;
    const counts = countsAsked(decision, 'clusterMerge');
    if (counts === undefined) throw typeError('budget', 'a budget, which clusterMerge goes by', counts);
    const scores = weighting === 'score' ? finiteScores(requiredScores(decision), tokens) : undefined;
    const free = tokens.rows.map((row) => row.tokens - row.kept);
    const clusters = counts.map((count, row) =>
      Math.min(free[row], Math.max(1, count - tokens.rows[row].kept)),
    );
    if (clusters.every((count, row) => count === free[row])) return { map: identityMap(tokens) };
    const features = yield* featuresOf(tokens, metric, 'clusterMerge');
    const found = yield* cluster(pointsOf(tokens, features, free, clusters));
    const leaders = leadersOf(found.labels, tokens);
    const weights = scores && exponentialWeights(scores, leaders, tokens);
    const { centres } = found;
    const centred = centres && centredOf(found.labels, centres, tokens);
    const merge = join(tokens);
    if (centred && order === 'score') {
      const isWhole = (row: number) => clusters[row] === free[row];
      return { ...byFallingPeak(centred, centres.peaks, isWhole, tokens, weights), merge };
    }
    const map = clusteredMap(tokens, leaders, weights);
    return { map, merge, ...(centred && { centres: centresOf(map, centred, tokens) }) };
  };
}

function readMethod(options: ClusterMergeOptions): Clustering {
  const { method, similarity = 'l2' } = options;
  readWord('options.method', method, ['dpc-knn', 'k-means']);
  readWord('options.similarity', similarity, ['l2', 'cosine']);
  if (method === 'dpc-knn') return dpcKnn({ k: readInteger('options.k', options.k ?? 5, 1), similarity });
  const iterations = readInteger('options.iterations', options.iterations ?? 10, 1, 1000);
  const seed = readInteger('options.seed', options.seed ?? 0, 0);
  return kMeans({ iterations, seed, similarity });
}

function readInteger(path: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number') throw typeError(path, 'an integer', value);
  if (!Number.isInteger(value) || value < least || value > most)
    throw rangeError(path, `an integer from ${least} to ${most}`, value);
  return value;
}

/** Protected tokens are in no cluster, as if dropped. */
function pointsOf(
  { batch, length, mask, sizes }: Tokens,
  features: Points['features'],
  free: readonly number[],
  clusters: readonly number[],
): Points {
  const isFree = (place: number) => mask === undefined || mask[place] === 0;
  const own = Uint8Array.from({ length: batch * length }, (_, place) => (isFree(place) ? 0 : 2));
  return { batch, length, features, mask: own, free, clusters, sizes };
}

/** The first token of each one's cluster; a protected one is its own, a dropped one has none. */
function leadersOf(labels: Int32Array, { length, mask }: Tokens): Int32Array {
  const leaders = new Int32Array(labels.length);
  const first = new Int32Array(length);
  labels.forEach((label, place) => {
    const i = place % length;
    if (i === 0) first.fill(-1);
    if (label === -1) leaders[place] = mask?.[place] === 1 ? i : -1;
    else {
      if (first[label] === -1) first[label] = i;
      leaders[place] = first[label];
    }
  });
  return leaders;
}

/** `[B * N]`: the centre of each token's cluster; a protected one is its own; -1 for one that goes nowhere. */
function centredOf(labels: Int32Array, { indices, offsets }: Ragged, { length, mask }: Tokens): Int32Array {
  return labels.map((label, place) => {
    if (label === -1) return mask?.[place] === 1 ? place % length : -1;
    return indices.data[offsets[Math.floor(place / length)] + label];
  });
}

/** The centre of each slot. */
function centresOf(
  { assignment, offsets, outputLengths }: TokenMap,
  centred: Int32Array,
  { batch, length }: Tokens,
): Int32Array {
  const centres = new Int32Array(offsets.length - 1);
  for (let row = 0, first = 0; row < batch; first += outputLengths[row++])
    for (let place = row * length; place < (row + 1) * length; place++)
      if (assignment[place] !== -1) centres[first + assignment[place]] = centred[place];
  return centres;
}

/** Rows that are left whole stay in place. */
function byFallingPeak(
  centred: Int32Array,
  peaks: Float32Array,
  isWhole: (row: number) => boolean,
  tokens: Tokens,
  weights: Float32Array | undefined,
): Pick<Plan, 'map' | 'centres'> {
  const { batch, length } = tokens;
  const centres = raggedOf(
    Array.from({ length: batch }, (_, row) =>
      centred.subarray(row * length, (row + 1) * length).filter((centre, i) => centre === i),
    ),
  );
  const data = ordered(centres, 'score', tokens, { type: 'float32', data: peaks, dims: [batch, length] });
  for (let row = 0; row < batch; row++)
    if (isWhole(row)) data.subarray(centres.offsets[row], centres.offsets[row + 1]).sort();
  return centredMap(tokens, { ...centres, indices: { ...centres.indices, data } }, centred, weights);
}
