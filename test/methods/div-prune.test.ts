import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { divPrune } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { ascending, cosine, encoderTokens, range, tokenAt } from '../support/encoder-tokens.js';
import { membersOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

/** Chosen tokens of those given, by the paper's rule. */
function farthest(tokens: readonly (readonly number[])[], among: readonly number[], count: number): number[] {
  const distance = (i: number, j: number) => 1 - cosine(tokens[i], tokens[j]);
  const nearest = (i: number, others: readonly number[]) =>
    Math.min(...others.filter((j) => j !== i).map((j) => distance(i, j)));
  const chosen: number[] = [];
  while (chosen.length < count) {
    const left = among.filter((i) => !chosen.includes(i));
    const gaps = left.map((i) => nearest(i, chosen.length === 0 ? among : chosen));
    chosen.push(left[gaps.indexOf(Math.max(...gaps))]);
  }
  return ascending(chosen);
}

describe('divPrune', () => {
  const { hidden } = encoderTokens({ length: 12, channels: 4 });
  const tokens = range(0, 12).map((i) => tokenAt(decode(hidden), i));

  it('keeps round(keep * 12) tokens, each far from those before it', () => {
    for (const [keep, count] of [
      [0.05, 1],
      [0.3, 4],
      [0.5, 6],
      [0.95, 11],
      [1, 12],
    ] as const) {
      const left = divPrune({ keep }).reduceSync({ hidden });
      assert.deepEqual(membersOf(left.map, 0).flat(), farthest(tokens, range(0, 12), count), `${keep}`);
    }
  });

  it('chooses as if what is kept were not there', () => {
    const mask = Uint8Array.from({ length: 12 }, (_, i) => Number(i < 2 || i > 9));
    const left = divPrune({ count: 3 }).reduceSync({ hidden, mask });
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, 1, ...farthest(tokens, range(2, 10), 3), 10, 11]);
  });

  it('chooses no token twice once copies are all that is left', () => {
    const copies = tensorOf('float32', [1, 0, 0, 1, 1, 0, 0, 1, 1, 0], [1, 5, 2]);
    const left = divPrune({ count: 4 }).reduceSync({ hidden: copies });
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, 1, 2, 3]);
  });

  it('compares by a metric that is given', () => {
    const metric = tensorOf(
      'float32',
      range(0, 12).flatMap((i) => [Math.cos(i < 11 ? 0.01 * i : 2), Math.sin(i < 11 ? 0.01 * i : 2)]),
      [12, 2],
    );
    const left = divPrune({ count: 2 }).reduceSync({ hidden, metric });
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, 11]);
  });

  it('names what is wrong', () => {
    const create = divPrune as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ keep: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 0));
    assert.throws(() => create({ count: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.count', 0));
  });
});
