import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attentionScoresSync, budgets, type FloatTensor, proportionalBias, tome } from 'tokensieve';
import { cosine } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, tokensOf } from '../support/reductions.js';
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

  /** Of each even token the best odd one and the cosine with it. */
  function bestOf(k: FloatTensor) {
    const { data, dims } = decode(k);
    const token = (i: number) => data.subarray(i * dims[3], (i + 1) * dims[3]);
    const odd = Array.from({ length: Math.floor(dims[2] / 2) }, (_, i) => 2 * i + 1);
    return Array.from({ length: Math.ceil(dims[2] / 2) }, (_, i) => {
      const cosines = odd.map((j) => cosine(token(2 * i), token(j)));
      const similarity = Math.max(...cosines);
      return { source: 2 * i, destination: odd[cosines.indexOf(similarity)], similarity };
    });
  }

  it('lists survivors by falling similarity as the authors do without a class token', () => {
    const { hidden, k } = randomInputs({ batch: 1, length: 15, heads: 1, keyHeads: 1 });
    const edges = bestOf(k!).sort((a, b) => b.similarity - a.similarity);
    const left = tome({ r: 3, reference: 'authors' }).reduceSync({ hidden, k });
    const slots = membersOf(left.map, 0);
    assert.deepEqual(
      slots.slice(0, 5),
      edges.slice(3).map(({ source }) => [source]),
    );
    for (const [i, own] of slots.slice(5).entries()) {
      const merged = edges.slice(0, 3).filter(({ destination }) => destination === 2 * i + 1);
      const members = [2 * i + 1, ...merged.map(({ source }) => source)];
      assert.deepEqual(
        own,
        members.sort((a, b) => a - b),
      );
    }
    assertConsistent({ hidden }, left);
    const inPlace = tome({ r: 3 }).reduceSync({ hidden, k });
    assert.deepEqual([...slots].sort(), [...membersOf(inPlace.map, 0)].sort());
    const none = tome({ r: 0, reference: 'authors' }).reduceSync({ hidden, k });
    assert.deepEqual(none.map, tome({ r: 0 }).reduceSync({ hidden, k }).map);
  });

  it('lists a distillation token second as the authors do, and first of the destinations here', () => {
    const inputs = {
      ...randomInputs({ batch: 2, length: 11 }),
      mask: Uint8Array.of(1, 1, ...new Uint8Array(9)),
    };
    const here = tome({ r: 3 }).reduceSync(inputs);
    const theirs = tome({ r: 3, reference: 'authors' }).reduceSync(inputs);
    for (let row = 0; row < 2; row++) {
      const slots = membersOf(here.map, row);
      const survivors = 6 - 3;
      assert.deepEqual(slots[0], [0]);
      assert.deepEqual(slots[survivors], [1]);
      const [distilled] = slots.splice(survivors, 1);
      slots.splice(1, 0, distilled);
      assert.deepEqual(membersOf(theirs.map, row), slots);
    }
    assertConsistent(inputs, theirs);
    assert.equal(tome({ r: 0, reference: 'authors' }).reduceSync(inputs).hidden.dims[1], 11);
  });

  it('merges groups of k into the last of each, and keeps what is left over', () => {
    const { hidden, k } = randomInputs({ batch: 1, length: 8, heads: 1, keyHeads: 1 });
    const every = { every: 3 };
    const left = tome({ partition: every }).reduceSync({ hidden, k });
    assert.deepEqual(
      membersOf(left.map, 0).map((own) => own.filter((i) => [2, 5, 6, 7].includes(i))),
      [[2], [5], [6], [7]],
    );
    const theirs = tome({ partition: every, reference: 'authors' }).reduceSync({ hidden, k });
    assert.equal(theirs.map.outputLengths[0], 2);
    assert.deepEqual([...theirs.map.assignment.subarray(6)], [-1, -1]);
    assert.deepEqual(tome({ partition: { every: 1 } }).reduceSync({ hidden, k }).map.outputLengths[0], 8);
    assert.equal(tome({ r: 1, partition: every }).reduceSync({ hidden, k }).map.outputLengths[0], 7);
    const mask = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);
    const kept = tome({ partition: every, reference: 'authors' }).reduceSync({ hidden, k, mask });
    assert.deepEqual(membersOf(kept.map, 0).at(-1), [7]);
    assert.equal(kept.map.assignment[6], -1);
  });

  it('counts groups of k to the end of each row', () => {
    const inputs = { ...randomInputs({ batch: 2, length: 11 }), lengths: Int32Array.of(11, 7) };
    for (const reference of ['paper', 'authors'] as const) {
      const left = tome({ partition: { every: 3 }, reference }).reduceSync(inputs);
      const { hidden, k } = randomInputs({ batch: 2, length: 11 });
      const cut = (tensor: FloatTensor, heads: number): FloatTensor => {
        const { data, dims } = decode(tensor);
        const channels = dims[dims.length - 1];
        const rows = Array.from({ length: heads }, (_, h) =>
          data.slice((heads + h) * 11 * channels, ((heads + h) * 11 + 7) * channels),
        );
        return tensorOf(
          'float32',
          rows.flatMap((row) => [...row]),
          [1, heads, 7, channels],
        );
      };
      const alone = tome({ partition: { every: 3 }, reference }).reduceSync({
        hidden: { ...cut(hidden, 1), dims: [1, 7, 6] },
        k: cut(k!, 2),
      });
      assert.deepEqual(membersOf(left.map, 1), membersOf(alone.map, 0));
    }
  });

  it('merges tokens drawn at random, all of them, and sums or takes the greatest', () => {
    const { hidden, k } = randomInputs({ batch: 2, length: 10 });
    const left = tome({ r: 7, partition: { random: 5 } }).reduceSync({ hidden, k });
    assert.deepEqual([...left.map.outputLengths], [3, 3]);
    assertConsistent({ hidden }, left);
    assert.deepEqual(left, tome({ r: 7, partition: { random: 5 } }).reduceSync({ hidden, k }));
    assertConsistent({ hidden }, tome({ r: 3, reduce: 'sum' }).reduceSync({ hidden, k }), 'sum');
    const max = tome({ r: 5, reduce: 'max' }).reduceSync({ hidden, k });
    const tokens = decode(hidden).data;
    const expected = membersOf(max.map, 0).flatMap((members) =>
      Array.from({ length: 6 }, (_, c) => Math.max(...members.map((i) => tokens[i * 6 + c]))),
    );
    assert.deepEqual([...tokensOf(max, 0)], expected);
  });

  it('stands a merged token where its destination stood, if asked', () => {
    const { hidden, k } = randomInputs({ batch: 1, length: 9 });
    const { map, positions } = tome({ r: 4, positions: 'centre' }).reduceSync({ hidden, k });
    const places = membersOf(map, 0).map((own) => own.find((i) => i % 2 === 1) ?? own[0]);
    assert.deepEqual([...positions.data], places);
  });

  it('biases the next attention by log(size), and away from padding', () => {
    const sizes = Float32Array.of(1, 4, 0);
    assert.deepEqual(proportionalBias(sizes), Float32Array.of(0, Math.log(4), Number.NEGATIVE_INFINITY));
    const tensor = { type: 'float32', data: sizes, dims: [1, 3] } as const;
    assert.deepEqual(proportionalBias(tensor).dims, [1, 3]);
    const { q, k } = randomInputs({ batch: 1, length: 3 });
    const { scores } = attentionScoresSync(q!, k!, { bias: proportionalBias(tensor) });
    assert.equal(scores.data[2], 0);
    assert.throws(() => proportionalBias([1] as never), isArgumentError('ERR_TOKENSIEVE_TYPE', 'sizes'));
  });

  it('names what is wrong', () => {
    const create = tome as (options: unknown) => unknown;
    for (const [options, path] of [
      [{ r: 1, partition: 'odd' }, 'options.partition'],
      [{ r: 1, partition: null }, 'options.partition'],
      [{ r: 1, reduce: 'least' }, 'options.reduce'],
      [{ partition: { random: 1 } }, 'options.r'],
      [{ r: 1, reference: 'code' }, 'options.reference'],
      [{ r: 1, positions: 'all' }, 'options.positions'],
    ] as const)
      assert.throws(() => create(options), isArgumentError('ERR_TOKENSIEVE_TYPE', path));
    assert.throws(
      () => tome({ partition: { every: -1 } }).reduceSync(randomInputs()),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.partition.every', -1),
    );
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
    assert.throws(() => create({ r: -1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', -1));
    assert.throws(
      () => create({ r: [8, 0.5] }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r\\[1\\]', 0.5),
    );
  });
});
