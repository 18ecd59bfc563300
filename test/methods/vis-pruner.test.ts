import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type VisPrunerOptions, visPruner } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  ascending,
  attentionTo,
  best,
  cosine,
  encoderTokens,
  range,
  tokenAt,
} from '../support/encoder-tokens.js';
import { membersOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const inputs = encoderTokens({ length: 48 });
const tokens = range(0, 48).map((i) => tokenAt(decode(inputs.hidden), i));
const scores = attentionTo(inputs.q, inputs.k);

/** What stays beside the class token, by the paper's rounds. */
function rounds(T: number, ratio: number, r: number): number[] {
  const list = best(scores, range(1, 48), 47);
  const important = list.slice(0, Math.floor(T * ratio));
  let residual = list.slice(important.length);
  const diverse = T - important.length;
  if (diverse === 0) return important;
  while (residual.length > diverse) {
    const even = residual.filter((_, at) => at % 2 === 0);
    const odd = residual.filter((_, at) => at % 2 === 1);
    const nearest = even.map((i) => Math.max(...odd.map((j) => cosine(tokens[i], tokens[j]))));
    const order = best(nearest, range(0, even.length), even.length);
    const removed = Math.min(r, residual.length - diverse, even.length);
    residual = [...order.slice(removed).map((at) => even[at]), ...odd];
  }
  return [...important, ...residual];
}

const kept = (options: VisPrunerOptions) => membersOf(visPruner(options).reduceSync(inputs).map, 0).flat();

describe('visPruner', () => {
  for (const [count, importantRatio, r] of [
    [32, 0.5, 8],
    [17, 0.3, 8],
    [6, 0.5, 8],
    [6, 0, 5],
    [1, 0.5, 8],
    [47, 0.5, 8],
    [46, 0.9, 1],
    [9, 1, 8],
  ] as const)
    it(`keeps exactly ${count}, ${importantRatio} of them by attention, in rounds of ${r}`, () => {
      const expected = ascending([0, ...rounds(count, importantRatio, r)]);
      assert.equal(expected.length, count + 1);
      assert.deepEqual(kept({ count, importantRatio, r }), expected);
    });

  it('rounds a fraction down', () => {
    assert.deepEqual(kept({ keep: 0.35 }), kept({ count: 16, importantRatio: 0.5, r: 8 }));
    assert.deepEqual(kept({ ratio: 0.65, reference: 'authors' }), kept({ count: 16 }));
  });

  it('rounds the important part down as the authors do: what floating point makes of the product', () => {
    const many = encoderTokens({ length: 121, seed: 2 });
    const received = attentionTo(many.q, many.k);
    const stays = (reference: 'paper' | 'authors') =>
      membersOf(visPruner({ count: 100, importantRatio: 0.29, reference }).reduceSync(many).map, 0).flat();
    const ranked = best(received, range(1, 121), 120);
    assert.ok(ranked.slice(0, 29).every((i) => stays('paper').includes(i)));
    assert.notDeepEqual(stays('paper'), stays('authors'));
  });

  it('goes by the rows of a batch that keep different numbers', () => {
    const two = encoderTokens({ length: 20, batch: 2 });
    const lengths = Int32Array.of(20, 9);
    const both = visPruner({ keep: 0.4 }).reduceSync({ ...two, lengths });
    assert.deepEqual([...both.map.outputLengths], [1 + 7, 1 + 3]);
  });

  it('names what is wrong', () => {
    const create = visPruner as (options: unknown) => unknown;
    for (const [name, value] of [
      ['importantRatio', 1.5],
      ['importantRatio', -0.1],
      ['r', 0],
      ['r', 1.5],
    ] as const)
      assert.throws(
        () => create({ keep: 0.5, [name]: value }),
        isArgumentError('ERR_TOKENSIEVE_RANGE', `options.${name}`, value),
      );
    assert.throws(
      () => create({ keep: 0.5, r: '8' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r', '8'),
    );
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
  });
});
