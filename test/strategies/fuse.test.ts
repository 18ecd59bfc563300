import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { strategies } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { reduce, scored } from '../support/strategies.js';
import { tensorOf } from '../support/tensors.js';

describe('strategies.pruneAndFuse', () => {
  const rows = [
    [0.5, 0.1, 0.4, 0.3, 0.2],
    [0.1, 0.2, 0.3, 0.4, 0.5],
  ];

  it('puts what is dropped into one last token, weighted by score', () => {
    const inputs = scored(rows);
    const left = reduce(inputs, strategies.pruneAndFuse(), 2);
    assert.deepEqual(membersOf(left.map, 0), [[0], [2], [1, 3, 4]]);
    assert.deepEqual(membersOf(left.map, 1), [[3], [4], [0, 1, 2]]);
    assert.deepEqual([...(left.map.weights ?? [])].slice(2, 5), [...Float32Array.of(0.1, 0.3, 0.2)]);
    assert.deepEqual([...left.map.assignment.subarray(0, 5)], [0, 2, 1, 2, 2]);
    assert.deepEqual([...left.positions.data], [0, 2, 1, 3, 4, 0]);
    assertConsistent(inputs, left);
  });

  it('can sum, weight all the same, and order by score', () => {
    const inputs = scored(rows, { sizes: Float32Array.of(1, 2, 3, 4, 5) });
    const { hidden } = inputs;
    const sum = reduce(inputs, strategies.pruneAndFuse({ reduce: 'sum', order: 'score' }), 2);
    assert.deepEqual(membersOf(sum.map, 1), [[4], [3], [0, 1, 2]]);
    assertConsistent({ hidden }, { ...sum, sizes: tensorOf('float32', sum.map.sizes(), [2, 3]) }, 'sum');
    assert.deepEqual([...sum.sizes.data], [1, 3, 11, 5, 4, 6]);
    const uniform = reduce(
      { ...inputs, sizes: undefined },
      strategies.pruneAndFuse({ weights: 'uniform' }),
      2,
    );
    assert.equal(uniform.map.weights, undefined);
    assertConsistent({ hidden }, uniform);
  });

  it('weights by size as well as score, and never by nothing', () => {
    const sizes = Float32Array.of(1, 2, 3, 4, 5, 5, 4, 3, 2, 1);
    const inputs = scored(rows, { sizes });
    assertConsistent(inputs, reduce(inputs, strategies.pruneAndFuse(), 3));
    const zero = scored([[1, 0, 0, 0]]);
    const left = reduce(zero, strategies.pruneAndFuse(), 1);
    assertConsistent(zero, left);
    assert.equal(left.map.weights, undefined);
  });

  it('fuses in rows that drop something alone', () => {
    const inputs = scored(rows, { lengths: Int32Array.of(5, 2) });
    const left = reduce(inputs, strategies.pruneAndFuse(), 2);
    assert.deepEqual([...left.map.outputLengths], [3, 2]);
    assertConsistent(inputs, left);
  });

  it('gives the fused token back to each that is in it', () => {
    const inputs = scored([[3, 2, 1, 0.5]]);
    const left = reduce(inputs, strategies.pruneAndFuse(), 2);
    assert.deepEqual([...left.map.assignment], [0, 1, 2, 2]);
  });

  it('names a score that cannot weight, and bad options', () => {
    for (const bad of [-1, Number.NaN])
      assert.throws(
        () => reduce(scored([[5, bad, 3, 4]]), strategies.pruneAndFuse(), 2),
        isArgumentError('ERR_TOKENSIEVE_RANGE', 'scores\\[0,1\\]', bad),
      );
    const uniform = strategies.pruneAndFuse({ weights: 'uniform' });
    assert.equal(reduce(scored([[5, -1, 3, 4]]), uniform, 2).hidden.dims[1], 3);
    for (const option of ['weights', 'reduce', 'order'])
      assert.throws(
        () => strategies.pruneAndFuse({ [option]: 'x' }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${option}`),
      );
  });
});
