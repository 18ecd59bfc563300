import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, evit } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, randomInputs, tokensOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const inputs = randomInputs({ batch: 1, length: 12, channels: 4 });
const x = decode(inputs.hidden).data;
const token = (i: number) => Array.from(x.slice(i * 4, (i + 1) * 4));
const { scores } = attentionScores(decode(inputs.q!), decode(inputs.k!), { queries: 'first' });
const byScore = [...scores.data.keys()].slice(1).sort((i, j) => scores.data[j] - scores.data[i]);

function assertNear(actual: Float64Array, expected: number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i] - value) < 1e-5, `${i}`);
}

/** The dropped tokens' sum of score times token, and of scores. */
function fused(left: number): { sum: number[]; weight: number } {
  const dropped = byScore.slice(left);
  const weight = dropped.reduce((sum, i) => sum + scores.data[i], 0);
  const sum = [0, 1, 2, 3].map((c) => dropped.reduce((total, i) => total + scores.data[i] * x[i * 4 + c], 0));
  return { sum, weight };
}

describe('evit', () => {
  for (const [keep, left] of [
    [0.7, 8],
    [0.5, 6],
    [0.01, 1],
  ] as const)
    it(`keeps the class token and ceil(${keep} * 11) = ${left} others, and fuses the rest`, () => {
      const kept = byScore.slice(0, left);
      const { sum, weight } = fused(left);
      const paper = evit({ keep }).reduceSync(inputs);
      const inPlace = [...kept].sort((a, b) => a - b).flatMap(token);
      assertNear(tokensOf(paper, 0), [...token(0), ...inPlace, ...sum.map((value) => value / weight)]);
      assertConsistent(inputs, paper);

      const authors = evit({ keep, reference: 'authors' }).reduceSync(inputs);
      assertNear(tokensOf(authors, 0), [...token(0), ...kept.flatMap(token), ...sum]);
      assertConsistent(inputs, authors, 'sum');
    });

  it('prunes alone where it shall not fuse', () => {
    const left = evit({ keep: 0.5, fuse: false }).reduceSync(inputs);
    const inPlace = [0, ...byScore.slice(0, 6)].sort((a, b) => a - b);
    assert.deepEqual([...left.map.members], inPlace);
    const authors = evit({ keep: 0.5, fuse: false, reference: 'authors' }).reduceSync(inputs);
    assert.deepEqual([...authors.map.members], [0, ...byScore.slice(0, 6)]);
  });

  it('takes a number of tokens beside the class token', () => {
    const fraction = evit({ keep: 0.5 }).reduceSync(inputs);
    assert.deepEqual(evit({ count: 6 }).reduceSync(inputs), fraction);
    assert.deepEqual(evit({ ratio: 0.5 }).reduceSync(inputs), fraction);
    assert.equal(evit({ count: 1, fuse: false }).reduceSync(inputs).hidden.dims[1], 2);
  });

  it('lets a distillation token go unless it is masked with 1', () => {
    const last = byScore[byScore.length - 1];
    const mask = Uint8Array.from({ length: 12 }, (_, i) => Number(i === last));
    assert.ok(!evit({ count: 2 }).reduceSync(inputs).map.kept(0).subarray(0, 3).includes(last));
    const kept = evit({ count: 2 }).reduceSync({ ...inputs, mask });
    assert.deepEqual(
      [...kept.map.kept(0).subarray(0, 4)],
      [0, ...byScore.slice(0, 2), last].sort((a, b) => a - b),
    );
  });

  it('does nothing where all are kept', () => {
    for (const keep of [1, 0.99]) {
      const left = evit({ keep }).reduceSync(inputs);
      assert.deepEqual(decode(left.hidden), decode(inputs.hidden));
      assert.equal(left.map.outputLengths[0], 12);
    }
  });

  it('keeps at the layers of the schedule', () => {
    const sieve = evit({ keep: budgets.atLayers([3, 6, 9], 0.7) });
    assert.equal(sieve.reduceSync({ ...inputs, layer: 2 }).hidden.dims[1], 12);
    assert.equal(sieve.reduceSync({ ...inputs, layer: 3 }).hidden.dims[1], 1 + 8 + 1);
  });

  it('counts the 197 tokens of a ViT as the paper does', () => {
    const { hidden, q, k } = randomInputs({ batch: 1, length: 197, channels: 2, heads: 1, keyHeads: 1 });
    assert.equal(evit({ keep: 0.7 }).reduceSync({ hidden, q, k }).hidden.dims[1], 1 + 138 + 1);
  });

  it('names what is wrong', () => {
    const create = evit as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(
      () => create({ keep: 0.5, count: 3 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options', 'count and keep'),
    );
    assert.throws(() => create({ keep: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 0));
    assert.throws(
      () => create({ keep: 0.5, fuse: 1 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.fuse'),
    );
    assert.throws(
      () => create({ keep: 0.5, reference: 'code' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.reference', 'code'),
    );
  });
});
