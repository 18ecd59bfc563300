import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Budget, budgets, createSieve, strategies } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, scoresOf } from '../support/reductions.js';

function kept(budget: Budget, rows: number[][], mask?: Uint8Array): number[][] {
  const scores = scoresOf(rows);
  const inputs = {
    hidden: randomInputs({ batch: rows.length, length: rows[0].length }).hidden,
    scores,
    ...(mask && { mask }),
  };
  const left = createSieve({ budget, strategy: strategies.prune() }).reduceSync(inputs);
  assertConsistent(inputs, left);
  return rows.map((_, row) => membersOf(left.map, row).flat());
}

describe('budgets that the scores decide', () => {
  const rows = [
    [0.1, 0.4, 0.2, 0.3],
    [0.7, 0.1, 0.1, 0.1],
  ];

  it('keep what is above a score', () => {
    assert.deepEqual(kept(budgets.threshold(0.15), rows), [[1, 2, 3], [0]]);
    assert.deepEqual(kept(budgets.threshold({ above: 0.35 }), rows), [[1], [0]]);
  });

  it('keep at least one, or as many as told, and at most so many', () => {
    assert.deepEqual(kept(budgets.threshold(9), rows), [[1], [0]]);
    assert.deepEqual(kept(budgets.threshold(9, { min: 2 }), rows), [
      [1, 3],
      [0, 1],
    ]);
    assert.deepEqual(kept(budgets.threshold(0, { max: 2 }), rows), [
      [1, 3],
      [0, 1],
    ]);
  });

  it('keep the share of the sum asked for', () => {
    assert.deepEqual(kept(budgets.mass(0.6), rows), [[1, 3], [0]]);
    assert.deepEqual(kept(budgets.mass(1), [[0.5, 0.25, 0.25, 0]]), [[0, 1, 2]]);
  });

  it('heed the mask', () => {
    const mask = Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 2);
    assert.deepEqual(kept(budgets.threshold(0.25), rows, mask), [[0, 3], [0]]);
  });

  it('name what is wrong', () => {
    const { threshold, mass } = budgets as unknown as Record<string, (...args: unknown[]) => Budget>;
    assert.throws(() => threshold('0.5'), isArgumentError('ERR_TOKENSIEVE_TYPE', 'rule'));
    assert.throws(() => threshold(undefined), isArgumentError('ERR_TOKENSIEVE_TYPE', 'rule'));
    assert.throws(() => threshold(0, { min: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.min', 0));
    assert.throws(
      () => threshold(0, { min: 3, max: 2 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.max', 2),
    );
    assert.throws(() => threshold(0, { max: '2' }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.max'));
    assert.throws(() => threshold(0, null), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    for (const share of [0, 1.1, Number.NaN])
      assert.throws(() => mass(share), isArgumentError('ERR_TOKENSIEVE_RANGE', 'mass', share));
    assert.throws(
      () => kept(budgets.mass(0.5), [[0.5, -0.1]]),
      isArgumentError('ERR_TOKENSIEVE_RANGE', '.*'),
    );
  });
});
