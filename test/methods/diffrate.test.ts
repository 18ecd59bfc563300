import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffrate } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { argmax, cosine, vectorsOf, weightedMean } from '../reference/plain.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, scoresOf, tokensOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

const length = 20;
const inputs = randomInputs({ batch: 1, length });
const x = vectorsOf(inputs.hidden);
const { data } = attentionScores(decode(inputs.q!), decode(inputs.k!), { queries: 'first' }).scores;
const ranked = [...data.keys()].slice(1).sort((i, j) => data[j] - data[i]);

/** The slots behind the class token, by falling attention: a head, and the tokens that merge into it. */
function work(unpruned: number, r: number) {
  const heads = ranked.slice(0, unpruned - r);
  const merged = ranked.slice(unpruned - r, unpruned).map((i) => {
    const similarities = heads.map((head) => cosine(x[i], x[head]));
    return { i, head: heads[argmax(similarities)], similarity: Math.max(...similarities) };
  });
  return heads.map((head) => ({ head, sources: merged.filter((source) => source.head === head) }));
}

const rising = (list: number[]) => [...list].sort((i, j) => i - j);

describe('diffrate', () => {
  for (const [keep, unpruned, r] of [
    [0.9, 17, 4],
    [0.5, 9, 0],
    [0.5, 9, 8],
    [1, 19, 6],
  ] as const)
    it(`prunes to ${unpruned} and merges ${r} of them`, () => {
      const slots = work(unpruned, r);
      const membersOfSlot = ({ head, sources }: (typeof slots)[number]) =>
        rising([head, ...sources.map(({ i }) => i)]);
      const inPlace = [...slots].sort((a, b) => a.head - b.head);
      const sizes = Float32Array.from({ length }, (_, i) => 1 + (i % 3));
      const paper = diffrate({ keep, r }).reduceSync({ ...inputs, sizes });
      assert.deepEqual(membersOf(paper.map, 0), [[0], ...inPlace.map(membersOfSlot)]);
      assertConsistent({ ...inputs, sizes }, paper);

      const authors = diffrate({ keep, r, reference: 'authors' }).reduceSync({ ...inputs, sizes });
      assert.deepEqual(membersOf(authors.map, 0), [[0], ...slots.map(membersOfSlot)]);
      const tokens = tokensOf(authors, 0);
      slots.forEach((slot, at) => {
        const members = membersOfSlot(slot);
        const mean = weightedMean(
          members.map((i) => x[i]),
          members.map(() => 1),
        );
        mean.forEach((value, c) => {
          assert.ok(Math.abs(tokens[(at + 1) * 6 + c] - value) < 1e-5);
        });
        const size = slot.sources.reduce(
          (sum, { i, similarity }) => sum + sizes[i] * similarity,
          sizes[slot.head],
        );
        assert.ok(Math.abs(authors.sizes.data[at + 1] - size) < 1e-5);
      });
    });

  it('leaves one token at least beside the class token', () => {
    const left = diffrate({ keep: 0.5, r: 1000 }).reduceSync(inputs);
    assert.deepEqual(membersOf(left.map, 0), [[0], rising(ranked.slice(0, 9))]);
    assert.equal(diffrate({ count: 1, r: 1 }).reduceSync(inputs).hidden.dims[1], 2);
  });

  it('merges into no protected token, and goes by the layer', () => {
    const mask = Uint8Array.from({ length }, (_, i) => Number(i < 4));
    const left = diffrate({ keep: [1, 0.8], r: [5, 2] }).reduceSync({ ...inputs, mask, layer: 0 });
    assert.deepEqual(membersOf(left.map, 0).slice(0, 4), [[0], [1], [2], [3]]);
    assertConsistent({ ...inputs, mask }, left);
    const sieve = diffrate({ keep: [1, 0.8], r: [5, 2] });
    const lengthAt = (layer: number) => sieve.reduceSync({ ...inputs, layer }).hidden.dims[1];
    assert.deepEqual([0, 1, 2].map(lengthAt), [1 + 19 - 5, 1 + 15 - 2, length]);
  });

  it('breaks ties by index', () => {
    const hidden = tensorOf('float32', new Array(10).fill(1), [1, 5, 2]);
    const left = diffrate({ count: 3, r: 1 }).reduceSync({ hidden, scores: scoresOf([[1, 1, 1, 1, 1]]) });
    assert.deepEqual(membersOf(left.map, 0), [[0], [1, 3], [2]]);
  });

  it('names what is wrong', () => {
    const create = diffrate as (options: unknown) => unknown;
    assert.throws(() => create({ r: 3 }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ keep: 1, r: -1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', -1));
    assert.throws(
      () => create({ keep: 1, r: 'x' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r', 'x'),
    );
  });
});
