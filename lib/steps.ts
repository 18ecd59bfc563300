// One body for both forms of everything above the ops: a generator yields the op calls it needs, and one of two
// small loops makes them, at once or awaited.
import { attention, attentionSync } from './ops/attention.js';
import { attentionScores, attentionScoresSync } from './ops/attention-scores.js';
import { bipartiteMatch, bipartiteMatchSync } from './ops/bipartite-match.js';
import { channelMoments, channelMomentsSync } from './ops/channel-moments.js';
import { dppGreedy, dppGreedySync } from './ops/dpp-greedy.js';
import { farthestPoint, farthestPointSync } from './ops/farthest-point.js';
import {
  type ChannelIndices,
  type GatherChannelsOptions,
  gatherChannels,
  gatherChannelsSync,
} from './ops/gather-channels.js';
import { type GatherTokensOptions, gatherTokens, gatherTokensSync } from './ops/gather-tokens.js';
import { knnDensity, knnDensitySync } from './ops/knn-density.js';
import { type LayerNormOptions, layerNorm, layerNormSync } from './ops/layer-norm.js';
import { matmul, matmulSync } from './ops/matmul.js';
import { mergeTokens, mergeTokensSync } from './ops/merge-tokens.js';
import { pairedSimilarity, pairedSimilaritySync } from './ops/paired-similarity.js';
import { type RestoreTokensOptions, restoreTokens, restoreTokensSync } from './ops/restore-tokens.js';
import { type Positions, type RotateKeysOptions, rotateKeys, rotateKeysSync } from './ops/rotate-keys.js';
import { type SampleCdfOptions, sampleCdf, sampleCdfSync } from './ops/sample-cdf.js';
import { selectThreshold, selectThresholdSync } from './ops/select-threshold.js';
import { similarityArgmax, similarityArgmaxSync } from './ops/similarity-argmax.js';
import { similarityReduce, similarityReduceSync } from './ops/similarity-reduce.js';
import { tokenNorms, tokenNormsSync } from './ops/token-norms.js';
import { topK, topKSync } from './ops/top-k.js';
import type { Ragged } from './ragged.js';
import type { FloatTensor, FloatType, Tensor } from './tensor.js';
import type { TokenMap } from './token-map.js';

/** An op call that has still to be made, in either form. */
export interface OpCall {
  /** The op's. */
  readonly name: string;
  now(): unknown;
  later(signal: AbortSignal | undefined): Promise<unknown>;
}

/** A computation that yields op calls, is handed their results, and returns R. */
export type Steps<R> = Generator<OpCall, R, unknown>;

/** Whether what a part of a sieve gave is steps to what it means to give, which may be anything else. */
export function isSteps<R>(value: Steps<R> | R): value is Steps<R> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value;
}

/** Runs to the end on this thread. */
export function runSync<R>(steps: Steps<R>): R {
  let next = steps.next();
  while (!next.done) next = steps.next(next.value.now());
  return next.value;
}

/** Runs with each op on the package's own threads; `signal` ends it between ops, and goes into each. */
export async function runAsync<R>(steps: Steps<R>, signal?: AbortSignal): Promise<R> {
  signal?.throwIfAborted();
  let next = steps.next();
  while (!next.done) {
    const result = await next.value.later(signal);
    signal?.throwIfAborted();
    next = steps.next(result);
  }
  return next.value;
}

/** An op, whose last parameter is its options, as a step. */
function stepped<A extends unknown[], R>(
  op: (...args: A) => Promise<R>,
  opSync: (...args: A) => R,
): (...args: Required<A>) => Steps<R> {
  return function* (...args) {
    const call: OpCall = {
      name: op.name,
      now: () => opSync(...(args as A)),
      later: (signal) => {
        if (signal === undefined) return op(...(args as A));
        const options = { ...(args[args.length - 1] as object), signal };
        return op(...([...args.slice(0, -1), options] as A));
      },
    };
    return (yield call) as R;
  };
}

/** The ops as steps: `yield* step.topK(scores, k, {})`. Options are always given. */
export const step = {
  attention: stepped(attention, attentionSync),
  attentionScores: stepped(attentionScores, attentionScoresSync),
  bipartiteMatch: stepped(bipartiteMatch, bipartiteMatchSync),
  channelMoments: stepped(channelMoments, channelMomentsSync),
  dppGreedy: stepped(dppGreedy, dppGreedySync),
  farthestPoint: stepped(farthestPoint, farthestPointSync),
  gatherChannels: stepped<[FloatTensor, ChannelIndices, GatherChannelsOptions?], FloatTensor>(
    gatherChannels,
    gatherChannelsSync,
  ),
  gatherTokens: stepped<[FloatTensor, Tensor<'int32'>, GatherTokensOptions?], FloatTensor>(
    gatherTokens,
    gatherTokensSync,
  ),
  gatherRagged: stepped<[FloatTensor, Ragged, GatherTokensOptions?], { readonly tokens: FloatTensor }>(
    gatherTokens,
    gatherTokensSync,
  ),
  knnDensity: stepped(knnDensity, knnDensitySync),
  layerNorm: stepped<[FloatTensor, LayerNormOptions?], FloatTensor>(layerNorm, layerNormSync),
  matmul: stepped(matmul, matmulSync),
  mergeTokens: stepped(mergeTokens, mergeTokensSync),
  pairedSimilarity: stepped(pairedSimilarity, pairedSimilaritySync),
  restoreTokens: stepped<[FloatTensor, TokenMap, RestoreTokensOptions<FloatType>?], FloatTensor>(
    restoreTokens,
    restoreTokensSync,
  ),
  rotateKeys: stepped<[FloatTensor, Positions, Positions, RotateKeysOptions?], FloatTensor>(
    rotateKeys,
    rotateKeysSync,
  ),
  sampleCdf: stepped<[Tensor<'float32'>, number, SampleCdfOptions?], Ragged>(sampleCdf, sampleCdfSync),
  selectThreshold: stepped(selectThreshold, selectThresholdSync),
  similarityArgmax: stepped(similarityArgmax, similarityArgmaxSync),
  similarityReduce: stepped(similarityReduce, similarityReduceSync),
  tokenNorms: stepped(tokenNorms, tokenNormsSync),
  topK: stepped(topK, topKSync),
};
