import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crossget } from 'tokensieve';
import { argmax, byFalling, cosine, headMeans, vectorsOf, weightedMean } from '../reference/plain.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, scoresOf, tokensOf } from '../support/reductions.js';
import { tensorOf } from '../support/tensors.js';

/** Where each source goes, from the whole matrix of cosines. */
function work(keys: number[][], free: number[], r: number, importance: number[]): Map<number, number> {
  const D = free.map((i) => free.map((j) => (i === j ? -Infinity : cosine(keys[i], keys[j]))));
  const order = byFalling(D.map((row) => Math.max(...row)));
  const rankOf = new Map(order.map((at, rank) => [at, rank]));
  const later = D.map((row, i) => Math.max(...row.filter((_, j) => rankOf.get(j)! > rankOf.get(i)!)));
  const sources = byFalling(later.map((similarity, at) => similarity - importance[free[at]])).slice(0, r);
  const rest = [...free.keys()].filter((at) => !sources.includes(at));
  return new Map(sources.map((at) => [free[at], free[rest[argmax(rest.map((to) => D[at][to]))]]]));
}

const length = 17;
const inputs = { ...randomInputs({ batch: 1, length }), mask: new Uint8Array(length) };
inputs.mask[0] = inputs.mask[9] = 1;
const free = [...inputs.mask.keys()].filter((i) => inputs.mask[i] === 0);
const keys = headMeans(inputs.k!);
const x = vectorsOf(inputs.hidden);
const none = new Array<number>(length).fill(0);
const importance = Array.from({ length }, (_, i) => Math.fround(Math.cos(3 * i)));

function slotsOf(into: Map<number, number>): number[][] {
  const stays = [...Array(length).keys()].filter((i) => !into.has(i));
  return stays.map((to) => [...Array(length).keys()].filter((i) => i === to || into.get(i) === to));
}

describe('crossget', () => {
  for (const r of [1, 3, 7, 12])
    it(`takes out ${r} of 15 tokens, 7 at most`, () => {
      const left = crossget({ r }).reduceSync(inputs);
      assert.deepEqual(membersOf(left.map, 0), slotsOf(work(keys, free, Math.min(r, 7), none)));
      assertConsistent(inputs, left);
      assert.deepEqual(crossget({ r, reference: 'authors' }).reduceSync(inputs), left);
      const centred = crossget({ r, positions: 'centre' }).reduceSync(inputs);
      const places = Array.from(centred.positions.data, Number);
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      );
    });

  it('holds importance against taking out, and weights by its softmax and by size', () => {
    const sizes = Float32Array.from({ length }, (_, i) => 1 + (i % 2));
    const given = { ...inputs, sizes, scores: scoresOf([importance]) };
    const into = work(keys, free, 5, importance);
    const slots = slotsOf(into);
    const paper = crossget({ r: 5 }).reduceSync(given);
    assert.deepEqual(membersOf(paper.map, 0), slots);
    assertConsistent(given, paper);
    const means = slots.flatMap((members) =>
      weightedMean(
        members.map((i) => x[i]),
        members.map((i) => sizes[i] * Math.exp(importance[i])),
      ),
    );
    tokensOf(paper, 0).forEach((value, i) => {
      assert.ok(Math.abs(value - means[i]) < 1e-5);
    });

    const authors = crossget({ r: 5, reference: 'authors' }).reduceSync(given);
    assert.deepEqual(membersOf(authors.map, 0), slots);
    const stays = [...Array(length).keys()].filter((i) => !into.has(i));
    const sums = stays.flatMap((to, slot) => {
      const total = slots[slot].reduce((sum, i) => sum + sizes[i], 0);
      const sum = x[to].map((value) => value * sizes[to]);
      for (const i of slots[slot].filter((member) => member !== to)) {
        const share = Math.exp(importance[i]) / (Math.exp(importance[i]) + Math.exp(importance[to]));
        for (const c of sum.keys())
          sum[c] += 2 * share * sizes[i] * x[i][c] + (2 * (1 - share) - 1) * sizes[to] * x[to][c];
      }
      return sum.map((value) => value / total);
    });
    tokensOf(authors, 0).forEach((value, i) => {
      assert.ok(Math.abs(value - sums[i]) < 1e-5);
    });
  });

  it('makes no circle of tokens that are each other’s most similar', () => {
    const angles = [0, 1, 90, 92, 180, 183];
    const metric = tensorOf(
      'float32',
      angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]),
      [1, 6, 2],
    );
    const { map } = crossget({ r: 3 }).reduceSync({ hidden: metric, metric });
    assert.deepEqual(membersOf(map, 0), [
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });

  it('ranks equal tokens by index, and takes two tokens, and one', () => {
    const alike = (n: number) => tensorOf('float32', new Array(2 * n).fill(1), [1, n, 2]);
    const left = (n: number, r: number) =>
      membersOf(crossget({ r, metric: 'hidden' }).reduceSync({ hidden: alike(n) }).map, 0);
    assert.deepEqual(left(5, 2), [[0, 1, 2], [3], [4]]);
    assert.deepEqual(left(2, 1), [[0, 1]]);
    assert.deepEqual(left(1, 1), [[0]]);
  });

  it('names what is wrong', () => {
    const create = crossget as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
    assert.throws(() => create({ r: 0.5 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', 0.5));
    assert.throws(
      () => create({ r: 1, metric: 'v' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.metric'),
    );
    const scores = scoresOf([Array.from({ length }, (_, i) => (i === 3 ? Number.POSITIVE_INFINITY : 0))]);
    assert.throws(
      () => crossget({ r: 2 }).reduceSync({ ...inputs, scores }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'scores\\[0,3\\]'),
    );
  });
});
