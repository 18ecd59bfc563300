import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { budgets, createSieve, type SieveInputs, type Strategy, strategies } from 'tokensieve';
import { bipartiteMatch } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, tensorOf } from '../support/tensors.js';

/** The mean over heads of k, row by row `[N,D]`. */
function meanKeys(k: NonNullable<SieveInputs['k']>) {
  const { data, dims } = decode(k);
  const [batch, heads, length, channels] = dims;
  return Array.from({ length: batch }, (_, row) => {
    const mean = new Float64Array(length * channels);
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < mean.length; i++) mean[i] += data[(row * heads + head) * mean.length + i] / heads;
    return { data: mean, dims: [length, channels] };
  });
}

describe('strategies.bipartiteMerge', () => {
  const removing = (r: number, strategy: Strategy) => createSieve({ budget: budgets.remove(r), strategy });

  for (const r of [0, 1, 3, 5, 50])
    it(`matches the mean over heads of the keys, r = ${r}`, () => {
      const inputs = randomInputs({ batch: 3, seed: 7 });
      const left = removing(r, strategies.bipartiteMerge()).reduceSync(inputs);
      meanKeys(inputs.k!).forEach((metric, row) => {
        assert.deepEqual(membersOf(left.map, row), bipartiteMatch(metric, { r }));
      });
      assertConsistent(inputs, left);
    });

  it('takes a metric, hidden states, one head, and heads beside their tokens', () => {
    const inputs = randomInputs({ seed: 8 });
    const merge = strategies.bipartiteMerge();
    const expected = removing(3, merge).reduceSync(inputs).map;
    const means = meanKeys(inputs.k!);
    const metric = tensorOf('float32', [...means[0].data, ...means[1].data], [2, 11, 8]);
    const { k: _, ...rest } = inputs;
    assert.deepEqual(removing(3, merge).reduceSync({ ...rest, metric }).map, expected);
    const oneHead = { ...metric, dims: [2, 1, 11, 8] };
    assert.deepEqual(removing(3, merge).reduceSync({ ...rest, k: oneHead }).map, expected);
    const beside = {
      ...rest,
      q: undefined,
      v: undefined,
      k: { ...metric, dims: [2, 11, 1, 8] },
      layout: 'bnhd',
    } as const;
    assert.deepEqual(removing(3, merge).reduceSync(beside).map, expected);
    const byHidden = removing(3, strategies.bipartiteMerge({ metric: 'hidden' })).reduceSync({
      hidden: metric,
    });
    assert.deepEqual(byHidden.map, expected);
  });

  it('tracks sizes and masks, with rows that remove different numbers', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(0.1, 0.3, 0.5), (seed, ratio) => {
        const random = seeded(seed);
        const mask = randomMask(random, 3, 9);
        const sizes = Float32Array.from(mask, () => 1 + random.integer(4));
        const inputs = { ...randomInputs({ batch: 3, length: 9, seed }), mask, sizes };
        const left = createSieve({
          budget: budgets.ratio(ratio),
          strategy: strategies.bipartiteMerge(),
        }).reduceSync(inputs);
        assertConsistent(inputs, left);
        meanKeys(inputs.k!).forEach((metric, row) => {
          const own = mask.subarray(row * 9, (row + 1) * 9);
          const tokens = own.filter((state) => state !== 2).length;
          const kept = own.filter((state) => state === 1).length;
          const stay = Math.max(1, kept, Math.floor(tokens * (1 - ratio) + 1e-8));
          assert.deepEqual(membersOf(left.map, row), bipartiteMatch(metric, { r: tokens - stay, mask: own }));
        });
      }),
      { numRuns: 50 },
    );
  });

  it('merges by threshold, with or without a budget', () => {
    const inputs = randomInputs({ batch: 1, seed: 9 });
    const strategy = strategies.bipartiteMerge({ threshold: 0.2 });
    const [metric] = meanKeys(inputs.k!);
    assert.deepEqual(membersOf(reduce(inputs, strategy).map, 0), bipartiteMatch(metric, { threshold: 0.2 }));
    const one = removing(1, strategy).reduceSync(inputs);
    assert.deepEqual(membersOf(one.map, 0), bipartiteMatch(metric, { r: 1, threshold: 0.2 }));
  });

  it('takes a grid for the free tokens where there are others', () => {
    const { hidden } = randomInputs({ batch: 1, length: 9 });
    const mask = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 2, 1);
    const strategy = strategies.bipartiteMerge({
      metric: 'hidden',
      partition: { grid: [2, 3], stride: [1, 3] },
    });
    const left = removing(4, strategy).reduceSync({ hidden, mask });
    const slots = membersOf(left.map, 0);
    assert.deepEqual(slots.slice(0, 2), [[0], [8]]);
    assert.deepEqual(slots.slice(2).flat().sort(), [1, 2, 3, 4, 5, 6]);
    for (const [slot, destination] of [1, 4].entries()) assert.ok(slots[2 + slot].includes(destination));
    assert.throws(
      () => removing(1, strategy).reduceSync({ hidden }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.partition.grid'),
    );
  });

  it('names what is missing or wrong', () => {
    const { k: _, ...withoutK } = randomInputs();
    const merge = strategies.bipartiteMerge();
    assert.throws(
      () => removing(1, merge).reduceSync(withoutK),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.k'),
    );
    assert.throws(
      () => createSieve({ budget: budgets.mass(0.5), strategy: merge }).reduceSync(randomInputs()),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget'),
    );
    for (const option of ['metric', 'reduce', 'order', 'partition'])
      assert.throws(
        () => strategies.bipartiteMerge({ [option]: 'x' }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${option}`),
      );
  });
});
