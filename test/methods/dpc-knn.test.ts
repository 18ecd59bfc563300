import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dpcKnn } from 'tokensieve';
import { argmax, byFalling, vectorsOf, weightedMean } from '../reference/plain.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, scoresOf, tokensOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

/** Centres by falling density times separation, and the members of each one's cluster. */
function work(x: number[][], M: number, k: number) {
  const N = x.length;
  const d = x.map((a) => x.map((b) => Math.hypot(...a.map((v, c) => v - b[c])) / Math.sqrt(a.length)));
  const density = d.map((row) => {
    const nearest = [...row].sort((a, b) => a - b).slice(0, k);
    return Math.exp(-nearest.reduce((sum, v) => sum + v * v, 0) / nearest.length);
  });
  const isDenser = (j: number, i: number) => density[j] > density[i] || (density[j] === density[i] && j < i);
  const farthest = Math.max(...d.flat());
  const separation = d.map((row, i) => {
    const denser = row.filter((_, j) => isDenser(j, i));
    return denser.length > 0 ? Math.min(...denser) : farthest;
  });
  const centres = byFalling(density.map((value, i) => value * separation[i])).slice(0, M);
  const byPlace = [...centres].sort((i, j) => i - j);
  const centreOf = Array.from({ length: N }, (_, i) =>
    centres.includes(i) ? i : byPlace[argmax(byPlace.map((c) => -d[i][c]))],
  );
  return { centres, members: (c: number) => [...centreOf.keys()].filter((i) => centreOf[i] === c) };
}

describe('dpcKnn', () => {
  for (const [keep, k, M] of [
    [0.25, 5, 6],
    [0.5, 3, 11],
    [0.01, 5, 1],
    [0.9, 40, 19],
  ] as const)
    it(`makes ${M} clusters of 21 tokens by ${k} neighbours`, () => {
      const inputs = randomInputs({ batch: 1, length: 21 });
      const { centres, members } = work(vectorsOf(inputs.hidden), M, Math.min(k, 21));
      const clusters = centres.map(members);
      const paper = dpcKnn({ keep, k }).reduceSync(inputs);
      assert.deepEqual(
        membersOf(paper.map, 0),
        [...clusters].sort((a, b) => a[0] - b[0]),
      );
      assertConsistent(inputs, paper);
      const authors = dpcKnn({ keep, k, reference: 'authors' }).reduceSync(inputs);
      assert.deepEqual(membersOf(authors.map, 0), clusters);
      assertConsistent(inputs, authors);
      const centred = dpcKnn({ keep, k, reference: 'authors', positions: 'centre' }).reduceSync(inputs);
      assert.deepEqual([...centred.positions.data], centres);
      const inOrder = dpcKnn({ keep, k, positions: 'centre' }).reduceSync(inputs);
      assert.deepEqual(
        [...inOrder.positions.data],
        [...centres].sort((a, b) => members(a)[0] - members(b)[0]),
      );
    });

  it('weights tokens by exp(score) where scores are given, and by size', () => {
    const inputs = randomInputs({ batch: 1, length: 12 });
    const scores = Array.from({ length: 12 }, (_, i) => Math.sin(i) * 3);
    const sizes = Float32Array.from({ length: 12 }, (_, i) => 1 + (i % 3));
    const x = vectorsOf(inputs.hidden);
    const left = dpcKnn({ count: 4 }).reduceSync({ ...inputs, sizes, scores: scoresOf([scores]) });
    const expected = membersOf(left.map, 0).flatMap((members) =>
      weightedMean(
        members.map((i) => x[i]),
        members.map((i) => sizes[i] * Math.exp(Math.fround(scores[i]))),
      ),
    );
    tokensOf(left, 0).forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]) < 1e-5);
    });
    assert.deepEqual(membersOf(dpcKnn({ count: 4 }).reduceSync(inputs).map, 0), membersOf(left.map, 0));
  });

  it('lists protected tokens first in the order of the authors, and counts them apart', () => {
    const inputs = { ...randomInputs({ batch: 1, length: 13 }), mask: new Uint8Array(13) };
    inputs.mask[3] = inputs.mask[12] = 1;
    inputs.mask[5] = 2;
    const left = dpcKnn({ keep: 0.21, reference: 'authors' }).reduceSync(inputs);
    assert.deepEqual(membersOf(left.map, 0).slice(0, 2), [[3], [12]]);
    assert.equal(left.hidden.dims[1], 2 + 3);
    assertConsistent(inputs, left);
  });

  it('tells equal tokens apart by index', () => {
    const hidden = tensorOf('float32', new Array(10).fill(2), [1, 5, 2]);
    for (const reference of ['paper', 'authors'] as const) {
      const left = dpcKnn({ count: 2, k: 2, reference }).reduceSync({ hidden });
      assert.deepEqual(membersOf(left.map, 0), [[0, 2, 3, 4], [1]]);
      assert.deepEqual([...decode(left.hidden).data], [2, 2, 2, 2]);
    }
  });

  it('leaves a row of which nothing goes in place, whatever goes of others', () => {
    const inputs = randomInputs({ batch: 2, length: 9 });
    const mask = Uint8Array.from({ length: 18 }, (_, place) => (place < 9 ? 0 : place < 13 ? 2 : 0));
    mask[16] = mask[17] = 1;
    const { map } = dpcKnn({ count: 3, reference: 'authors' }).reduceSync({ ...inputs, mask });
    assert.ok(map.outputLengths[0] < 9);
    assert.deepEqual(membersOf(map, 1), [[4], [5], [6], [7], [8]]);
  });

  it('names what is wrong', () => {
    const create = dpcKnn as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ keep: 0.5, k: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.k', 0));
    assert.throws(
      () => create({ keep: 0.5, reference: 'theirs' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.reference', 'theirs'),
    );
    const scores = scoresOf([
      [Number.NaN, 0, 0],
      [0, 0, 0],
    ]);
    assert.throws(
      () => dpcKnn({ count: 1 }).reduceSync({ ...randomInputs({ length: 3 }), scores }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'scores\\[0,0\\]'),
    );
  });
});
