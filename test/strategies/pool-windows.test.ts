import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { strategies } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { tensorOf } from '../support/tensors.js';
import { gridMask, windowSlots } from '../support/windows.js';

const { poolWindows } = strategies;

describe('strategies.poolWindows', () => {
  it('averages windows of a grid, smaller ones at its borders', () => {
    // 0 1 | 2
    // 3 4 | 5
    // -------
    // 6 7 | 8
    const hidden = tensorOf('float32', [0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 1]);
    const left = reduce({ hidden }, poolWindows({ grid: [3, 3], window: 2 }));
    assert.deepEqual(membersOf(left.map, 0), [[0, 1, 3, 4], [2, 5], [6, 7], [8]]);
    assert.deepEqual([...(left.hidden.data as Float32Array)], [2, 3.5, 6.5, 8]);
    assert.deepEqual([...left.sizes.data], [4, 2, 2, 1]);
  });

  it('weights by size, or joins otherwise', () => {
    const hidden = tensorOf('float32', [1, 5, 2, -4], [4, 1]);
    const inputs = { hidden, sizes: Float32Array.of(3, 1, 1, 1) };
    const joined = (join: 'mean' | 'sum' | 'max') => {
      const left = reduce(inputs, poolWindows({ window: 2, reduce: join }));
      return [...(left.hidden.data as Float32Array)];
    };
    assert.deepEqual(joined('mean'), [2, -1]);
    assert.deepEqual(joined('sum'), [6, -2]);
    assert.deepEqual(joined('max'), [5, 2]);
  });

  it('leaves a class token in front, and covers the free tokens alone', () => {
    const { hidden } = randomInputs({ batch: 1, length: 8 });
    const mask = Uint8Array.of(1, 0, 0, 2, 0, 0, 1, 2);
    const left = reduce({ hidden, mask }, poolWindows({ grid: [2, 2], window: [2, 1] }));
    assert.deepEqual(membersOf(left.map, 0), [[0], [1, 4], [2, 5], [6]]);
    assert.deepEqual([...left.mask.data], [1, 0, 0, 1]);
    assertConsistent({ hidden, mask }, left);
  });

  it('finds each window of any grid', () => {
    const side = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(fc.nat(1e6), side, side, side, side, (seed, h, w, wy, wx) => {
        const mask = gridMask(seeded(seed), 2, h * w);
        const length = mask.length / 2;
        const inputs = { hidden: randomInputs({ length, seed }).hidden, mask };
        const left = reduce(inputs, poolWindows({ grid: [h, w], window: [wy, wx] }));
        for (let row = 0; row < 2; row++) {
          const own = mask.subarray(row * length, (row + 1) * length);
          assert.deepEqual(membersOf(left.map, row), windowSlots(own, [h, w], [wy, wx]));
        }
        assertConsistent(inputs, left);
      }),
      { numRuns: 60 },
    );
  });

  it('takes rows of any length in one dimension', () => {
    const { hidden } = randomInputs({ length: 7 });
    const left = reduce({ hidden, lengths: Int32Array.of(7, 2) }, poolWindows({ window: 3 }));
    assert.deepEqual(membersOf(left.map, 0), [[0, 1, 2], [3, 4, 5], [6]]);
    assert.deepEqual(membersOf(left.map, 1), [[0, 1]]);
  });

  it('asks nothing of the grid where no token is free', () => {
    const { hidden } = randomInputs({ batch: 1, length: 3 });
    const grid = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;
    const left = reduce({ hidden, mask: Uint8Array.of(1, 2, 1) }, poolWindows({ grid, window: 2 }));
    assert.deepEqual(membersOf(left.map, 0), [[0], [2]]);
  });

  it('names what is wrong', () => {
    const make = poolWindows as (options: unknown) => unknown;
    for (const [options, path, code] of [
      [undefined, 'options.window', 'TYPE'],
      [null, 'options', 'TYPE'],
      [{}, 'options.window', 'TYPE'],
      [{ window: [2, 2] }, 'options.window', 'TYPE'],
      [{ window: 0 }, 'options.window', 'RANGE'],
      [{ window: 1.5 }, 'options.window', 'RANGE'],
      [{ window: '2', grid: [4, 4] }, 'options.window', 'TYPE'],
      [{ window: [2], grid: [4, 4] }, 'options.window', 'TYPE'],
      [{ window: [2, -1], grid: [4, 4] }, 'options.window\\[1\\]', 'RANGE'],
      [{ window: 2, grid: 4 }, 'options.grid', 'TYPE'],
      [{ window: 2, grid: [4, Number.NaN] }, 'options.grid\\[1\\]', 'RANGE'],
      [{ window: 2, reduce: 'median' }, 'options.reduce', 'TYPE'],
    ] as const)
      assert.throws(() => make(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));
    const { hidden } = randomInputs({ length: 6 });
    assert.throws(
      () => reduce({ hidden }, poolWindows({ grid: [2, 2], window: 2 })),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.grid', '[2, 2]'),
    );
    assert.throws(
      () => reduce({ hidden }, poolWindows({ window: 2 }), 3),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget'),
    );
  });
});
