import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cts, restoreTokensSync } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, scoresOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

// A class token and 3 x 4 patches; a policy that scores the windows of the upper two lines 0.2 and 0.9, and a border.
const { hidden } = randomInputs({ batch: 1, length: 13 });
const inputs = {
  hidden,
  mask: Uint8Array.from({ length: 13 }, (_, i) => Number(i === 0)),
  grid: [3, 4],
  scores: scoresOf([[0, 0.2, 0.2, 0.9, 0.9, 0.2, 0.2, 0.9, 0.9, 1, 1, 1, 1]]),
};

describe('cts', () => {
  it('gives the windows of highest score one token each, those that are whole', () => {
    const one = cts({ groups: 1 }).reduceSync(inputs);
    assert.deepEqual(membersOf(one.map, 0), [[0], [1], [2], [3, 4, 7, 8], [5], [6], [9], [10], [11], [12]]);
    assertConsistent(inputs, one);
    const x = decode(hidden).data;
    const mean = [0, 1, 2, 3, 4, 5].map((c) => [3, 4, 7, 8].reduce((sum, i) => sum + x[i * 6 + c] / 4, 0));
    mean.forEach((value, c) => {
      assert.ok(Math.abs(decode(one.hidden).data[3 * 6 + c] - value) < 1e-6);
    });
    const all = cts({ groups: 99 }).reduceSync(inputs);
    assert.deepEqual(membersOf(all.map, 0), [[0], [1, 2, 5, 6], [3, 4, 7, 8], [9], [10], [11], [12]]);
    assert.equal(cts({ groups: 0 }).reduceSync(inputs).hidden.dims[1], 13);
  });

  it('lists shared windows last, as the authors do', () => {
    const { map } = cts({ groups: 2, reference: 'authors' }).reduceSync(inputs);
    assert.deepEqual(membersOf(map, 0), [[0], [9], [10], [11], [12], [1, 2, 5, 6], [3, 4, 7, 8]]);
  });

  it('scores a window by the mean of its tokens, the first of equal ones first', () => {
    const scores = scoresOf([[9, 1, 0, 0, 0, 0, 0, 0.5, 0.5, 0, 0, 0, 0]]);
    const { map } = cts({ groups: 1 }).reduceSync({ ...inputs, scores });
    assert.deepEqual(membersOf(map, 0)[1], [1, 2, 5, 6]);
  });

  it('lets every patch be restored', () => {
    const { hidden: left, map } = cts({ groups: 2 }).reduceSync(inputs);
    const restored = decode(restoreTokensSync(left, map)).data;
    const [slots, kept] = [decode(left).data, map.assignment];
    kept.forEach((slot, i) => {
      assert.deepEqual(restored.slice(i * 6, i * 6 + 6), slots.slice(slot * 6, slot * 6 + 6));
    });
  });

  it('names what is wrong', () => {
    const create = cts as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.groups'));
    assert.throws(
      () => create({ groups: 0.5 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.groups', 0.5),
    );
    assert.throws(
      () => create({ groups: 1, window: [2] }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.window'),
    );
    assert.throws(
      () => cts({ groups: 1 }).reduceSync({ ...inputs, scores: undefined }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.scores'),
    );
    assert.throws(
      () => cts({ groups: 1 }).reduceSync({ ...inputs, grid: [4, 4] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.grid'),
    );
  });
});
