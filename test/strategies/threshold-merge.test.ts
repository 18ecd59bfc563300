import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { strategies } from 'tokensieve';
import { bipartiteMatch } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, tensorOf } from '../support/tensors.js';

const { thresholdMerge } = strategies;

describe('strategies.thresholdMerge', () => {
  for (const threshold of [-1, 0, 0.3, 2])
    it(`merges pairs from a cosine of ${threshold} on`, () => {
      const inputs = { hidden: randomInputs({ batch: 3, seed: 12 }).hidden };
      const left = reduce(inputs, thresholdMerge({ threshold, metric: 'hidden' }));
      const { data } = decode(inputs.hidden);
      for (let row = 0; row < 3; row++) {
        const metric = { data: data.subarray(row * 66, (row + 1) * 66), dims: [11, 6] };
        assert.deepEqual(membersOf(left.map, row), bipartiteMatch(metric, { threshold }));
      }
      assertConsistent(inputs, left);
    });

  it('merges what is equal, up to what a budget lets go', () => {
    const hidden = tensorOf('float32', [1, 1, 1, 1, 2, 0, 2, 0], [4, 2]);
    const strategy = thresholdMerge({ threshold: 0.9, metric: 'hidden' });
    assert.deepEqual(membersOf(reduce({ hidden }, strategy).map, 0), [
      [0, 1],
      [2, 3],
    ]);
    assert.equal(reduce({ hidden }, strategy, 3).map.outputLengths[0], 3);
  });

  it('names what is wrong', () => {
    const make = thresholdMerge as (options?: unknown) => unknown;
    assert.throws(() => make({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.threshold'));
    assert.throws(() => make(), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.threshold'));
    assert.throws(
      () => make({ threshold: Number.NaN }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.threshold', 'NaN'),
    );
    assert.throws(
      () => make({ threshold: 1, metric: 'k' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.metric'),
    );
  });
});
