import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CdPrunerOptions, cdPruner } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { ascending, assertNear, cosine, range, tokenAt } from '../support/encoder-tokens.js';
import { seeded } from '../support/random.js';
import { membersOf } from '../support/reductions.js';
import { decode, randomTensor } from '../support/tensors.js';

const random = seeded(11);
const hidden = randomTensor(random, 'float32', [2, 12, 8]);
const imageEmbeds = randomTensor(random, 'float32', [2, 12, 6]);
const textEmbeds = randomTensor(random, 'float32', [2, 3, 6]);
const inputs = { hidden, imageEmbeds, textEmbeds };

/** Mean cosine with some words. */
const similarity = (row: number, words: readonly number[]) =>
  range(0, 12).map((i) =>
    words.reduce(
      (sum, word) =>
        sum +
        cosine(tokenAt(decode(imageEmbeds), i, row), tokenAt(decode(textEmbeds), word, row)) / words.length,
      0,
    ),
  );

const scaled = (scores: readonly number[], all = scores, epsilon = 0) =>
  scores.map((score) => (score - Math.min(...all) + epsilon) / (Math.max(...all) - Math.min(...all)));

/** By elimination. */
function determinant(matrix: readonly (readonly number[])[]): number {
  if (matrix.length === 0) return 1;
  const [[pivot, ...first], ...below] = matrix;
  return (
    pivot * determinant(below.map(([head, ...rest]) => rest.map((x, j) => x - (head / pivot) * first[j])))
  );
}

/** Greedily the greatest determinant of the kernel among the chosen. */
function chosen(relevance: readonly number[], row: number, count: number, among = range(0, 12)): number[] {
  const tokens = range(0, 12).map((i) => tokenAt(decode(hidden), i, row));
  const kernel = (set: readonly number[]) =>
    set.map((i) => set.map((j) => relevance[i] * cosine(tokens[i], tokens[j]) * relevance[j]));
  const list: number[] = [];
  while (list.length < count) {
    const left = among.filter((i) => !list.includes(i));
    const gains = left.map((i) => determinant(kernel([...list, i])));
    list.push(left[gains.indexOf(Math.max(...gains))]);
  }
  return ascending(list);
}

const kept = (options: CdPrunerOptions, row: number, more: object = {}) =>
  membersOf(cdPruner(options).reduceSync({ ...inputs, ...more }).map, row).flat();

describe('cdPruner', () => {
  const words = [0, 1, 2];
  const negative = [0, 1].map((row) => similarity(row, words).map((x) => -x));

  for (const count of [1, 3, 6])
    it(`keeps ${count} tokens that are relevant and unlike each other`, () => {
      for (const row of [0, 1]) {
        assert.deepEqual(kept({ count }, row), chosen(scaled(negative[row]), row, count));
        const positive = scaled(similarity(row, words));
        assert.deepEqual(kept({ count, sign: 1 }, row), chosen(positive, row, count));
        const weighted = scaled(negative[row]).map((x) => Math.exp((0.6 / 0.8) * x));
        assert.deepEqual(kept({ count, theta: 0.6 }, row), chosen(weighted, row, count));
        const { scores } = cdPruner({ count, theta: 0.6 }).reduceSync(inputs);
        assertNear(scores!.data.subarray(row * 12, (row + 1) * 12), weighted);
      }
    });

  it('scales over the batch as the authors do', () => {
    const left = cdPruner({ count: 4, reference: 'authors' }).reduceSync(inputs);
    for (const row of [0, 1]) {
      const relevance = scaled(negative[row], negative.flat(), 1e-6);
      assertNear(left.scores!.data.subarray(row * 12, (row + 1) * 12), relevance);
      assert.deepEqual(membersOf(left.map, row).flat(), chosen(relevance, row, 4));
    }
  });

  it('leaves dropped words and kept tokens out', () => {
    const textMask = Uint8Array.of(0, 2, 0, 2, 2, 0);
    const mask = Uint8Array.from({ length: 24 }, (_, i) => Number(i % 12 === 0));
    for (const [row, own] of [[0, 2], [2]].entries()) {
      const scores = similarity(row, own).map((x) => -x);
      const relevance = [0, ...scaled(scores.slice(1))];
      assert.deepEqual(kept({ count: 4 }, row, { textMask, mask }), [
        0,
        ...chosen(relevance, row, 4, range(1, 12)),
      ]);
    }
  });

  it('takes all for equally relevant where a text has no word', () => {
    for (const textMask of [new Uint8Array(6).fill(2), Uint8Array.of(0, 0, 0, 2, 2, 2)]) {
      const left = cdPruner({ count: 5 }).reduceSync({ ...inputs, textMask });
      assert.ok(left.scores!.data.subarray(12).every((score) => score === 1));
      assert.equal(left.hidden.dims[1], 5);
    }
  });

  it('rounds a fraction down', () => {
    assert.equal(kept({ keep: 0.3 }, 0).length, 3);
    assert.equal(kept({ ratio: 0.95 }, 0).length, 1);
    assert.equal(kept({ keep: 0.5, theta: 0.9999 }, 0).length, 6);
  });

  it('names what is wrong', () => {
    const create = cdPruner as (options: unknown) => unknown;
    assert.throws(
      () => create({ keep: 0.5, theta: 1 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.theta', 1),
    );
    assert.throws(
      () => create({ keep: 0.5, theta: '1' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.theta'),
    );
    assert.throws(
      () => create({ keep: 0.5, sign: 2 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.sign', 2),
    );
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    const shape = { ...inputs, textEmbeds: randomTensor(random, 'float32', [2, 3, 5]) };
    assert.throws(
      () => cdPruner({ keep: 0.5 }).reduceSync(shape),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.textEmbeds.dims'),
    );
  });
});
