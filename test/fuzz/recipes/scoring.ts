// Operations that score tokens or choose among scores.
import assert from 'node:assert/strict';
import type {
  AttentionOutput,
  AttentionScores,
  AttentionScoresOptions,
  ChannelMoments,
  FloatTensor,
  KnnDensity,
  Ragged,
  SimilarityArgmax,
  Tensor,
  TokenMap,
  TopK,
} from 'tokensieve';
import { attentionScoresSync, type PackedKeys } from 'tokensieve';
import { attention } from '../../reference/attention.js';
import { attentionScores } from '../../reference/attention-scores.js';
import { channelMoments } from '../../reference/channel-moments.js';
import { densities, separations } from '../../reference/knn-density.js';
import { layerNorm } from '../../reference/layer-norm.js';
import { matmul } from '../../reference/matmul.js';
import { pairedSimilarity } from '../../reference/paired-similarity.js';
import { selectThreshold } from '../../reference/select-threshold.js';
import { similarityArgmax } from '../../reference/similarity-argmax.js';
import { similarityReduce } from '../../reference/similarity-reduce.js';
import { tokenNorms } from '../../reference/token-norms.js';
import { topK } from '../../reference/top-k.js';
import { assertWithin } from '../../support/assertions.js';
import { errorBudget } from '../../support/error-budget.js';
import { slotsOf } from '../../support/maps.js';
import { decode, type Values } from '../../support/tensors.js';
import type { Draw } from '../draw.js';
import { type Recipes, recipe } from '../recipe.js';

interface Attended {
  readonly dims: { batch: number; heads: number; keyHeads: number; queries: number; keys: number };
  readonly q: FloatTensor;
  readonly k: FloatTensor;
  readonly v: FloatTensor;
}

function attended(draw: Draw): Attended {
  const batch = draw.batch();
  const [heads, keyHeads] = draw.heads();
  const keys = draw.tokens();
  const queries = draw.chance(0.5) ? keys : draw.between(1, keys);
  const depth = draw.channels();
  return {
    dims: { batch, heads, keyHeads, queries, keys },
    q: draw.anyFloats([batch, heads, queries, depth]),
    k: draw.anyFloats([batch, keyHeads, keys, depth]),
    v: draw.anyFloats([batch, keyHeads, keys, draw.channels()]),
  };
}

function masking(draw: Draw, { dims: { batch, keys, queries } }: Attended) {
  const place = () => draw.integer(2 * keys) - 5;
  const distances = draw.chance(0.3)
    ? {
        distanceScale: draw.float32(draw.between(1, keys + 2), draw.uniform),
        ...draw.some({
          positions: () => draw.int32(draw.pick([keys, batch * keys]), place),
          queryPositions: () => draw.int32(draw.pick([queries, batch * queries]), place),
        }),
      }
    : {};
  const masks = draw.some({
    scale: () => draw.uniform(),
    causal: () => draw.chance(0.5),
    window: () => draw.between(1, keys + 2),
    mask: () => draw.mask(batch, keys),
    queryMask: () => draw.mask(batch, queries),
    lengths: () => draw.lengths(batch, keys),
    bias: () => draw.float32(batch * keys),
    softcap: () => 1 + draw.uniform() * 30,
  });
  return { ...masks, ...distances };
}

const packing = recipe((draw) => {
  const { q, k, dims } = attended(draw);
  const options = draw.some({
    mask: () => draw.mask(dims.batch, dims.keys),
    lengths: () => draw.lengths(dims.batch, dims.keys),
    queries: () => q,
  });
  return {
    args: [k, options],
    verify: (result) => {
      const { scores } = attentionScoresSync(q, result as PackedKeys, { precision: 'fast', reduce: 'max' });
      const chances = Array.from(scores.data).filter((x) => !Number.isNaN(x));
      assert.ok(chances.every((x) => x >= 0 && x <= 1.01));
    },
  };
});

const scores = recipe((draw) => {
  const given = attended(draw);
  const { batch, heads, queries, keys } = given.dims;
  const { q, k, v } = given;
  const chosen = draw.some<Pick<AttentionScoresOptions, 'queries' | 'keys' | 'reduce' | 'pool' | 'heads'>>({
    queries: () => draw.pick(['all', 'first', 'last', { last: draw.between(1, queries) }]),
    keys: () => draw.pick([{ first: draw.between(1, keys) }, { last: draw.between(1, keys) }]),
    reduce: () => draw.pick(['sum', 'mean', 'max', 'observed']),
    pool: () => ({ kernel: draw.pick([1, 3, 5]), mode: draw.pick(['avg', 'max']) }),
    heads: () => draw.pick(['mean', 'sum', 'max', 'none', 'group', { group: 'max' }]),
  });
  const options = { ...masking(draw, given), ...chosen, entropy: draw.chance(0.5) };
  const weighing = draw.chance(0.3) ? { values: v } : {};
  const isPlain = Object.keys(chosen).length === 0 && draw.chance(0.5);
  const out = isPlain
    ? { scores: draw.floats([batch, keys]), lse: draw.floats([batch, heads, queries]) }
    : undefined;
  return {
    args: [q, k, { ...options, ...weighing, ...(out && { out }) }],
    verify: (result) => {
      const expected = attentionScores(decode(q), decode(k), {
        ...(options as Parameters<typeof attentionScores>[2]),
        ...(weighing.values && { values: decode(weighing.values) }),
      });
      const got = result as AttentionScores;
      assertWithin(got.scores, expected.scores, expected.tolerance, 'scores');
      const { ofSize } = errorBudget.lse;
      const allowed = (i: number) => expected.rowError[i] + ofSize * Math.abs(expected.lse.data[i]);
      assertWithin(got.lse, expected.lse, allowed, 'lse');
    },
  };
});

const attend = recipe((draw) => {
  const given = attended(draw);
  const { q, k, v } = given;
  const options = masking(draw, given);
  const { batch, heads, queries } = given.dims;
  const dims = [batch, heads, queries, v.dims[3]];
  const out = draw.chance(0.5) ? { output: draw.numbers(q.type, dims, () => 0) } : undefined;
  return {
    args: [q, k, v, { ...options, ...(out && { out }), scores: draw.chance(0.3) }],
    verify: (result) => {
      const expected = attention(decode(q), decode(k), decode(v), options);
      assertWithin((result as AttentionOutput).output, expected.output, expected.tolerance, 'output');
    },
  };
});

const product = recipe((draw) => {
  const [batch, rows, inner, columns] = [draw.batch(), draw.tokens(), draw.channels(), draw.channels()];
  const transposeB = draw.chance(0.5);
  const a = draw.anyFloats([batch, rows, inner]);
  const matrix = transposeB ? [columns, inner] : [inner, columns];
  const b = draw.anyFloats(draw.chance(0.5) ? [batch, ...matrix] : matrix);
  const options = {
    transposeB,
    ...draw.some({
      bias: () => draw.float32(columns),
      activation: () => draw.pick(['gelu', 'geluTanh', 'relu', 'tanh']),
    }),
  };
  const out = draw.chance(0.5)
    ? { output: draw.numbers(a.type, [batch, rows, columns], () => 0) }
    : undefined;
  return {
    args: [a, b, { ...options, ...(out && { out }) }],
    verify: (result) => {
      const { c, magnitude } = matmul(decode(a), decode(b), options);
      const { ofMagnitude, activation } = errorBudget.matmul;
      const allowed = (i: number) => magnitude[i] * ofMagnitude + activation * Math.min(magnitude[i], 1);
      assertWithin(result as Tensor, { data: c, dims: [batch, rows, columns] }, allowed, 'product');
    },
  };
});

const norms = recipe((draw) => {
  const [batch, length] = [draw.batch(), draw.tokens()];
  const x = draw.anyFloats([batch, length, draw.channels()]);
  const p = draw.pick([1, 2]);
  const out = draw.chance(0.5) ? { norms: draw.floats([batch, length]) } : undefined;
  return {
    args: [x, { p, ...(out && { out }) }],
    verify: (result) => {
      const data = tokenNorms(decode(x), p);
      const allowed = (i: number) => data[i] * errorBudget.tokenNorms.relative;
      assertWithin(result as Tensor, { data, dims: [batch, length] }, allowed, 'norms');
    },
  };
});

const normalized = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const x = draw.anyFloats([batch, length, channels]);
  const options = draw.some({
    weight: () => draw.float32(channels),
    bias: () => draw.float32(channels),
    epsilon: () => draw.uniform(),
  });
  const out = draw.chance(0.5) ? { tokens: draw.numbers(x.type, x.dims, () => 0) } : undefined;
  return {
    args: [x, { ...options, ...(out && { out }) }],
    verify: (result) => {
      const data = layerNorm(decode(x), options);
      const { weight, bias } = options;
      const { ofMagnitude } = errorBudget.layerNorm;
      const allowed = (i: number) => {
        const [factor, term] = [weight?.[i % channels] ?? 1, bias?.[i % channels] ?? 0];
        return ofMagnitude * (Math.abs(data[i]) + Math.abs(factor) + Math.abs(term));
      };
      assertWithin(result as Tensor, { data, dims: x.dims }, allowed, 'normed');
    },
  };
});

const moments = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const x = draw.anyFloats([batch, length, channels]);
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const ddof = draw.pick([0, 1]);
  const dims = [batch, channels];
  const out = draw.chance(0.5) ? { mean: draw.floats(dims), variance: draw.floats(dims) } : undefined;
  return {
    args: [x, { ddof, ...(mask && { mask }), ...(out && { out }) }],
    verify: (result) => {
      const { mean, variance } = result as ChannelMoments;
      const rows = Array.from({ length: batch }, (_, row) => {
        const own = mask && { mask: mask.subarray(row * length, (row + 1) * length) };
        return channelMoments(rowOf(x, row), { ddof, ...own });
      });
      const means = rows.flatMap((row) => Array.from(row.mean));
      const variances = rows.flatMap((row) => Array.from(row.variance));
      assertWithin(mean, { data: means, dims }, () => 1e-5, 'mean');
      const { relative } = errorBudget.channelMoments;
      assertWithin(variance, { data: variances, dims }, (i) => relative * variances[i], 'variance');
    },
  };
});

/** Scores of rows, some equal, and what choosing among them may be told. */
function rowsOfScores(draw: Draw) {
  const [batch, length] = [draw.batch(), draw.tokens()];
  const value = draw.chance(0.5) ? () => draw.integer(5) : draw.normal;
  const x = draw.numbers(draw.floatType(), [batch, length], value);
  const { data } = decode(x);
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const row = (r: number) => data.subarray(r * length, (r + 1) * length);
  const maskOf = (r: number) => (mask ? { mask: mask.subarray(r * length, (r + 1) * length) } : {});
  return { batch, length, x, mask, row, maskOf };
}

const best = recipe((draw) => {
  const { batch, length, x, mask, row, maskOf } = rowsOfScores(draw);
  const states = Array.from({ length: batch }, (_, r) =>
    Array.from(maskOf(r).mask ?? new Uint8Array(length)),
  );
  const kept = Math.max(...states.map((row) => row.filter((state) => state === 1).length));
  const present = Math.min(...states.map((row) => row.filter((state) => state !== 2).length));
  const useMask = kept <= present;
  const k = useMask ? draw.between(kept, present) : draw.between(0, length);
  const options = draw.some({
    largest: () => draw.chance(0.5),
    order: () => draw.pick(['index', 'value']),
  });
  const out = draw.chance(0.5)
    ? {
        indices: draw.numbers('int32', [batch, k], () => 0),
        values: draw.numbers(x.type, [batch, k], () => 0),
      }
    : undefined;
  return {
    args: [x, k, { ...options, ...(mask && useMask && { mask }), ...(out && { out }) }],
    verify: (result) => {
      const expected = Array.from({ length: batch }, (_, r) =>
        topK(row(r), k, { ...options, ...(useMask && maskOf(r)) }),
      );
      assert.deepEqual(Array.from((result as TopK).indices.data), expected.flat());
    },
  };
});

const threshold = recipe((draw) => {
  const { batch, length, x, mask, row, maskOf } = rowsOfScores(draw);
  const rule = draw.pick([{ above: 0.5 }, { quantile: 0.3 }, { iqr: 0.5 }, { meanStd: 0.5 }]);
  const limits = draw.some({
    min: () => draw.integer(Math.ceil(length / 2)),
    max: () => draw.between(Math.floor(length / 2), length),
  });
  const out = draw.chance(0.3)
    ? { indices: draw.numbers('int32', [batch * length], () => 0), offsets: draw.int32(batch + 1, () => 0) }
    : undefined;
  return {
    args: [x, rule, { ...limits, ...(mask && { mask }), ...(out && { out }) }],
    verify: (result) => {
      if (!('above' in rule)) return; // by the statistics of few and equal scores, rounding may decide
      const { indices, offsets } = result as Ragged;
      for (let r = 0; r < batch; r++) {
        const expected = selectThreshold(row(r), rule, { ...limits, ...maskOf(r) });
        assert.deepEqual(Array.from(indices.data.subarray(offsets[r], offsets[r + 1])), expected);
      }
    },
  };
});

const match = recipe((draw) => {
  const [batch, length] = [draw.batch(), draw.tokens()];
  const metric = draw.anyFloats([batch, length, draw.channels()]);
  const partition = draw.pick([
    'alternate',
    { grid: [1, length], stride: [1, 2] },
    { grid: [1, length], stride: [1, 3], seed: 5 },
    { random: draw.integer(100) },
    { every: draw.between(1, 4) },
  ] as const);
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const r = draw.between(0, length);
  const threshold = draw.some({ threshold: () => draw.uniform() });
  return {
    args: [metric, { r, partition, ...threshold, ...(mask && { mask }) }],
    verify: (result) => {
      const map = result as TokenMap;
      assert.equal(map.isPartition, true);
      slotsOf(map).forEach((slots, row) => {
        const members = slots.flatMap((slot) => Array.from(slot.members)).sort((a, b) => a - b);
        const present = Array.from({ length }, (_, i) => i).filter((i) => mask?.[row * length + i] !== 2);
        assert.deepEqual(members, present, 'each token in one slot');
        assert.ok(present.length - slots.length <= r, 'at most r merged');
      });
    },
  };
});

const pairs = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const [a, b] = [draw.anyFloats([batch, length, channels]), draw.anyFloats([batch, length, channels])];
  const metric = draw.pick(['cosine', 'dot', 'l2']);
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const out = draw.chance(0.5) ? { similarity: draw.floats([batch, length]) } : undefined;
  return {
    args: [a, b, { metric, ...(mask && { mask }), ...(out && { out }) }],
    verify: (result) => {
      const data = pairedSimilarity(decode(a), decode(b), metric).map((s, i) => (mask?.[i] === 2 ? 0 : s));
      const allowed = (i: number) => 1e-6 * (1 + Math.abs(data[i]));
      assertWithin(result as Tensor, { data, dims: [batch, length] }, allowed, 'similarity');
    },
  };
});

/** One item of `[B,N,C]`. */
function rowOf({ dims, ...x }: FloatTensor, row: number): Values {
  const size = dims[1] * dims[2];
  return { data: decode({ dims, ...x }).data.subarray(row * size, (row + 1) * size), dims: dims.slice(1) };
}

const argmax = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const candidates = draw.pick(['all', 'all', 'others', 'later', 'earlier']);
  const asking = candidates === 'all' ? draw.tokens() : length;
  const a = draw.anyFloats([batch, asking, channels]);
  const b = draw.anyFloats([batch, length, channels]);
  const weights = draw.some({ scale: () => draw.float32(length), bias: () => draw.float32(length) });
  const k = draw.pick([1, Math.min(3, length)]);
  const metric = draw.pick(['cosine', 'dot', 'l2']);
  const dims = k === 1 ? [batch, asking] : [batch, asking, k];
  const out = draw.chance(0.5)
    ? { indices: draw.numbers('int32', dims, () => 0), values: draw.floats(dims) }
    : undefined;
  return {
    args: [a, b, { metric, k, candidates, ...weights, ...(out && { out }) }],
    verify: (result) => {
      const { values } = result as SimilarityArgmax;
      const data = Array.from({ length: batch }, (_, row) =>
        similarityArgmax(rowOf(a, row), rowOf(b, row), { metric, k, candidates, ...weights }).flatMap(
          (best) => best.values,
        ),
      ).flat();
      const allowed = (i: number) => 1e-5 * (channels + Math.abs(data[i]));
      assertWithin(values, { data, dims }, allowed, 'values');
    },
  };
});

const averages = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const x = draw.anyFloats([batch, length, channels]);
  const f = draw.pick([
    'mean',
    'square',
    { elu: draw.uniform() },
    { gaussian: 0.5 + draw.uniform() },
  ] as const);
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const self = draw.chance(0.5);
  const out = draw.chance(0.5) ? { similarity: draw.floats([batch, length]) } : undefined;
  return {
    args: [x, { f, self, ...(mask && { mask }), ...(out && { out }) }],
    verify: (result) => {
      const data = Array.from({ length: batch }, (_, row) => {
        const own = mask && { mask: mask.subarray(row * length, (row + 1) * length) };
        return Array.from(similarityReduce(rowOf(x, row), { f, self, ...own }));
      }).flat();
      assertWithin(result as Tensor, { data, dims: [batch, length] }, () => 1e-4, 'similarity');
    },
  };
});

const peaks = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const x = draw.anyFloats([batch, length, channels]);
  const k = draw.between(1, length);
  const metric = draw.pick(['l2', 'cosine'] as const);
  const dims = [batch, length];
  const out = draw.chance(0.5) ? { density: draw.floats(dims), separation: draw.floats(dims) } : undefined;
  return {
    args: [x, { k, metric, ...(out && { out }) }],
    verify: (result) => {
      const { density, separation } = result as KnnDensity;
      const rows = Array.from({ length: batch }, (_, row) => rowOf(x, row));
      const expected = rows.flatMap((item) => densities(item, { k, metric }));
      assertWithin(density, { data: expected, dims }, () => 1e-4, 'density');
      const apart = rows.flatMap((item, row) => {
        const own = density.data.subarray(row * length, (row + 1) * length);
        return separations(item, own, { metric }).separations;
      });
      // Of squares: the nearest of several that are about as near may be any of them.
      const allowed = (i: number) => 1e-3 * (1 + Math.abs(apart[i]));
      assertWithin(separation, { data: apart, dims }, allowed, 'separation');
    },
  };
});

const attentionMask = recipe((draw) => {
  const dims = [draw.batch(), draw.tokens()];
  const mask = draw.numbers(draw.pick(['int64', 'int32', 'uint8', 'float32']), dims, () => draw.integer(2));
  return {
    args: [mask],
    verify: (result) => {
      const expected = Array.from(decode(mask).data, (real) => (real === 1 ? 0 : 2));
      assert.deepEqual(Array.from((result as Tensor<'uint8'>).data), expected);
    },
  };
});

export const scoringRecipes: Recipes = {
  attention: attend,
  attentionScores: scores,
  packKeys: packing,
  bipartiteMatch: match,
  channelMoments: moments,
  fromAttentionMask: attentionMask,
  knnDensity: peaks,
  layerNorm: normalized,
  matmul: product,
  pairedSimilarity: pairs,
  selectThreshold: threshold,
  similarityArgmax: argmax,
  similarityReduce: averages,
  tokenNorms: norms,
  topK: best,
};
