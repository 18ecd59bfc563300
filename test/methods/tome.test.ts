import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, tome } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

const reduce = (r: number, length: number, mask?: Uint8Array) =>
  tome({ r }).reduceSync({ ...randomInputs({ batch: 1, length }), ...(mask && { mask }) });

describe('tome', () => {
  it('removes r tokens, at most half of the free ones, for every small N', () => {
    for (let length = 1; length <= 9; length++)
      for (let kept = 0; kept <= Math.min(2, length); kept++)
        for (let r = 0; r <= length; r++) {
          const mask = Uint8Array.from({ length }, (_, i) => Number(i < kept));
          const left = reduce(r, length, mask);
          const limit = Math.floor((length - kept) / 2);
          const destinations = Array.from({ length }, (_, i) => i).filter(
            (i) => i % 2 === 1 && i >= kept,
          ).length;
          const removed = destinations === 0 ? 0 : Math.min(r, limit);
          assert.equal(left.hidden.dims[1], length - removed, `N = ${length}, kept = ${kept}, r = ${r}`);
          assert.equal(
            left.sizes.data.reduce((a, b) => a + b, 0),
            length,
          );
        }
  });

  it('merges the pair that is most alike, weighted by size', () => {
    // Token 2 is nearest to 3, token 0 to 1, token 4 to nothing much; angles in degrees.
    const angles = [0, 30, 90, 95, 200, 300];
    const keys = angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]);
    const k = tensorOf('float32', keys, [1, 1, 6, 2]);
    const hidden = tensorOf('float32', [1, 2, 3, 4, 5, 6], [1, 6, 1]);
    const sizes = Float32Array.of(1, 1, 3, 1, 1, 1);
    const one = tome({ r: 1 }).reduceSync({ hidden, k, sizes });
    assert.deepEqual(membersOf(one.map, 0), [[0], [4], [1], [2, 3], [5]]);
    assert.deepEqual([...decode(one.hidden).data], [1, 5, 2, (3 * 3 + 4) / 4, 6]);
    assert.deepEqual([...one.sizes.data], [1, 1, 1, 4, 1]);
    assert.deepEqual([...one.positions.data], [0, 4, 1, 2, 5]);
    const two = tome({ r: 2 }).reduceSync({ hidden, k, sizes });
    assert.deepEqual(membersOf(two.map, 0), [[4], [0, 1], [2, 3], [5]]);
  });

  it('puts the class token first and lets it alone', () => {
    const left = reduce(4, 9, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0));
    assert.deepEqual(membersOf(left.map, 0)[0], [0]);
    assert.equal(left.mask.data[0], 1);
    const distilled = reduce(3, 9, Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0));
    assert.ok(membersOf(distilled.map, 0).some((members) => members.length === 1 && members[0] === 1));
  });

  it('goes through the layers of a ViT with its schedule', () => {
    const sieve = tome({ r: budgets.inflected({ r: 8, inflection: -1, layers: 4 }) });
    let { hidden } = randomInputs({ batch: 2, length: 50 });
    let sizes: Float32Array | undefined;
    let mask = Uint8Array.from({ length: 100 }, (_, i) => Number(i % 50 === 0));
    const lengths: number[] = [];
    for (let layer = 0; layer < 6; layer++) {
      const inputs = { hidden, metric: hidden, mask, layer, ...(sizes && { sizes }) };
      const left = sieve.reduceSync(inputs);
      assertConsistent({ ...inputs, positions: left.positions.data as Int32Array }, left);
      ({ hidden } = left);
      sizes = left.sizes.data;
      mask = left.mask.data as Uint8Array<ArrayBuffer>;
      lengths.push(hidden.dims[1]);
    }
    assert.deepEqual(lengths, [34, 24, 19, 19, 19, 19]);
    assert.equal(
      sizes?.reduce((a, b) => a + b, 0),
      100,
    );
  });

  it('names what is wrong', () => {
    const create = tome as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
    assert.throws(() => create({ r: -1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', -1));
    assert.throws(
      () => create({ r: [8, 0.5] }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r\\[1\\]', 0.5),
    );
  });
});
