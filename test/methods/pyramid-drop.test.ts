import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, pyramidDrop } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { isArgumentError } from '../support/assertions.js';
import { bestPlaces, placesOf, promptInputs } from '../support/prompts.js';
import { membersOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

describe('pyramidDrop', () => {
  for (const padding of [
    [0, 0],
    [2, 0],
    [0, 2],
  ] as const)
    it(`keeps what the last token attends to, renumbered, padded by ${padding}`, () => {
      const inputs = promptInputs({ spans: [3, 11, 4], padding });
      const text = placesOf(inputs.mask, 1);
      const { scores } = attentionScores(decode(inputs.q), decode(inputs.k), {
        mask: inputs.mask,
        queries: Int32Array.of(text[text.length - 1]),
      });
      for (const [keep, count] of [
        [0.5, 5],
        [0.99, 10],
        [0.1, 1],
        [0.05, 0],
      ] as const) {
        const left = pyramidDrop({ keep }).reduceSync(inputs);
        const best = bestPlaces(placesOf(inputs.mask, 0), scores.data, count);
        assert.deepEqual(
          membersOf(left.map, 0).flat(),
          [...text, ...best].sort((a, b) => a - b),
        );
        assert.deepEqual([...left.positions.data], [...left.positions.data.keys()]);
        const kept = pyramidDrop({ keep, positions: 'kept' }).reduceSync(inputs);
        assert.deepEqual([...kept.positions.data], membersOf(left.map, 0).flat());
      }
    });

  it('rounds down as the authors do: what floating point makes of the product', () => {
    const inputs = promptInputs({ spans: [1, 100, 1] });
    const left = (reference: 'paper' | 'authors') =>
      pyramidDrop({ keep: 0.29, reference }).reduceSync(inputs).hidden.dims[1];
    assert.equal(0.29 * 100, 28.999999999999996);
    assert.equal(left('paper'), 2 + 29);
    assert.equal(left('authors'), 2 + 28);
  });

  it('goes down the pyramid of the authors by their list', () => {
    const sieve = pyramidDrop({ keep: budgets.pyramid([8, 16, 24], [0.5, 0.25, 0.125]) });
    const counts: number[] = [];
    let inputs = promptInputs({ spans: [3, 577, 4], channels: 1 });
    for (let layer = 7; layer < 26; layer++) {
      const { hidden, mask } = sieve.reduceSync({ ...inputs, layer });
      const picture = hidden.dims[1] - 7;
      if (picture === inputs.hidden.dims[1] - 7) continue;
      counts.push(picture);
      inputs = {
        ...promptInputs({ spans: [3, picture, 4] }),
        hidden,
        mask: mask.data as Uint8Array<ArrayBuffer>,
      };
    }
    assert.deepEqual(counts, [288, 144, 72]);
  });

  it('drops from each row of a batch what that row does not look at', () => {
    // One head of one channel: keys are logits for the last query, 1.
    const column = (numbers: number[]) => tensorOf('float32', numbers, [2, 1, 5, 1]);
    const left = pyramidDrop({ count: 1 }).reduceSync({
      hidden: tensorOf('float32', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [2, 5, 1]),
      q: column([0, 0, 0, 0, 1, 0, 0, 0, 1, 0]),
      k: column([9, 1, 2, 3, 9, 3, 2, 1, 0, 0]),
      mask: Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 2),
    });
    assert.deepEqual([...decode(left.hidden).data], [1, 4, 5, 6, 9, 0]);
    assert.deepEqual([...left.positions.data], [0, 1, 2, 0, 1, 0]);
    assert.deepEqual([...(left.lengths ?? [])], [3, 2]);
  });

  it('names what is wrong', () => {
    const create = pyramidDrop as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ keep: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 0));
    for (const [keep, path, code] of [
      [[0.5, 0.6], 'keep\\[1\\]', 'ERR_TOKENSIEVE_RANGE'],
      [[0, 0], 'keep\\[0\\]', 'ERR_TOKENSIEVE_RANGE'],
      [[0.5, '0.2'], 'keep\\[1\\]', 'ERR_TOKENSIEVE_TYPE'],
      [[0.5], 'values', 'ERR_TOKENSIEVE_SHAPE'],
      [0.5, 'keep', 'ERR_TOKENSIEVE_TYPE'],
    ] as const)
      assert.throws(() => budgets.pyramid([8, 16], keep as unknown as number[]), isArgumentError(code, path));
  });
});
