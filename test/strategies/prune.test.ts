import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { budgets, createSieve, strategies } from 'tokensieve';
import { topK } from '../reference/top-k.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomMask, scoresOf } from '../support/reductions.js';
import { reduce, scored } from '../support/strategies.js';
import { tensorOf } from '../support/tensors.js';

describe('strategies.prune', () => {
  it('keeps the best in place, or by falling score behind the protected ones', () => {
    const inputs = scored([[0.1, 0.5, 0.3, 0.5, 0.9, 0.2]], { mask: Uint8Array.of(0, 0, 1, 0, 2, 1) });
    const byIndex = reduce(inputs, strategies.prune(), 4);
    assert.deepEqual([...byIndex.map.members], [1, 2, 3, 5]);
    const byScore = reduce(inputs, strategies.prune({ order: 'score' }), 4);
    assert.deepEqual([...byScore.map.members], [2, 5, 1, 3]);
    for (const left of [byIndex, byScore]) assertConsistent(inputs, left);
  });

  it('agrees with a stable sort, whatever the mask and the rows', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 9 }), (seed, count) => {
        const random = seeded(seed);
        const rows = Array.from({ length: 3 }, () => Array.from({ length: 8 }, () => random.integer(5) / 4));
        const mask = randomMask(random, 3, 8);
        const inputs = scored(rows, { mask });
        const left = reduce(inputs, strategies.prune(), count);
        assertConsistent(inputs, left);
        rows.forEach((row, r) => {
          const own = mask.subarray(r * 8, (r + 1) * 8);
          const tokens = own.filter((state) => state !== 2).length;
          const kept = own.filter((state) => state === 1).length;
          const k = Math.min(tokens, Math.max(kept, count));
          assert.deepEqual(membersOf(left.map, r).flat(), topK(row, k, { mask: own }));
        });
      }),
    );
  });

  it('copies kept tokens bit for bit, in rows of any length', () => {
    const data = Float32Array.of(-0, 1e-42, Number.NaN, 3, 4, 5, -0, 7);
    const hidden = tensorOf('float32', data, [2, 4, 1]);
    const scores = scoresOf([
      [1, 1, 1, 1],
      [1, 2, 3, 4],
    ]);
    const left = createSieve({
      strategy: strategies.prune({ order: 'score' }),
      budget: budgets.ratio(0.25),
    }).reduceSync({ hidden, scores, mask: Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0) });
    assert.deepEqual([...(left.hidden.data as Float32Array)], [-0, data[1], 0, 7, -0, 5]);
  });

  it('names what is missing or wrong', () => {
    const { hidden } = scored([[1, 2]]);
    assert.throws(
      () => reduce({ hidden }, strategies.prune(), 1),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.scores'),
    );
    assert.throws(
      () => reduce(scored([[1, 2]]), strategies.prune()),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget'),
    );
    assert.throws(
      () => strategies.prune({ order: 'x' as never }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.order'),
    );
    assert.throws(() => strategies.prune(null as never), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
  });
});
