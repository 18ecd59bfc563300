import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { criteria, type TopKPruneOptions, topKPrune } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { topK } from '../reference/top-k.js';
import { isArgumentError } from '../support/assertions.js';
import { membersOf, randomInputs } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

describe('topKPrune', () => {
  it('gathers the floor(N (1 - ratio)) tokens that receive most attention', () => {
    const inputs = randomInputs({ length: 21 });
    const { scores } = attentionScores(decode(inputs.q!), decode(inputs.k!));
    for (const [ratio, M] of [
      [0.1, 18],
      [0.5, 10],
      [0.9, 2],
      [0.99, 1],
    ]) {
      const { map } = topKPrune({ ratio }).reduceSync(inputs);
      for (let row = 0; row < 2; row++)
        assert.deepEqual(membersOf(map, row).flat(), topK(scores.data.subarray(row * 21, (row + 1) * 21), M));
    }
  });

  it('counts exactly, however it is told', () => {
    const inputs = randomInputs({ length: 20 });
    const length = (options: TopKPruneOptions) => topKPrune(options).reduceSync(inputs).hidden.dims[1];
    assert.deepEqual([length({ count: 7 }), length({ keep: 0.35 }), length({ ratio: 0.65 })], [7, 7, 7]);
    assert.equal(length({ count: 99 }), 20);
    assert.equal(length({ keep: 1 }), 20);
  });

  it('takes any criterion, and the order of scores', () => {
    const inputs = randomInputs();
    const options = { count: 5, criterion: criteria.random({ seed: 4 }), order: 'score' } as const;
    const { map, scores } = topKPrune(options).reduceSync(inputs);
    const row = scores!.data.subarray(0, 11);
    assert.deepEqual(membersOf(map, 0).flat(), topK(row, 5, { order: 'value' }));
    const inverse = topKPrune({ count: 6, criterion: criteria.inverse(options.criterion) }).reduceSync(
      inputs,
    );
    assert.deepEqual(
      [...membersOf(map, 0).flat(), ...membersOf(inverse.map, 0).flat()].sort((a, b) => a - b),
      [...row.keys()],
    );
  });

  it('names what is wrong', () => {
    const create = topKPrune as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(
      () => create({ keep: 0.5, ratio: 0.5 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options', 'keep and ratio'),
    );
    assert.throws(() => create({ ratio: 1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.ratio', 1));
    assert.throws(() => create({ count: '3' }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.count', '3'));
    assert.throws(
      () => create({ count: 3, order: 'x' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.order'),
    );
    assert.throws(
      () => create({ count: 3, criterion: 'x' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'criterion'),
    );
  });
});
