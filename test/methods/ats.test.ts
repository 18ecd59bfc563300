import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ats } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { vectorsOf } from '../reference/plain.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, scoresOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const length = 24;
const inputs = randomInputs({ batch: 1, length });

/** The share of each token but the class token, by the attention and the values of plain arrays. */
function shares(): number[] {
  const { scores } = attentionScores(decode(inputs.q!), decode(inputs.k!), {
    queries: 'first',
    heads: 'sum',
  });
  const values = vectorsOf(inputs.v!);
  const heads = inputs.v!.dims[1];
  const read = Array.from({ length }, (_, i) => {
    const concatenated = Array.from({ length: heads }, (_, head) => values[head * length + i]).flat();
    return scores.data[i] * Math.hypot(...concatenated);
  });
  const sum = read.slice(1).reduce((a, b) => a + b, 0);
  return read.map((value) => value / sum);
}

/** What K even points from the least positive sum up to 1 pick, by rising share. */
function picked(share: number[], K: number): number[] {
  const rising = [...share.keys()].slice(1).sort((i, j) => share[i] - share[j] || i - j);
  let total = 0;
  const sums = rising.map((i) => {
    total += share[i];
    return total;
  });
  const y = sums.map((c) => (c - sums[0]) / (total - sums[0]));
  const start = Math.min(...y.filter((place) => place > 0));
  const chosen = new Set<number>();
  for (let k = 0; k < K; k++) {
    const point = K === 1 ? 1 : start + ((1 - start) * k) / (K - 1);
    const distances = y.map((place) => Math.abs(place - point));
    chosen.add(distances.indexOf(Math.min(...distances)));
  }
  return [...chosen].sort((a, b) => a - b).map((at) => rising[at]);
}

const rising = (list: number[]) => [...list].sort((i, j) => i - j);

describe('ats', () => {
  const share = shares();

  for (const [keep, count] of [
    [0.9, 22],
    [0.5, 12],
    [0.4, 10],
    [0.1, 2],
  ] as const)
    it(`picks by ${count} - 1 points, the class token besides`, () => {
      const left = ats({ keep }).reduceSync(inputs);
      assert.deepEqual(membersOf(left.map, 0).flat(), [0, ...rising(picked(share, count - 1))]);
      assertConsistent(inputs, left);
      for (let i = 1; i < length; i++) assert.ok(Math.abs(left.scores!.data[i] - share[i]) < 1e-6);
      assert.deepEqual(ats({ count }).reduceSync(inputs), left);

      const points = Math.max(8, Math.round(keep * length)) - 1;
      const authors = ats({ keep, reference: 'authors' }).reduceSync(inputs);
      assert.deepEqual(membersOf(authors.map, 0).flat(), [0, ...picked(share, points)]);
      assertConsistent(inputs, authors);
    });

  it('keeps few where few matter, and no token twice', () => {
    const one = scoresOf([[0, ...Array.from({ length: length - 1 }, (_, i) => (i === 6 ? 1 : 1e-6))]]);
    assert.deepEqual(
      membersOf(ats({ count: 12 }).reduceSync({ ...inputs, scores: one }).map, 0)
        .flat()
        .includes(7),
      true,
    );
    assert.ok(ats({ count: 12 }).reduceSync({ ...inputs, scores: one }).hidden.dims[1] <= 4);
    const even = scoresOf([new Array<number>(length).fill(1)]);
    assert.equal(ats({ count: 12 }).reduceSync({ ...inputs, scores: even }).hidden.dims[1], 12);
  });

  it('tells what is left of rows that differ', () => {
    const both = randomInputs({ batch: 2, length });
    const mask = new Uint8Array(2 * length);
    mask.fill(2, 10, length);
    const left = ats({ ratio: 0.4 }).reduceSync({ ...both, mask });
    assert.ok(left.lengths && left.lengths[0] <= 6 && left.lengths[1] <= 14);
    assertConsistent({ ...both, mask }, left);
  });

  it('takes values that are all zero', () => {
    const v = { ...inputs.v!, data: new Float32Array(inputs.v!.data.length) };
    const left = ats({ count: 9 }).reduceSync({ ...inputs, v });
    assertConsistent(inputs, left);
    assert.ok(left.scores!.data.every((score) => score === 0));
  });

  it('names what is wrong', () => {
    const create = ats as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ keep: 2 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 2));
    const { v, ...rest } = inputs;
    assert.throws(
      () => ats({ keep: 0.5 }).reduceSync(rest),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.v'),
    );
    const scores = scoresOf([new Array<number>(length).fill(-1)]);
    assert.throws(
      () => ats({ keep: 0.5 }).reduceSync({ ...inputs, scores }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'scores'),
    );
  });
});
