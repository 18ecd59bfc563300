import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Criterion, criteria } from 'tokensieve';
import { ask, given } from '../support/ask.js';
import { assertWithin, isArgumentError } from '../support/assertions.js';
import { randomInputs } from '../support/reductions.js';

describe('criteria.combineByWeight and combineByRank', () => {
  const inputs = { hidden: randomInputs({ batch: 2, length: 4 }).hidden };
  const a = given([
    [1, 2, 3, 5],
    [7, 7, 7, 7],
  ]);
  const b = given([
    [8, 6, 4, 2],
    [0, 1, 0, 1],
  ]);

  it('sum scores as they are', () => {
    const combined = criteria.combineByWeight([{ criterion: a, weight: 2 }, { criterion: b }]);
    assert.deepEqual([...ask(combined, inputs).data], [10, 10, 10, 12, 14, 15, 14, 15]);
  });

  it('bring them to one range, or one deviation', () => {
    const range = criteria.combineByWeight([{ criterion: a }, { criterion: b, weight: 3 }], {
      normalize: 'range',
    });
    const third = 1 / 3;
    const expected = [3, 0.25 + 6 * third, 0.5 + 3 * third, 1, 0, 3, 0, 3];
    assertWithin(ask(range, inputs), { data: expected, dims: [2, 4] }, () => 1e-6);
    const deviation = criteria.combineByWeight([{ criterion: b }], { normalize: 'deviation' });
    const r5 = Math.sqrt(5);
    const standard = [3 / r5, 1 / r5, -1 / r5, -3 / r5, -1, 1, -1, 1];
    assertWithin(ask(deviation, inputs), { data: standard, dims: [2, 4] }, () => 1e-6);
  });

  it('sum ranks, in which ties share their place', () => {
    const combined = criteria.combineByRank([{ criterion: a }, { criterion: b, weight: 10 }]);
    const third = 1 / 3;
    const expected = [10, third + 20 * third, 2 * third + 10 * third, 1, 0.5, 0.5, 0.5, 0.5].map(
      (x, i) => x + [0, 0, 0, 0, 5 * third, 25 * third, 5 * third, 25 * third][i],
    );
    assertWithin(ask(combined, inputs), { data: expected, dims: [2, 4] }, () => 1e-5);
  });

  it('look at the tokens that are not dropped alone', () => {
    const mask = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 2);
    const combined = criteria.combineByRank([{ criterion: b }]);
    const { data } = ask(combined, { ...inputs, mask });
    assert.deepEqual([...data], [0, 1, 0.5, 0, 0.25, 1, 0.25, 0]);
  });

  it('name what is wrong', () => {
    const combine = criteria.combineByWeight as (...args: unknown[]) => Criterion;
    assert.throws(() => combine(a), isArgumentError('ERR_TOKENSIEVE_TYPE', 'parts'));
    assert.throws(() => combine([]), isArgumentError('ERR_TOKENSIEVE_RANGE', 'parts'));
    assert.throws(() => combine([a]), isArgumentError('ERR_TOKENSIEVE_TYPE', 'parts\\[0\\]'));
    assert.throws(
      () => combine([{ weight: 1 }]),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'parts\\[0\\].criterion'),
    );
    assert.throws(
      () => combine([{ criterion: a, weight: Number.NaN }]),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'parts\\[0\\].weight'),
    );
    assert.throws(
      () => combine([{ criterion: a }], { normalize: 'max' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.normalize'),
    );
  });
});
