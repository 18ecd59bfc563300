import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Budget, budgets } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';

function counted(budget: Budget, tokens: number, kept = 0, layer?: number): number | undefined {
  const amount = budget(layer);
  if (amount === undefined) return undefined;
  assert.ok('count' in amount);
  return amount.count({ tokens, kept });
}

describe('budgets of a number', () => {
  it("go by Algorithm 1's floor", () => {
    assert.equal(counted(budgets.ratio(0.5), 7), 3);
    assert.equal(counted(budgets.ratio(0), 7), 7);
    assert.equal(counted(budgets.keep(0.5), 7), 3);
    assert.equal(counted(budgets.keep(1), 7), 7);
    assert.equal(counted(budgets.count(4), 7), 4);
    assert.equal(counted(budgets.remove(4), 7), 3);
  });

  it('take a product next to an integer as that integer', () => {
    assert.equal(Math.floor(1000 * (1 - 0.9)), 99);
    assert.equal(counted(budgets.ratio(0.9), 1000), 100);
    assert.equal(Math.ceil(0.07 * 100), 8);
    assert.equal(counted(budgets.keep(0.07, { rounding: 'ceil' }), 100), 7);
    assert.equal(counted(budgets.keep(0.29), 100), 29);
    assert.equal(counted(budgets.ratio(0.9, { rounding: 'truncate' }), 1000), 99);
    assert.equal(counted(budgets.keep(0.29, { rounding: 'truncate' }), 100), 28);
    for (let n = 1; n <= 300; n++)
      for (let k = 1; k <= n; k++) {
        assert.equal(counted(budgets.keep(k / n), n), k);
        assert.equal(counted(budgets.ratio(1 - k / n), n), k);
      }
  });

  it('round as told, a half to the even side', () => {
    assert.equal(counted(budgets.keep(0.5, { rounding: 'ceil' }), 7), 4);
    assert.equal(counted(budgets.keep(0.5, { rounding: 'round' }), 5), 2);
    assert.equal(counted(budgets.keep(0.5, { rounding: 'round' }), 7), 4);
    assert.equal(counted(budgets.keep(0.3, { rounding: 'round' }), 9), 3);
  });

  it('count the free tokens alone where told', () => {
    assert.equal(counted(budgets.keep(0.7, { rounding: 'ceil', of: 'free' }), 197, 1), 1 + 138);
    assert.equal(counted(budgets.ratio(0.5, { of: 'free' }), 9, 2), 2 + 3);
  });

  it('name what is wrong', () => {
    const { count, keep, ratio, remove } = budgets as unknown as Record<
      string,
      (...args: unknown[]) => Budget
    >;
    for (const value of [0, -0.5, 1.5, Number.NaN])
      assert.throws(() => keep(value), isArgumentError('ERR_TOKENSIEVE_RANGE', 'keep', value));
    for (const value of [1, -0.1, Number.NaN])
      assert.throws(() => ratio(value), isArgumentError('ERR_TOKENSIEVE_RANGE', 'ratio', value));
    for (const value of [0, -1, 2.5, Number.POSITIVE_INFINITY])
      assert.throws(() => count(value), isArgumentError('ERR_TOKENSIEVE_RANGE', 'count', value));
    for (const value of [-1, 2.5])
      assert.throws(() => remove(value), isArgumentError('ERR_TOKENSIEVE_RANGE', 'r', value));
    for (const value of [undefined, null, '0.5', {}, 1n])
      assert.throws(() => keep(value), isArgumentError('ERR_TOKENSIEVE_TYPE', 'keep'));
    assert.throws(() => keep([0.5, 2]), isArgumentError('ERR_TOKENSIEVE_RANGE', 'keep\\[1\\]', 2));
    assert.throws(() => keep([0.5, 'x']), isArgumentError('ERR_TOKENSIEVE_TYPE', 'keep\\[1\\]'));
    assert.throws(
      () => keep(0.5, { rounding: 'up' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.rounding'),
    );
    assert.throws(() => keep(0.5, { of: 'none' }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.of'));
    assert.throws(() => keep(0.5, null), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
  });
});

describe('schedules', () => {
  it('are one number, a list, or a function of the layer', () => {
    const list = budgets.remove([8, 4]);
    assert.deepEqual(
      [0, 1, 2].map((layer) => counted(list, 20, 0, layer)),
      [12, 16, undefined],
    );
    const falling = budgets.keep((layer) => 1 / (layer + 1));
    assert.deepEqual(
      [0, 1, 3].map((layer) => counted(falling, 20, 0, layer)),
      [20, 10, 5],
    );
    assert.equal(counted(budgets.keep(0.5), 20, 0, 7), 10);
  });

  it('need to know the layer', () => {
    assert.throws(
      () => budgets.keep([0.5])(undefined),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.layer'),
    );
    assert.throws(() => budgets.keep(() => 2)(3), isArgumentError('ERR_TOKENSIEVE_RANGE', 'keep\\(3\\)', 2));
  });

  it('act at some layers alone', () => {
    const evit = budgets.keep(budgets.atLayers([3, 6], 0.7));
    assert.deepEqual(
      [0, 3, 5, 6].map((layer) => counted(evit, 100, 0, layer)),
      [undefined, 70, undefined, 70],
    );
    const each = budgets.keep(budgets.atLayers([3, 6], [0.7, 0.5]));
    assert.equal(counted(each, 100, 0, 6), 50);
    assert.throws(() => budgets.atLayers([3, 6], [0.7]), isArgumentError('ERR_TOKENSIEVE_SHAPE', 'values'));
    assert.throws(
      () => budgets.atLayers(3 as unknown as number[], 0.7),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'layers'),
    );
  });

  it("follow ToMe's inflection", () => {
    assert.deepEqual(budgets.inflected({ r: 8, inflection: 0, layers: 3 }), [8, 8, 8]);
    assert.deepEqual(
      budgets.inflected({ r: 8, inflection: -1, layers: 12 }),
      [16, 14, 13, 11, 10, 8, 7, 5, 4, 2, 1, 0],
    );
    assert.deepEqual(budgets.inflected({ r: 8, inflection: 1, layers: 5 }), [0, 4, 8, 12, 16]);
    assert.deepEqual(budgets.inflected({ r: 5, inflection: 0.3, layers: 2 }), [3, 7]);
    assert.deepEqual(budgets.inflected({ r: 5, inflection: -1, layers: 1 }), [5]);
    for (const [options, path] of [
      [{ r: -1, inflection: 0, layers: 2 }, 'options.r'],
      [{ r: 1, inflection: 2, layers: 2 }, 'options.inflection'],
      [{ r: 1, inflection: 0, layers: 0 }, 'options.layers'],
    ] as const)
      assert.throws(() => budgets.inflected(options), isArgumentError('ERR_TOKENSIEVE_RANGE', path));
    assert.throws(
      () => budgets.inflected({ r: 1, inflection: 0 } as never),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.layers'),
    );
  });
});
