import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, createSieve, criteria, strategies } from 'tokensieve';
import { dppGreedy } from '../reference/dpp-greedy.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, tensorOf, values } from '../support/tensors.js';

describe('strategies.dpp', () => {
  const random = seeded(2);
  const relevance = Float32Array.from({ length: 42 }, random.uniform);
  const inputs = {
    ...randomInputs({ batch: 3, length: 14, channels: 20 }),
    scores: tensorOf('float32', relevance, [3, 14]),
  };
  const row = (b: number) => values(decode(inputs.hidden).data.subarray(b * 280, (b + 1) * 280), [14, 20]);
  const own = <T extends Float32Array | Uint8Array>(array: T, b: number) =>
    array.slice(b * 14, (b + 1) * 14) as T;

  it('keeps the tokens that dppGreedy chooses, in place or in the order of choice', async () => {
    const byChoice = reduce(inputs, strategies.dpp({ order: 'score' }), 6);
    const byIndex = reduce(inputs, strategies.dpp(), 6);
    for (const left of [byChoice, byIndex]) assertConsistent(inputs, left);
    for (let b = 0; b < 3; b++) {
      const chosen = dppGreedy(row(b), own(relevance, b), { count: 6 });
      assert.deepEqual(membersOf(byChoice.map, b).flat(), chosen);
      assert.deepEqual(
        membersOf(byIndex.map, b).flat(),
        chosen.sort((i, j) => i - j),
      );
    }
    const sieve = createSieve({ strategy: strategies.dpp(), budget: budgets.count(6) });
    assert.deepEqual(await sieve.reduce(inputs), sieve.reduceSync(inputs));
  });

  it('keeps protected tokens, of rows of any length', () => {
    const mask = randomMask(seeded(3), 3, 14);
    const masked = { ...inputs, mask };
    const sieve = createSieve({ strategy: strategies.dpp({ order: 'score' }), budget: budgets.ratio(0.4) });
    const left = sieve.reduceSync(masked);
    assertConsistent(masked, left);
    for (let b = 0; b < 3; b++) {
      const options = { count: left.map.outputLengths[b], mask: own(mask, b) };
      assert.deepEqual(membersOf(left.map, b).flat(), dppGreedy(row(b), own(relevance, b), options));
    }
    const padded = { ...inputs, lengths: Int32Array.of(14, 0, 5) };
    assertConsistent(padded, sieve.reduceSync(padded));
  });

  it('goes by the scores of a criterion, and the features asked for', () => {
    const one = randomInputs({ batch: 1, length: 3 });
    const metric = tensorOf('float32', [1, 0, 1, 0, 0, 1], [1, 3, 2]);
    const scores = tensorOf('float32', [1, 0.9, 0.1], [1, 3]);
    assert.deepEqual([...reduce({ ...one, metric, scores }, strategies.dpp(), 2).map.members], [0, 2]);
    const k = tensorOf('float32', metric.data, [1, 1, 3, 2]);
    const byKeys = reduce({ ...one, k, scores }, strategies.dpp({ metric: 'keys' }), 2);
    assert.deepEqual([...byKeys.map.members], [0, 2]);
    // Negative scores are no relevance until they are brought to one.
    const criterion = criteria.keyNorm();
    const parts = { strategy: strategies.dpp(), budget: budgets.count(2) };
    assert.throws(
      () => createSieve({ ...parts, criterion }).reduceSync(one),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'relevance'),
    );
    const scaled = criteria.combineByWeight([{ criterion }], { normalize: 'range' });
    assert.equal(createSieve({ ...parts, criterion: scaled }).reduceSync(one).map.outputLengths[0], 2);
  });

  it('names what is missing or wrong', () => {
    const type = (path: string) => isArgumentError('ERR_TOKENSIEVE_TYPE', path);
    const { scores: _, ...without } = inputs;
    assert.throws(() => reduce(without, strategies.dpp(), 2), type('inputs.scores'));
    assert.throws(() => reduce(inputs, strategies.dpp()), type('budget'));
    const byRule = createSieve({ strategy: strategies.dpp(), budget: budgets.threshold(1) });
    assert.throws(() => byRule.reduceSync(inputs), type('budget'));
    assert.throws(() => strategies.dpp({ order: 'x' as never }), type('options.order'));
    assert.throws(() => strategies.dpp({ metric: 'x' as never }), type('options.metric'));
    assert.throws(() => strategies.dpp(null as never), type('options'));
  });
});
