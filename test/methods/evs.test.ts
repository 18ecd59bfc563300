import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, evs } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { tensorOf } from '../support/tensors.js';
import { ascending, cosine, ranked, video } from '../support/videos.js';

describe('evs', () => {
  it('keeps the first frame, and of the others what changed most, in place', () => {
    // Three frames of two tokens, as angles in degrees: the second frame turns its second token by 90.
    const angles = [0, 0, 10, 90, 10, 100];
    const hidden = tensorOf(
      'float32',
      angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]),
      [1, 6, 2],
    );
    const kept = (ratio: number) =>
      membersOf(evs({ ratio }).reduceSync({ hidden, grid: [3, 1, 2] }).map, 0).flat();
    assert.deepEqual(kept(0), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(kept(0.1), [0, 1, 2, 3, 5]);
    assert.deepEqual(kept(0.5), [0, 1, 3]);
    assert.deepEqual(kept(0.99), [0, 1]);
  });

  it('keeps exactly max(h w, floor(t h w (1 - ratio))) tokens and positions of each', () => {
    for (const grid of [
      [1, 2, 3],
      [2, 2, 2],
      [7, 3, 3],
    ] as const)
      for (const ratio of [0, 0.1, 0.3, 0.5, 0.75, 0.9, 0.999]) {
        const { inputs, at, token } = video(grid, 3);
        const [frames, cells] = [grid[0], grid[1] * grid[2]];
        const total = frames * cells;
        const change = (i: number) => {
          const [frame, place] = [Math.floor(i / cells), i % cells];
          return frame === 0 ? 255 : 1 - cosine(at(frame, place), at(frame - 1, place));
        };
        const count = Math.max(cells, Math.floor(total * (1 - ratio) + 1e-9));
        const best = ranked(total, change).slice(0, count);
        const tokens = ascending(best.map((i) => token(Math.floor(i / cells), i % cells)));
        const left = evs({ ratio }).reduceSync(inputs);
        const last = inputs.hidden.dims[1] - 1;
        assert.deepEqual(membersOf(left.map, 0).flat(), [0, 1, ...tokens, last]);
        assert.deepEqual([...left.positions.data].map(Number), [0, 1, ...tokens, last]);
        assertConsistent(inputs, left);
      }
  });

  it('takes what does not change in the order of frames', () => {
    const hidden = tensorOf('float32', new Array(16).fill(1), [1, 8, 2]);
    const left = evs({ ratio: 0.25, grid: [4, 1, 2] }).reduceSync({ hidden });
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, 1, 2, 3, 4, 5]);
    const none = evs({ ratio: budgets.atLayers([2], 0.5), grid: [4, 1, 2] });
    assert.equal(none.reduceSync({ hidden, layer: 1 }).hidden.dims[1], 8);
    assert.equal(none.reduceSync({ hidden, layer: 2 }).hidden.dims[1], 4);
  });

  it('rounds down as the authors do: what floating point makes of the product', () => {
    const { inputs } = video([10, 2, 5], 3);
    assert.equal((1 - 0.8) * 100, 19.999999999999996);
    assert.equal(evs({ ratio: 0.8 }).reduceSync(inputs).hidden.dims[1], 3 + 20);
    assert.equal(evs({ ratio: 0.8, reference: 'authors' }).reduceSync(inputs).hidden.dims[1], 3 + 19);
  });

  it('says what changed as scores', () => {
    const hidden = tensorOf('float32', [1, 0, 0, 1, -1, 0, 0, 1, 0, 0], [1, 5, 2]);
    const mask = Uint8Array.of(0, 0, 0, 0, 1);
    const { scores } = evs({ ratio: 0.5 }).reduceSync({ hidden, mask, grid: [2, 1, 2] });
    assert.deepEqual(scores?.data, Float32Array.of(2, 2, 2, 0, 0));
  });

  it('names what is wrong', () => {
    const create = evs as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.ratio'));
    assert.throws(() => create({ ratio: 1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.ratio', 1));
    assert.throws(
      () => create({ ratio: 0.5, grid: [1] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.grid'),
    );
    const { inputs } = video([2, 2, 2]);
    assert.throws(
      () => evs({ ratio: 0.5 }).reduceSync({ ...inputs, grid: [2, 2] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.grid'),
    );
  });
});
