import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evit, inSequence, restoreTokensSync, type Sieve, tome, topKPrune } from 'tokensieve';
import { isArgumentError } from './support/assertions.js';
import { inTokenOrder } from './support/methods.js';
import { seeded } from './support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask, rowOf } from './support/reductions.js';
import { decode, randomTensor, tensorOf } from './support/tensors.js';

const mergeThenPrune = inSequence([tome({ r: 4 }), topKPrune({ ratio: 0.5 })]);

describe('inSequence', () => {
  it('does with one sieve what that does', () => {
    const inputs = randomInputs();
    assert.deepEqual(inSequence([tome({ r: 3 })]).reduceSync(inputs), tome({ r: 3 }).reduceSync(inputs));
  });

  it('merges, then prunes what was merged, in one map', async () => {
    const inputs = { ...randomInputs({ length: 21 }), mask: randomMask(seeded(2), 2, 21) };
    const left = mergeThenPrune.reduceSync(inputs);
    assertConsistent(inputs, left);
    assert.deepEqual(await mergeThenPrune.reduce(inputs), left);
    assert.ok(membersOf(left.map, 0).some((members) => members.length > 1));
    const first = tome({ r: 4 }).reduceSync(inputs);
    const counts = first.map.outputLengths.map((length) => Math.floor(length / 2));
    left.map.outputLengths.forEach((length, row) => {
      assert.ok(length >= counts[row]);
    });
    const restored = restoreTokensSync(left.hidden, left.map);
    assert.deepEqual(restored.dims, inputs.hidden.dims);
  });

  it('hands on what three sieves leave, one after another', () => {
    const inputs = {
      ...randomInputs({ length: 16 }),
      metric: randomTensor(seeded(4), 'float32', [2, 16, 3]),
    };
    const [a, b, c] = [tome({ r: 4 }), tome({ r: 3 }), topKPrune({ count: 5 })];
    const left = inSequence([a, b, c]).reduceSync(inputs);
    assertConsistent(inputs, left);
    assert.deepEqual(left.hidden.dims, [2, 5, 6]);
    assert.deepEqual(inSequence([a, inSequence([b, c])]).reduceSync(inputs).map, left.map);
  });

  it('scores by attention that is joined as the tokens are', () => {
    // Token 1 is like token 0, and joins it; together their key is the mean of both.
    const hidden = tensorOf('float32', [1, 2, 4], [3, 1]);
    const k = tensorOf('float32', [3, 3, -1], [3, 1]);
    const q = tensorOf('float32', [1, 1, 1], [3, 1]);
    const left = inSequence([tome({ r: 1 }), topKPrune({ count: 1 })]).reduceSync({ hidden, q, k });
    assert.deepEqual([...decode(left.hidden).data], [1.5]);
    assert.deepEqual(membersOf(left.map, 0), [[0, 1]]);
    assert.deepEqual([...left.sizes.data], [2]);
  });

  it('weights by sizes, those of one row for all too', () => {
    const inputs = randomInputs({ length: 12 });
    const sizes = Float32Array.from({ length: 12 }, (_, i) => 1 + (i % 3));
    const left = mergeThenPrune.reduceSync({ ...inputs, sizes });
    const all = Float32Array.from([...sizes, ...sizes]);
    assertConsistent({ ...inputs, sizes: all }, left);
    assert.deepEqual(mergeThenPrune.reduceSync({ ...inputs, sizes: all }), left);
  });

  it('takes each row as if it were alone, and either layout', () => {
    const inputs = { ...randomInputs({ batch: 3, length: 15 }), mask: randomMask(seeded(5), 3, 15) };
    const left = mergeThenPrune.reduceSync(inputs);
    const swapped = mergeThenPrune.reduceSync(inTokenOrder(inputs));
    for (let row = 0; row < 3; row++) {
      assert.deepEqual(membersOf(swapped.map, row), membersOf(left.map, row));
      const alone = mergeThenPrune.reduceSync(rowOf(inputs, row));
      assert.deepEqual(membersOf(alone.map, 0), membersOf(left.map, row));
    }
  });

  it('carries scores that are known, and leaves queries that are not one a token', () => {
    const { hidden, k, q } = randomInputs({ batch: 1, length: 6 });
    const scores = tensorOf('float32', [1, 2, 3, 4, 5, 6], [1, 6]);
    const byScore = inSequence([topKPrune({ count: 4 }), topKPrune({ count: 2 })]);
    const left = byScore.reduceSync({ hidden, scores });
    assert.deepEqual(membersOf(left.map, 0), [[4], [5]]);
    assert.deepEqual(left.scores, scores);
    const last = { ...q!, data: q!.data.slice(0, 4 * 8), dims: [1, 4, 1, 8] } as typeof q;
    assert.equal(byScore.reduceSync({ hidden, q: last, k }).hidden.dims[1], 2);
  });

  it('fuses twice', () => {
    const sieve = inSequence([evit({ keep: 0.6 }), evit({ keep: 0.6 })]);
    const left = sieve.reduceSync(randomInputs({ length: 11 }));
    assert.equal(left.hidden.dims[1], 1 + 5 + 1);
    assert.equal(
      left.map.assignment.every((slot) => slot !== -1),
      true,
    );
  });

  it('names what is no sieve', () => {
    const create = inSequence as (sieves: unknown) => unknown;
    assert.throws(() => create([]), isArgumentError('ERR_TOKENSIEVE_RANGE', 'sieves'));
    assert.throws(() => create(tome({ r: 1 })), isArgumentError('ERR_TOKENSIEVE_TYPE', 'sieves'));
    assert.throws(
      () => create([tome({ r: 1 }), {} as Sieve]),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'sieves\\[1\\]'),
    );
  });
});
