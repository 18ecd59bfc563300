// This package, as a contender.
import {
  attentionScoresSync,
  attentionSync,
  bipartiteMatchSync,
  gatherTokensSync,
  mergeTokensSync,
  restoreTokensSync,
  type Tensor,
  TokenMap,
  topKSync,
} from 'tokensieve';
import { empty } from '../case.js';
import type { Inputs, Job, MatchAndMergeJob, Outputs } from './peer.js';

const tensor = (data: Float32Array, dims: readonly number[]): Tensor<'float32'> => ({
  type: 'float32',
  data,
  dims,
});

/** The job's call: outputs are used again, as a program that runs it many times would. */
export function prepareOurs(job: Job, inputs: readonly Inputs[]): (i: number) => Outputs {
  switch (job.kind) {
    case 'attentionScores': {
      const { H, Nq, N, D } = job;
      const out = { scores: empty('float32', [1, N]), lse: empty('float32', [1, H, Nq]) };
      const calls = inputs.map(({ q, k }) => [tensor(q, [1, H, Nq, D]), tensor(k, [1, H, N, D])] as const);
      return (i) => {
        attentionScoresSync(...calls[i], { reduce: 'sum', heads: 'sum', out });
        return { scores: out.scores.data };
      };
    }
    case 'attention': {
      const { H, Nq, N, D } = job;
      const out = { output: empty('float32', [1, H, Nq, D]), lse: empty('float32', [1, H, Nq]) };
      const calls = inputs.map(
        ({ q, k, v }) =>
          [tensor(q, [1, H, Nq, D]), tensor(k, [1, H, N, D]), tensor(v, [1, H, N, D])] as const,
      );
      return (i) => {
        attentionSync(...calls[i], { out });
        return { output: out.output.data };
      };
    }
    case 'matchAndMerge':
      return prepareMatchAndMerge(job, inputs);
    case 'topK': {
      const { N, k, sorted } = job;
      const out = { indices: empty('int32', [1, k]), values: empty('float32', [1, k]) };
      const calls = inputs.map(({ x }) => tensor(x, [1, N]));
      return (i) => {
        topKSync(calls[i], k, { order: sorted ? 'value' : 'index', out });
        return { values: out.values.data, indices: out.indices.data };
      };
    }
    case 'gatherTokens': {
      const { N, K, C } = job;
      const out = { tokens: empty('float32', [1, K, C]) };
      const calls = inputs.map(
        ({ x, indices }) =>
          [tensor(x, [1, N, C]), { type: 'int32', data: indices, dims: [1, K] } as const] as const,
      );
      return (i) => {
        gatherTokensSync(...calls[i], { out });
        return { tokens: out.tokens.data };
      };
    }
    case 'mergeTokens': {
      const { N, M, C } = job;
      const out = { tokens: empty('float32', [1, M, C]), sizes: empty('float32', [1, M]) };
      const calls = inputs.map(
        ({ x, indices }) => [tensor(x, [1, N, C]), TokenMap.fromAssignment(indices)] as const,
      );
      return (i) => {
        mergeTokensSync(...calls[i], { out });
        return { tokens: out.tokens.data };
      };
    }
    case 'restoreTokens': {
      const { N, M, C } = job;
      const out = { tokens: empty('float32', [1, N, C]) };
      const calls = inputs.map(
        ({ x, indices }) => [tensor(x, [1, M, C]), TokenMap.fromAssignment(indices)] as const,
      );
      return (i) => {
        restoreTokensSync(...calls[i], { out });
        return { tokens: out.tokens.data };
      };
    }
  }
}

function prepareMatchAndMerge(job: MatchAndMergeJob, inputs: readonly Inputs[]): (i: number) => Outputs {
  const { B, N, C, r, M, classToken } = job;
  const mask = new Uint8Array(N);
  if (classToken) mask[0] = 1;
  const out = { tokens: empty('float32', [B, N - r, C]), sizes: empty('float32', [B, N - r]) };
  const calls = inputs.map(({ metric, x }) => [tensor(metric, [B, N, M]), tensor(x, [B, N, C])] as const);
  return (i) => {
    const [metric, x] = calls[i];
    mergeTokensSync(x, bipartiteMatchSync(metric, { r, mask }), { out });
    return { tokens: out.tokens.data, sizes: out.sizes.data };
  };
}
