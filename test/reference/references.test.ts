// The references against cases small enough to work out by hand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../support/float16.js';
import { values } from '../support/tensors.js';
import { attention } from './attention.js';
import { attentionScores } from './attention-scores.js';
import { bipartiteMatch } from './bipartite-match.js';
import { channelMoments } from './channel-moments.js';
import { dppGains, dppGreedy } from './dpp-greedy.js';
import { farthestPoint } from './farthest-point.js';
import { gatherChannels } from './gather-channels.js';
import { gatherTokens } from './gather-tokens.js';
import { densities, separations } from './knn-density.js';
import { layerNorm } from './layer-norm.js';
import { activate, erfc, matmul } from './matmul.js';
import { mergeTokens } from './merge-tokens.js';
import { pairedSimilarity } from './paired-similarity.js';
import { poolScores } from './pool-scores.js';
import { restoreSum, restoreTokens } from './restore-tokens.js';
import { rotateKeys } from './rotate-keys.js';
import { sampleCdf } from './sample-cdf.js';
import { quantile, selectThreshold } from './select-threshold.js';
import { similarityArgmax } from './similarity-argmax.js';
import { similarityReduce } from './similarity-reduce.js';
import { tokenNorms } from './token-norms.js';
import { topK } from './top-k.js';

function assertClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) < 1e-12, `[${i}]: got ${actual[i]}, expected ${value}`);
  });
}

suite('references', () => {
  // One head of one channel: with keys 0 and ln 3, a query of 1 gives 1/4 and 3/4, a query of 0 one half each.
  const q = values([1, 0], [1, 1, 2, 1]);
  const k = values([0, Math.log(3)], [1, 1, 2, 1]);

  test('attentionScores', () => {
    const { scores, lse, entropy } = attentionScores(q, k, { scale: 1 });
    assert.deepEqual(scores.dims, [1, 2]);
    assertClose(scores.data, [3 / 8, 5 / 8]);
    assertClose(lse.data, [Math.log(4), Math.log(2)]);
    assertClose(entropy.data, [Math.log(4) - 0.75 * Math.log(3), Math.log(2)]);
    assertClose(attentionScores(q, k, { scale: 1, reduce: 'max' }).scores.data, [1 / 2, 3 / 4]);
    assertClose(attentionScores(q, k, { scale: 1, causal: true }).scores.data, [3 / 4, 1 / 4]);
    assertClose(attentionScores(q, k, { scale: 1, causal: true, reduce: 'observed' }).scores.data, [
      3 / 4,
      1 / 2,
    ]);
    assertClose(attentionScores(q, k, { scale: 1, causal: true, window: 1 }).scores.data, [1 / 2, 1 / 2]);
    assertClose(attentionScores(q, k, { scale: 1, queries: 'first' }).scores.data, [1 / 4, 3 / 4]);
    assertClose(attentionScores(q, k, { scale: 1, keys: { last: 1 } }).scores.data, [5 / 8]);
    assertClose(attentionScores(q, k, { scale: 1, mask: [2, 0] }).scores.data, [0, 1]);
    assertClose(attentionScores(q, k, { scale: 1, queryMask: [0, 2] }).scores.data, [1 / 4, 3 / 4]);
    assertClose(attentionScores(q, k, { scale: 1, lengths: [1] }).scores.data, [1, 0]);
    assertClose(attentionScores(q, k, { scale: 1, bias: [Math.log(3), 0] }).scores.data, [5 / 8, 3 / 8]);
    assertClose(attentionScores(q, k, { scale: 1, lse: [0, 0] }).scores.data, [1, 2]);
    const far = { scale: 1, queries: 'first', distanceScale: [1, 2] } as const;
    assertClose(attentionScores(q, k, far).scores.data, [1 / 10, 9 / 10]);
    assertClose(attentionScores(q, k, { ...far, positions: [0, 0] }).scores.data, [1 / 4, 3 / 4]);
    assertClose(attentionScores(q, k, { ...far, queryPositions: [-5, 9] }).scores.data, [1 / 10, 9 / 10]);
    const v = values([3, 4, 0, 2], [1, 1, 2, 2]);
    assertClose(attentionScores(q, k, { scale: 1, values: v }).scores.data, [15 / 8, 10 / 8]);
  });

  test('attentionScores over heads', () => {
    const heads = values([1, 0], [1, 2, 1, 1]);
    const score = (mode: 'sum' | 'max' | 'none' | 'group') =>
      attentionScores(heads, k, { scale: 1, heads: mode }).scores;
    assertClose(score('sum').data, [3 / 4, 5 / 4]);
    assertClose(score('max').data, [1 / 2, 3 / 4]);
    assert.deepEqual(score('none').dims, [1, 2, 2]);
    assertClose(score('none').data, [1 / 4, 3 / 4, 1 / 2, 1 / 2]);
    assert.deepEqual(score('group').dims, [1, 1, 2]);
    assertClose(score('group').data, [3 / 8, 5 / 8]);
  });

  test('rotateKeys', () => {
    const k = values([1, 2, 3, 4], [1, 1, 1, 4]);
    // A quarter of a turn, and none.
    const frequencies = [Math.PI / 2, 0];
    assertClose(
      rotateKeys(k, () => 1, { frequencies }),
      [-3, 2, 1, 4],
    );
    assertClose(
      rotateKeys(k, () => -1, { frequencies, interleaved: true }),
      [2, -1, 3, 4],
    );
    assertClose(
      rotateKeys(k, (_b, _h, _n, section) => section, { frequencies, sections: [0, 2] }),
      [-3, 2, 1, 4],
    );
    assertClose(
      rotateKeys(k, () => Math.PI / 2, { rotaryDim: 2 }),
      [-2, 1, 3, 4],
    );
  });

  test('sampleCdf', () => {
    // Sums of 1 1 1 1 7 9 less the first, of 19: 0 .05 .11 .16 .53 1; points .05 .37 .68 1
    assert.deepEqual(sampleCdf([1, 9, 1, 7, 1, 1], 4), [1, 2, 3]);
    assert.deepEqual(sampleCdf([1, 9, 1, 7, 1, 1], 1), [1]);
    assert.deepEqual(sampleCdf([1, 9, 1, 7, 1, 1], 3, [0, 2, 1, 0, 0, 2]), [2, 3, 4]);
    assert.deepEqual(sampleCdf([0, 0, 0, 0, 0], 2), [1, 4]);
  });

  test('poolScores', () => {
    assertClose(poolScores([3, 6, 9], { kernel: 3, mode: 'avg' }), [3, 6, 5]);
    assertClose(poolScores([-3, -6, -9], { kernel: 3, mode: 'max' }), [-3, -3, -6]);
    assertClose(poolScores([3, 6, 9, 12], { kernel: 3, mode: 'avg' }, [0, 0, 2, 1]), [3, 3, 0, 4]);
    assertClose(poolScores([-3, -1, -2, -4], { kernel: 3, mode: 'max' }, [0, 2, 0, 0]), [-3, 0, -2, -2]);
  });

  test('attention', () => {
    const v = values([4, 0, 0, 8], [1, 1, 2, 2]);
    assertClose(attention(q, k, v, { scale: 1 }).output.data, [1, 6, 2, 4]);
    assertClose(attention(q, k, v, { scale: 1, mask: [2, 2] }).output.data, [0, 0, 0, 0]);
  });

  test('topK', () => {
    assert.deepEqual(topK([1, 3, 2, 3], 2), [1, 3]);
    assert.deepEqual(topK([1, 3, 2, 3], 3, { order: 'value' }), [1, 3, 2]);
    assert.deepEqual(topK([-0, 0, Number.NaN, Number.NEGATIVE_INFINITY], 3, { order: 'value' }), [0, 1, 3]);
    assert.deepEqual(topK([4, 1, Number.NaN], 2, { largest: false, order: 'value' }), [1, 0]);
    assert.deepEqual(topK([9, 1, 8, 7], 2, { mask: [2, 1, 0, 0] }), [1, 2]);
    assert.deepEqual(topK([1, 2, 4, 3], 1, { offsets: [0, 2, 4] }), [1, 2]);
  });

  test('selectThreshold', () => {
    assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
    assert.equal(quantile([1, 2, 3, 4, 5], 0.9), 4.6);
    assert.deepEqual(selectThreshold([1, 2, 3], { above: 2 }), [2]);
    assert.deepEqual(selectThreshold([5, 1, 2, 3], { quantile: 0.5 }), [0, 3]);
    assert.deepEqual(selectThreshold([1, 2, 3, 4, 100], { iqr: 1.5 }), [4]);
    assert.deepEqual(selectThreshold([0, 0, 0, 4], { meanStd: 1, ddof: 1 }), [3]);
    assert.deepEqual(selectThreshold([1, 1, 1], { meanStd: 0 }, { min: 2 }), [0, 1]);
    assert.deepEqual(selectThreshold([1, 5, 4], { mass: 0.6 }), [1, 2]);
    assert.deepEqual(selectThreshold([1, 5, 4], { mass: 0.5 }), [1]);
    assert.deepEqual(selectThreshold([1, 5, 4], { above: 0 }, { mask: [1, 0, 0], max: 1 }), [0]);
  });

  test('gatherTokens and restoreTokens', () => {
    const x = values([1, 2, 3, 4, 5, 6], [1, 3, 2]);
    assert.deepEqual(gatherTokens(x, [[2, 0]]), [
      [
        [5, 6],
        [1, 2],
      ],
    ]);
    const y = values([1, 2, 3, 4], [2, 2]);
    assertClose(restoreTokens(y, [1, -1, -1, 0]), [3, 4, 0, 0, 0, 0, 1, 2]);
    assertClose(restoreTokens(y, [1, -1, 0, -1], 'nearest'), [3, 4, 3, 4, 1, 2, 1, 2]);
    assertClose(restoreTokens(y, [1, -1], values([9, 9, 7, 7], [2, 2])), [3, 4, 7, 7]);
    const residual = values([10, 20, 30, 40], [2, 2]);
    assertClose(restoreSum(restoreTokens(y, [1, -1]), { weights: [2, 5], residual }, 2), [16, 28, 30, 40]);
    assertClose(restoreSum(restoreTokens(y, [1, 0]), { weights: [2, 5] }, 2), [6, 8, 5, 10]);
  });

  test('mergeTokens', () => {
    const x = values([3, 0, 0, 4, 1, 1], [3, 2]);
    const slots = [{ members: [2] }, { members: [0, 1] }];
    assertClose(mergeTokens(x, slots).tokens, [1, 1, 1.5, 2]);
    assertClose(mergeTokens(x, slots, { sizes: [2, 1, 1] }).tokens, [1, 1, 2, 4 / 3]);
    assertClose(mergeTokens(x, slots, { sizes: [2, 1, 1] }).sizes, [1, 3]);
    assertClose(mergeTokens(x, slots, { reduce: 'sum' }).tokens, [1, 1, 3, 4]);
    assertClose(mergeTokens(x, slots, { reduce: 'max' }).tokens, [1, 1, 3, 4]);
    assertClose(mergeTokens(x, slots, { reduce: 'norm' }).tokens, [1, 1, 2.4, 3.2]);
    const weighted = mergeTokens(x, [{ members: [0, 1], weights: [3, 1] }]);
    assertClose(weighted.tokens, [9 / 4, 1]);
    assertClose(weighted.sizes, [2]);
  });

  test('bipartiteMatch', () => {
    const metric = values([1, 0, 0, 1, 0, 1, 1, 0, 1, 1], [5, 2]);
    // Sources 0 and 2 equal destinations 3 and 1; source 4 lies between both and takes the lower.
    assert.deepEqual(bipartiteMatch(metric, { r: 1 }), [[2], [4], [1], [0, 3]]);
    assert.deepEqual(bipartiteMatch(metric), [[4], [1, 2], [0, 3]]);
    assert.deepEqual(bipartiteMatch(metric, { threshold: 0.9, mask: [1, 0, 0, 0, 0] }), [
      [0],
      [4],
      [1, 2],
      [3],
    ]);
    assert.deepEqual(bipartiteMatch(metric, { r: 0 }), [[0], [1], [2], [3], [4]]);
    const isDestination = [false, false, true, false, false];
    assert.deepEqual(bipartiteMatch(metric, { isDestination, r: 2 }), [[0], [3], [1, 2, 4]]);
  });

  test('farthestPoint', () => {
    const line = values([0, 1, 2, 9, 4], [5, 1]);
    assert.deepEqual(farthestPoint(line, { count: 3, metric: 'l2' }), [3, 0, 4]);
    assert.deepEqual(
      farthestPoint(line, { count: 3, metric: 'l2', start: 1, mask: [0, 0, 0, 2, 0] }),
      [1, 4, 0],
    );
    assert.deepEqual(farthestPoint(line, { count: 2, mask: [0, 0, 1, 0, 0] }), [2, 0]);
  });

  test('dppGreedy', () => {
    const x = values([1, 0, 0.6, 0.8, 0, 1], [3, 2]);
    assertClose(dppGains(x, [0.5, 1, 0.6], [1]), [0.16, 0, 0.1296]);
    assert.deepEqual(dppGreedy(x, [0.5, 1, 0.6], { count: 3 }), [1, 0, 2]);
    assert.deepEqual(dppGreedy(x, [0.5, 1, 0.6], { count: 2, mask: [0, 2, 1] }), [2, 0]);
  });

  test('matmul and its activations', () => {
    const a = values([1, 2, 3, 4], [1, 2, 2]);
    const b = values([5, 6, 7, 8], [2, 2]);
    assertClose(matmul(a, b).c, [19, 22, 43, 50]);
    assertClose(matmul(a, b, { transposeB: true, bias: [1, -1] }).c, [18, 22, 40, 52]);
    assertClose(
      [erfc(0), erfc(1), erfc(-1), erfc(3)],
      [1, 0.15729920705028513, 1.8427007929497148, 2.209049699858544e-5],
    );
    assertClose([activate(1, 'gelu'), activate(1, 'geluTanh')], [0.8413447460685429, 0.8411919906082768]);
  });

  test('pairedSimilarity', () => {
    const [a, b] = [values([3, 4, 0, 0, 1, 2], [3, 2]), values([4, 3, 1, 2, -2, -4], [3, 2])];
    assertClose(pairedSimilarity(a, b), [24 / 25, 0, -1]);
    assertClose(pairedSimilarity(a, b, 'dot'), [24, 0, -10]);
    assertClose(pairedSimilarity(a, b, 'l2'), [-2, -5, -45]);
  });

  test('similarityArgmax', () => {
    const [a, b] = [values([1, 2], [2, 1]), values([1, 3, 0, 3], [4, 1])];
    const best = (options: Parameters<typeof similarityArgmax>[2]) =>
      similarityArgmax(a, b, options).map(({ indices, values }) => [indices, values]);
    assert.deepEqual(best({ metric: 'dot', k: 3 }), [
      [
        [1, 3, 0],
        [3, 3, 1],
      ],
      [
        [1, 3, 0],
        [6, 6, 2],
      ],
    ]);
    assert.deepEqual(best({ metric: 'l2', aMask: [0, 2], bMask: [2, 0, 0, 0] }), [
      [[2], [-1]],
      [[-1], [-Infinity]],
    ]);
    assert.deepEqual(best({ k: 4 })[0][0], [0, 1, 3, 2]);
  });

  test('similarityReduce', () => {
    const x = values([1, 0, 0, 2, -1, 0], [3, 2]);
    assertClose(similarityReduce(x), [0, 1 / 3, 0]);
    assertClose(similarityReduce(x, { self: false }), [-1 / 2, 0, -1 / 2]);
    assertClose(similarityReduce(x, { f: { countAbove: 0 } }), [1, 1, 1]);
    assertClose(similarityReduce(x, { metric: 'dot', mask: [0, 0, 2] }), [1 / 2, 2, 0]);
    const elu = (1 + (Math.exp(0) - 1) + (Math.exp(-1) - 1)) / 3;
    assertClose(similarityReduce(x, { f: { elu: 0 } }), [elu, 1 / 3, elu]);
    assertClose(similarityReduce(x, { f: { gaussian: 1 }, mask: [0, 0, 2] }), [
      (1 + Math.exp(-1 / 2)) / 2,
      (1 + Math.exp(-1 / 2)) / 2,
      0,
    ]);
  });

  test('knnDensity', () => {
    const x = values([0, 1, 3, 9], [4, 1]);
    assertClose(densities(x, { k: 2 }), [-1 / 2, -1 / 2, -2, -18].map(Math.exp));
    const density = densities(x, { k: 2 });
    assert.deepEqual(separations(x, density), { separations: [9, 1, 2, 6], greatest: 9 });
    assert.deepEqual(separations(x, [1, 1, 0, 2], { mask: [0, 0, 0, 2] }).separations, [3, 1, 2, 0]);
    const turned = values([1, 0, 0, 1, 1, 0], [3, 2]);
    assertClose(densities(turned, { k: 2, metric: 'cosine' }), [1, Math.exp(-1 / 2), 1]);
  });

  test('layerNorm', () => {
    // Of variance 4, and of none.
    const x = values([1, 5, 7, 7], [2, 2]);
    assertClose(layerNorm(x, { epsilon: 0 }), [-1, 1, 0, 0]);
    assertClose(layerNorm(x, { epsilon: 12, weight: [2, 4], bias: [1, 0] }), [0, 2, 1, 0]);
  });

  test('channelMoments', () => {
    const x = values([1, 10, 5, 10, 9, 100], [3, 2]);
    const { mean, variance } = channelMoments(x, { mask: [0, 1, 2] });
    assertClose(mean, [3, 10]);
    assertClose(variance, [4, 0]);
    assertClose(channelMoments(x, { mask: [0, 1, 2], ddof: 1 }).variance, [8, 0]);
    assertClose(channelMoments(x, { mask: [2, 2, 0], ddof: 1 }).variance, [0, 0]);
    assertClose(channelMoments(x, { mask: [2, 2, 2] }).mean, [0, 0]);
  });

  test('gatherChannels', () => {
    const x = values([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 2, 3]);
    const lists = [
      [2, 0],
      [1, 1],
    ];
    assertClose(gatherChannels(x, lists), [3, 1, 6, 4, 8, 8, 11, 11]);
  });

  test('tokenNorms', () => {
    const x = values([3, -4, 0, 0], [1, 2, 2]);
    assertClose(tokenNorms(x), [5, 0]);
    assertClose(tokenNorms(x, 1), [7, 0]);
  });

  test('16-bit floats survive the way there and back', () => {
    for (let half = 0; half < 0x10000; half++) {
      const float16 = fromFloat16(half);
      const bfloat16 = fromBfloat16(half);
      if (!Number.isNaN(float16)) assert.equal(toFloat16(float16), half);
      if (!Number.isNaN(bfloat16)) assert.equal(toBfloat16(bfloat16), half);
    }
    assert.equal(toFloat16(1 + 2 ** -11), 0x3c00);
    assert.equal(toFloat16(1 + 3 * 2 ** -11), 0x3c02);
    assert.equal(toFloat16(2048 - 0.5), 0x6800);
    assert.equal(toFloat16(2 ** -25), 0);
    assert.equal(toFloat16(65519), 0x7bff);
    assert.equal(toBfloat16(1 + 2 ** -8), 0x3f80);
  });
});
