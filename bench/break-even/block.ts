// A transformer block, and the ways to reduce its tokens, as calls of this package on one image.
import {
  attentionScoresSync,
  attentionSync,
  bipartiteMatchSync,
  gatherTokensSync,
  matmulSync,
  mergeTokensSync,
  topKSync,
} from 'tokensieve';
import { empty, normal } from '../case.js';

/** Heads of D channels, C in all. */
export interface BlockShape {
  readonly C: number;
  readonly D: number;
}

export type Call = () => void;

/** Attention of n tokens, the projections to queries, keys, values and output, and an MLP of 4 C. */
export function prepareBlock(n: number, { C, D }: BlockShape): Call {
  const x = normal([n, C]);
  const [query, key, value, output] = Array.from({ length: 4 }, () => normal([C, C]));
  const [wide, narrow] = [normal([C, 4 * C]), normal([4 * C, C])];
  const [q, k, v, y, z] = Array.from({ length: 5 }, () => empty('float32', [n, C]));
  const hidden = empty('float32', [n, 4 * C]);
  const attended = empty('float32', [1, n, C / D, D]);
  const lse = empty('float32', [1, C / D, n]);
  return () => {
    matmulSync(x, query, { out: { output: q } });
    matmulSync(x, key, { out: { output: k } });
    matmulSync(x, value, { out: { output: v } });
    const [qh, kh, vh] = [q, k, v].map(({ data }) => inHeads(data, n, C, D));
    attentionSync(qh, kh, vh, { layout: 'bnhd', out: { output: attended, lse } });
    matmulSync({ ...attended, dims: [n, C] }, output, { out: { output: y } });
    matmulSync(y, wide, { activation: 'gelu', out: { output: hidden } });
    matmulSync(hidden, narrow, { out: { output: z } });
  };
}

const inHeads = (data: Float32Array, n: number, C: number, D: number) =>
  ({ type: 'float32', data, dims: [1, n, C / D, D] }) as const;

/** What is paid once for N tokens, and what is paid by how many are left. */
export interface Method {
  readonly name: string;
  readonly leastKeep: number;
  /** Calls whose times are added; those of `without` are subtracted. */
  readonly deciding: (N: number, shape: BlockShape) => { readonly calls: Call; readonly without?: Call };
  readonly moving: (N: number, n: number, shape: BlockShape) => Call;
}

const headsOf = (N: number, { C, D }: BlockShape) => inHeads(normal([N, C]).data, N, C, D);

function selectAndGather(N: number, n: number, { C }: BlockShape): Call {
  const [x, scores] = [normal([1, N, C]), normal([1, N])];
  const winners = { indices: empty('int32', [1, n]), values: empty('float32', [1, n]) };
  const tokens = empty('float32', [1, n, C]);
  return () => {
    topKSync(scores, n, { out: winners });
    gatherTokensSync(x, winners.indices, { out: { tokens } });
  };
}

function scores(queries: 'all' | 'first'): Method['deciding'] {
  return (N, shape) => {
    const [q, k] = [headsOf(N, shape), headsOf(N, shape)];
    return { calls: () => attentionScoresSync(q, k, { layout: 'bnhd', queries }) };
  };
}

export const methods: readonly Method[] = [
  { name: 'scores of all queries', leastKeep: 0, deciding: scores('all'), moving: selectAndGather },
  {
    name: "scores from the attention's own pass",
    leastKeep: 0,
    deciding: (N, shape) => {
      const [q, k, v] = [headsOf(N, shape), headsOf(N, shape), headsOf(N, shape)];
      const out = { output: empty('float32', q.dims) };
      return {
        calls: () => attentionSync(q, k, v, { layout: 'bnhd', scores: true, out }),
        without: () => attentionSync(q, k, v, { layout: 'bnhd', out }),
      };
    },
    moving: selectAndGather,
  },
  { name: "the class token's scores", leastKeep: 0, deciding: scores('first'), moving: selectAndGather },
  {
    name: 'matching and merging',
    leastKeep: 0.5,
    deciding: (N, { C }) => {
      const metric = normal([1, N, C]);
      return { calls: () => bipartiteMatchSync(metric, { r: N / 4 }) };
    },
    moving: (N, n, { C }) => {
      const x = normal([1, N, C]);
      const map = bipartiteMatchSync(x, { r: N - n });
      const out = { tokens: empty('float32', [1, n, C]), sizes: empty('float32', [1, n]) };
      return () => mergeTokensSync(x, map, { out });
    },
  },
];
