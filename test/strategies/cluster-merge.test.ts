import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { budgets, createSieve, type SieveInputs, strategies } from 'tokensieve';
import { densityPeaks, kMeans } from '../reference/clustering.js';
import { mergeTokens } from '../reference/merge-tokens.js';
import { isArgumentError } from '../support/assertions.js';
import { slotsOf } from '../support/maps.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask, scoresOf } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, tensorOf, type Values } from '../support/tensors.js';

const { clusterMerge } = strategies;
const [batch, length, channels] = [3, 12, 4];

/** What each row is, and what is to become of it: its features, free and kept tokens, and clusters. */
function rowsOf({ hidden, mask }: SieveInputs, count: number) {
  const { data } = decode(hidden);
  return Array.from({ length: batch }, (_, row) => {
    const x: Values = {
      data: data.subarray(row * length * channels, (row + 1) * length * channels),
      dims: [length, channels],
    };
    const state = (i: number) => (mask as Uint8Array | undefined)?.[row * length + i] ?? 0;
    const tokens = Array.from({ length }, (_, i) => i);
    const free = tokens.filter((i) => state(i) === 0);
    const kept = tokens.filter((i) => state(i) === 1);
    return { x, free, kept, clusters: Math.min(free.length, Math.max(1, count - kept.length)) };
  });
}

/** With each kept token a slot of its own. */
const beside = (kept: readonly number[], clusters: number[][]) =>
  [...kept.map((i) => [i]), ...clusters].sort((a, b) => a[0] - b[0]);

describe('strategies.clusterMerge', () => {
  const situation = fc.record({ seed: fc.nat(1e6), count: fc.integer({ min: 1, max: 12 }) });
  const inputsOf = (seed: number) => {
    const random = seeded(seed);
    const mask = randomMask(random, batch, length);
    const sizes = Float32Array.from(mask, () => 1 + random.integer(4));
    return { hidden: randomInputs({ batch, length, channels, seed }).hidden, mask, sizes };
  };

  for (const similarity of ['l2', 'cosine'] as const)
    it(`k-means agrees with Lloyd's algorithm by ${similarity}, whatever the mask and the count`, () => {
      fc.assert(
        fc.property(situation, fc.integer({ min: 1, max: 4 }), ({ seed, count }, iterations) => {
          const inputs = inputsOf(seed);
          const options = { iterations, seed: seed * 2 ** 20, similarity };
          const left = reduce(inputs, clusterMerge({ method: 'k-means', ...options }), count);
          assertConsistent(inputs, left);
          rowsOf(inputs, count).forEach(({ x, free, kept, clusters }, row) => {
            const sizes = inputs.sizes.subarray(row * length);
            const expected = kMeans(x, free, { ...options, count: clusters, sizes });
            assert.deepEqual(membersOf(left.map, row), beside(kept, expected));
            assert.equal(left.map.outputLengths[row], kept.length + clusters);
          });
        }),
        { numRuns: 60, seed: 1 },
      );
    });

  for (const similarity of ['l2', 'cosine'] as const)
    it(`density peaks agree with their definition by ${similarity}, whatever the mask and the count`, () => {
      fc.assert(
        fc.property(situation, fc.integer({ min: 1, max: 13 }), ({ seed, count }, k) => {
          const inputs = inputsOf(seed);
          const left = reduce(inputs, clusterMerge({ method: 'dpc-knn', k, similarity }), count);
          assertConsistent(inputs, left);
          rowsOf(inputs, count).forEach(({ x, free, kept, clusters }, row) => {
            assert.deepEqual(
              membersOf(left.map, row),
              beside(kept, densityPeaks(x, free, { count: clusters, k, similarity })),
            );
          });
        }),
        { numRuns: 60, seed: 1 },
      );
    });

  it('finds clusters that are there', () => {
    const places = [0, 10, 0.1, 20, 10.1, -0.1, 19.9, 9.9];
    const hidden = tensorOf('float32', places, [8, 1]);
    const expected = [
      [0, 2, 5],
      [1, 4, 7],
      [3, 6],
    ];
    const peaks = reduce({ hidden }, clusterMerge({ method: 'dpc-knn', k: 2 }), 3);
    assert.deepEqual(membersOf(peaks.map, 0), expected);
    const found = Array.from({ length: 20 }, (_, seed) =>
      membersOf(reduce({ hidden }, clusterMerge({ method: 'k-means', seed }), 3).map, 0),
    );
    assert.ok(found.some((clusters) => JSON.stringify(clusters) === JSON.stringify(expected)));
    assert.ok(new Set(found.map((clusters) => JSON.stringify(clusters))).size > 1, 'the seed decides');
  });

  for (const method of ['dpc-knn', 'k-means'] as const) {
    it(`${method} leaves as many as asked of tokens that are all equal`, () => {
      const hidden = tensorOf('float32', new Float32Array(2 * length).fill(3), [length, 2]);
      for (const count of [1, 2, 7, 11, 12]) {
        const left = reduce({ hidden }, clusterMerge({ method }), count);
        assert.equal(left.map.outputLengths[0], count);
        assert.ok(left.hidden.data.every((x) => x === 3));
      }
    });

    it(`${method} weights by the exponential of the score`, () => {
      const random = seeded(3);
      const { hidden, sizes } = inputsOf(8);
      const scores = scoresOf(
        Array.from({ length: batch }, () => Array.from({ length }, () => 200 * random.normal())),
      );
      const left = reduce({ hidden, sizes, scores }, clusterMerge({ method, weights: 'score' }), 5);
      assertConsistent({ hidden, sizes }, left);
      const alike = reduce({ hidden, sizes }, clusterMerge({ method }), 5);
      assert.deepEqual(left.map.members, alike.map.members);
      const after = decode(left.hidden).data;
      rowsOf({ hidden }, 5).forEach(({ x }, row) => {
        const slots = slotsOf(alike.map)[row].map(({ members }) => {
          const own = Array.from(members, (i) => scores.data[row * length + i]);
          return { members, weights: own.map((score) => Math.exp(score - Math.max(...own))) };
        });
        const ownSizes = sizes.subarray(row * length, (row + 1) * length);
        const expected = mergeTokens(x, slots, { sizes: ownSizes });
        expected.tokens.forEach((value, i) => {
          const difference = Math.abs(after[row * 5 * channels + i] - value);
          assert.ok(difference <= 1e-5 * expected.magnitude[i] + 1e-30);
        });
      });
    });
  }

  it('compares keys or a metric where told to', () => {
    const inputs = { ...randomInputs({ batch: 1, length, heads: 1, keyHeads: 1 }) };
    const keys = decode(inputs.k!);
    const all = Array.from({ length }, (_, i) => i);
    const expected = kMeans({ data: keys.data, dims: [length, 8] }, all, { count: 4 });
    const byKeys = clusterMerge({ method: 'k-means', metric: 'keys' });
    assert.deepEqual(membersOf(reduce(inputs, byKeys, 4).map, 0), expected);
    const metric = { ...inputs.k!, dims: [1, length, 8] };
    const byMetric = reduce({ hidden: inputs.hidden, metric }, clusterMerge({ method: 'k-means' }), 4);
    assert.deepEqual(membersOf(byMetric.map, 0), expected);
  });

  it('names what is wrong', () => {
    const make = clusterMerge as (options?: unknown) => unknown;
    const method = 'k-means';
    for (const [options, path, code] of [
      [undefined, 'options.method', 'TYPE'],
      [null, 'options', 'TYPE'],
      [{ method: 'dbscan' }, 'options.method', 'TYPE'],
      [{ method: 'dpc-knn', k: 0 }, 'options.k', 'RANGE'],
      [{ method: 'dpc-knn', k: '5' }, 'options.k', 'TYPE'],
      [{ method, iterations: 0 }, 'options.iterations', 'RANGE'],
      [{ method, iterations: 1001 }, 'options.iterations', 'RANGE'],
      [{ method, iterations: '9' }, 'options.iterations', 'TYPE'],
      [{ method, seed: -1 }, 'options.seed', 'RANGE'],
      [{ method, seed: 2 ** 53 }, 'options.seed', 'RANGE'],
      [{ method: 'dpc-knn', similarity: 'dot' }, 'options.similarity', 'TYPE'],
      [{ method, similarity: 'dot' }, 'options.similarity', 'TYPE'],
      [{ method, metric: 'values' }, 'options.metric', 'TYPE'],
      [{ method, weights: 'uniform' }, 'options.weights', 'TYPE'],
      [{ method, reduce: 'min' }, 'options.reduce', 'TYPE'],
    ] as const)
      assert.throws(() => make(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));

    const inputs = randomInputs();
    const isBudget = isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget');
    assert.throws(() => reduce(inputs, clusterMerge({ method })), isBudget);
    const byRule = createSieve({ strategy: clusterMerge({ method }), budget: budgets.mass(0.5) });
    assert.throws(() => byRule.reduceSync(inputs), isBudget);
    const byScore = clusterMerge({ method, weights: 'score' });
    assert.throws(() => reduce(inputs, byScore, 3), isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.scores'));
    const { hidden } = randomInputs({ batch: 1, length: 3 });
    assert.throws(
      () => reduce({ hidden, scores: scoresOf([[0, Number.NaN, 1]]) }, byScore, 2),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'scores\\[0,1\\]', 'NaN'),
    );
  });
});
