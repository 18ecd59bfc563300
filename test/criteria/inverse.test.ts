import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, createSieve, criteria, strategies } from 'tokensieve';
import { given } from '../support/ask.js';
import { isArgumentError } from '../support/assertions.js';
import { randomInputs } from '../support/reductions.js';

describe('criteria.inverse', () => {
  it('turns the order round and leaves NaN last', () => {
    const inputs = { hidden: randomInputs({ batch: 1, length: 4 }).hidden };
    const sieve = createSieve({
      criterion: criteria.inverse(given([[3, Number.NaN, 1, 2]])),
      budget: budgets.count(2),
      strategy: strategies.prune({ order: 'score' }),
    });
    assert.deepEqual([...sieve.reduceSync(inputs).map.members], [2, 3]);
  });

  it('needs a criterion', () => {
    assert.throws(() => criteria.inverse({} as never), isArgumentError('ERR_TOKENSIEVE_TYPE', 'criterion'));
  });
});
