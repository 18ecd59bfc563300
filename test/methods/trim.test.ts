import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FloatTensor, type TrimOptions, trim } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  ascending,
  assertNear,
  best,
  meansOf,
  outlierCount,
  range,
  tokenAt,
} from '../support/encoder-tokens.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode, randomTensor } from '../support/tensors.js';

const random = seeded(11);
const hidden = randomTensor(random, 'float32', [2, 30, 4]);
const imageEmbeds = randomTensor(random, 'float32', [2, 30, 6]);
const textEmbeds = randomTensor(random, 'float32', [2, 1, 6]);
const inputs = { hidden, imageEmbeds, textEmbeds };

/** Mean over words of the softmax over tokens of sign times their product. */
function softmax(
  row: number,
  words: readonly number[],
  text: FloatTensor,
  sign: number,
  among = range(0, 30),
) {
  const scores = new Array<number>(30).fill(0);
  for (const word of words) {
    const asked = tokenAt(decode(text), word, row);
    const exps = among.map((i) =>
      Math.exp(sign * tokenAt(decode(imageEmbeds), i, row).reduce((sum, x, c) => sum + x * asked[c], 0)),
    );
    const total = exps.reduce((sum, x) => sum + x, 0);
    among.forEach((i, at) => {
      scores[i] += exps[at] / total / words.length;
    });
  }
  return scores;
}

/** The kept tokens one by one, and then the rest. */
const slots = (scores: readonly number[], count: number, among = range(0, 30)) => {
  const kept = ascending(best(scores, among, count));
  return [...kept.map((i) => [i]), among.filter((i) => !kept.includes(i))];
};

const reduce = (options: TrimOptions, more: object = {}) => trim(options).reduceSync({ ...inputs, ...more });

describe('trim', () => {
  const scores = [0, 1].map((row) => softmax(row, [0], textEmbeds, -1));
  const counts = scores.map((own) => outlierCount(own));

  it('keeps the outliers of each row, and the mean of the rest behind them', () => {
    assert.ok(counts.every((count) => count > 0) && counts[0] !== counts[1], `${counts}`);
    const left = reduce({});
    for (let row = 0; row < 2; row++) {
      const expected = slots(scores[row], counts[row]);
      assert.deepEqual(membersOf(left.map, row), expected);
      const means = meansOf(decode(hidden), expected, row);
      assertNear(tokensOf(left, row), means);
      assertNear(left.scores!.data.subarray(row * 30, (row + 1) * 30), scores[row]);
    }
    assertConsistent(inputs, left);
  });

  it('takes the quartiles over the batch as the authors do', () => {
    const fraction = outlierCount(scores.flat()) / 60;
    const left = reduce({ reference: 'authors' });
    for (let row = 0; row < 2; row++)
      assert.deepEqual(membersOf(left.map, row), slots(scores[row], Math.floor(30 * fraction + 1e-9)));
  });

  it('keeps a fraction that is given, rounded down', () => {
    assert.deepEqual(membersOf(reduce({ keep: 0.25 }).map, 0), slots(scores[0], 7));
    assert.equal(reduce({ keep: 1 }).hidden.dims[1], 30);
  });

  it('rounds down as the authors do: what floating point makes of the product', () => {
    const draw = (tokens: number) => randomTensor(seeded(tokens), 'float32', [1, tokens, 6]);
    const given = { hidden: draw(100), imageEmbeds: draw(100), textEmbeds: draw(1) };
    assert.equal(trim({ keep: 0.29 }).reduceSync(given).hidden.dims[1], 29 + 1);
    assert.equal(trim({ keep: 0.29, reference: 'authors' }).reduceSync(given).hidden.dims[1], 28 + 1);
  });

  it('keeps the best where none stands out', () => {
    const flat = { ...imageEmbeds, data: imageEmbeds.data.map(() => 1) } as FloatTensor;
    assert.deepEqual(membersOf(reduce({}, { imageEmbeds: flat }).map, 0), [[0], range(1, 30)]);
  });

  it('averages over the words of a text that are not dropped, and leaves kept tokens out', () => {
    const words = randomTensor(random, 'float32', [2, 3, 6]);
    const textMask = Uint8Array.of(0, 2, 0, 0, 0, 2);
    const mask = Uint8Array.from({ length: 60 }, (_, i) => Number(i % 30 === 0));
    const left = reduce({ keep: 0.3, sign: 1 }, { textEmbeds: words, textMask, mask });
    for (const [row, chosen] of [
      [0, 2],
      [0, 1],
    ].entries()) {
      const own = softmax(row, chosen, words, 1, range(1, 30));
      assert.deepEqual(membersOf(left.map, row), [[0], ...slots(own, 8, range(1, 30))]);
    }
  });

  it('names what is wrong', () => {
    const create = trim as (options: unknown) => unknown;
    assert.throws(() => create({ keep: 2 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 2));
    assert.throws(() => create({ sign: 0 }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.sign', 0));
  });
});
