// Every case, and whether they cover every kernel.
import { cases as attention } from './attention.js';
import { cases as attentionScores } from './attention-scores.js';
import { cases as bipartiteMatch } from './bipartite-match.js';
import { type Case, caseName } from './case.js';
import { ceilingKernels, kernelNames } from './ceilings.js';
import { cases as channelMoments } from './channel-moments.js';
import { cases as dppGreedy } from './dpp-greedy.js';
import { cases as farthestPoint } from './farthest-point.js';
import { cases as gatherChannels } from './gather-channels.js';
import { cases as gatherTokens } from './gather-tokens.js';
import { cases as knnDensity } from './knn-density.js';
import { cases as layerNorm } from './layer-norm.js';
import { cases as matmul } from './matmul.js';
import { cases as mergeTokens } from './merge-tokens.js';
import { cases as pairedSimilarity } from './paired-similarity.js';
import { cases as poolScores } from './pool-scores.js';
import { cases as restoreTokens } from './restore-tokens.js';
import { cases as rotateKeys } from './rotate-keys.js';
import { cases as sampleCdf } from './sample-cdf.js';
import { cases as selectThreshold } from './select-threshold.js';
import { cases as similarityArgmax } from './similarity-argmax.js';
import { cases as similarityReduce } from './similarity-reduce.js';
import { cases as tokenNorms } from './token-norms.js';
import { cases as topK } from './top-k.js';

export const cases: readonly Case[] = [
  ...attentionScores,
  ...attention,
  ...topK,
  ...selectThreshold,
  ...gatherTokens,
  ...gatherChannels,
  ...bipartiteMatch,
  ...similarityArgmax,
  ...similarityReduce,
  ...knnDensity,
  ...farthestPoint,
  ...dppGreedy,
  ...mergeTokens,
  ...restoreTokens,
  ...matmul,
  ...layerNorm,
  ...tokenNorms,
  ...channelMoments,
  ...pairedSimilarity,
  ...poolScores,
  ...sampleCdf,
  ...rotateKeys,
];

/** The cases whose name contains the text, in any case of letters. */
export function casesMatching(text: string): readonly Case[] {
  return cases.filter((benchmark) => caseName(benchmark).toLowerCase().includes(text.toLowerCase()));
}

/** Kernels of the list that no case times. */
export function untimedKernels(): string[] {
  const timed = new Set([...ceilingKernels, ...cases.flatMap(({ kernels }) => kernels)]);
  return kernelNames.filter((name) => !timed.has(name));
}
