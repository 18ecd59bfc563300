import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, createSieve, strategies } from 'tokensieve';
import { farthestPoint } from '../reference/farthest-point.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask, rowOf } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, tensorOf, values } from '../support/tensors.js';

describe('strategies.kCentre', () => {
  const inputs = randomInputs({ batch: 3, length: 14, channels: 7 });
  const row = (b: number) => values(decode(inputs.hidden).data.subarray(b * 98, (b + 1) * 98), [14, 7]);

  it('keeps the tokens that farthestPoint chooses, in place or in the order of choice', async () => {
    const byChoice = reduce(inputs, strategies.kCentre({ order: 'score' }), 6);
    const byIndex = reduce(inputs, strategies.kCentre(), 6);
    for (const left of [byChoice, byIndex]) assertConsistent(inputs, left);
    for (let b = 0; b < 3; b++) {
      const chosen = farthestPoint(row(b), { count: 6 });
      assert.deepEqual(membersOf(byChoice.map, b).flat(), chosen);
      assert.deepEqual(
        membersOf(byIndex.map, b).flat(),
        chosen.sort((i, j) => i - j),
      );
    }
    const sieve = createSieve({ strategy: strategies.kCentre(), budget: budgets.count(6) });
    assert.deepEqual(await sieve.reduce(inputs), sieve.reduceSync(inputs));
  });

  it('goes by the start, the distance and the features asked for', () => {
    const options = { start: 3, distance: 'l2', order: 'score' } as const;
    const left = reduce(inputs, strategies.kCentre(options), 5);
    const given = { count: 5, start: 3, metric: 'l2' } as const;
    for (let b = 0; b < 3; b++) assert.deepEqual(membersOf(left.map, b).flat(), farthestPoint(row(b), given));
    const line = tensorOf('float32', [0, 1, 2, 9, 4], [1, 5, 1]);
    const one = randomInputs({ batch: 1, length: 5 });
    const byMetric = reduce({ ...one, metric: line }, strategies.kCentre({ distance: 'l2' }), 2);
    assert.deepEqual([...byMetric.map.members], [0, 3]);
    const k = tensorOf('float32', line.data, [1, 1, 5, 1]);
    const byKeys = reduce({ ...one, k }, strategies.kCentre({ distance: 'l2', metric: 'keys' }), 2);
    assert.deepEqual([...byKeys.map.members], [0, 3]);
  });

  it('keeps protected tokens, of rows of any length', () => {
    const mask = randomMask(seeded(3), 3, 14);
    const masked = { ...inputs, mask };
    const budget = budgets.ratio(0.4);
    const sieve = createSieve({ strategy: strategies.kCentre({ order: 'score' }), budget });
    const left = sieve.reduceSync(masked);
    assertConsistent(masked, left);
    for (let b = 0; b < 3; b++) {
      const alone = sieve.reduceSync(rowOf(masked, b));
      assert.deepEqual(membersOf(left.map, b), membersOf(alone.map, 0));
      const own = mask.subarray(b * 14, (b + 1) * 14);
      const count = left.map.outputLengths[b];
      assert.deepEqual(membersOf(left.map, b).flat(), farthestPoint(row(b), { count, mask: own }));
    }
    const padded = { ...inputs, lengths: Int32Array.of(14, 0, 5) };
    assertConsistent(padded, sieve.reduceSync(padded));
    assertConsistent(randomInputs({ length: 0 }), sieve.reduceSync(randomInputs({ length: 0 })));
  });

  it('names what is missing or wrong', () => {
    const type = (path: string) => isArgumentError('ERR_TOKENSIEVE_TYPE', path);
    assert.throws(() => reduce(inputs, strategies.kCentre()), type('budget'));
    const byRule = createSieve({ strategy: strategies.kCentre(), budget: budgets.threshold(1) });
    assert.throws(() => byRule.reduceSync(inputs), type('budget'));
    assert.throws(() => strategies.kCentre({ order: 'x' as never }), type('options.order'));
    assert.throws(() => strategies.kCentre({ metric: 'x' as never }), type('options.metric'));
    assert.throws(() => strategies.kCentre({ distance: 'dot' as never }), type('options.distance'));
    assert.throws(
      () => reduce(inputs, strategies.kCentre({ start: 'x' as never }), 2),
      type('options.start'),
    );
    assert.throws(
      () => reduce(inputs, strategies.kCentre({ start: 14 }), 2),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.start', 14),
    );
    assert.throws(() => strategies.kCentre(null as never), type('options'));
  });
});
