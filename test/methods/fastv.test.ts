import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, type FastvOptions, fastv } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { isArgumentError } from '../support/assertions.js';
import { bestPlaces, placesOf, promptInputs } from '../support/prompts.js';
import { membersOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

/** Attention of a causal model, of every query or of that at one place. */
function scoresOf({ q, k, mask }: ReturnType<typeof promptInputs>, query?: number): Float64Array {
  const queries = query === undefined ? 'all' : Int32Array.of(query);
  const masking = { causal: true, mask, queryMask: mask, queries } as const;
  return attentionScores(decode(q), decode(k), masking).scores.data;
}

describe('fastv', () => {
  for (const padding of [
    [0, 0],
    [3, 0],
    [0, 3],
  ] as const) {
    const inputs = promptInputs({ spans: [2, 13, 4], padding });
    const [text, picture] = [placesOf(inputs.mask, 1), placesOf(inputs.mask, 0)];
    const left = (options: FastvOptions) => membersOf(fastv(options).reduceSync(inputs).map, 0).flat();
    const expected = (scores: Float64Array, count: number) =>
      [...text, ...bestPlaces(picture, scores, count)].sort((a, b) => a - b);

    it(`keeps what receives most attention from all tokens, in place, padded by ${padding}`, () => {
      for (const [ratio, count] of [
        [0, 13],
        [0.25, 10],
        [0.5, 6],
        [0.9, 1],
        [0.99, 0],
      ] as const)
        assert.deepEqual(left({ ratio }), expected(scoresOf(inputs), count), `ratio ${ratio}`);
    });

    it(`asks the last token alone as the authors do, padded by ${padding}`, () => {
      const last = scoresOf(inputs, text[text.length - 1]);
      for (const count of [1, 4, 12]) {
        assert.deepEqual(left({ count, reference: 'authors' }), expected(last, count));
        assert.deepEqual(left({ count, queries: 'last' }), expected(last, count));
        const all = left({ count, queries: 'all', reference: 'authors' });
        assert.deepEqual(all, expected(scoresOf(inputs), count));
      }
    });
  }

  it('ranks by the keys that one query turns to', () => {
    // Text, three tokens of a picture, text: the last query is 1, and keys say how much it likes each.
    const column = (...numbers: number[]) => tensorOf('float32', numbers, [5, 1]);
    const inputs = {
      hidden: column(1, 2, 3, 4, 5),
      q: column(1),
      k: column(9, 3, 1, 2, 9),
      mask: Uint8Array.of(1, 0, 0, 0, 1),
      positions: Int32Array.of(10, 11, 12, 13, 14),
    };
    const q = tensorOf('float32', [1], [1, 1]);
    const { hidden, positions, scores } = fastv({ count: 2, queries: 'last' }).reduceSync({ ...inputs, q });
    assert.deepEqual([...decode(hidden).data], [1, 2, 4, 5]);
    assert.deepEqual([...positions.data], [10, 11, 13, 14]);
    const sum = 2 * Math.exp(9) + Math.exp(3) + Math.exp(1) + Math.exp(2);
    for (const [i, key] of [9, 3, 1, 2, 9].entries())
      assert.ok(Math.abs((scores?.data[i] ?? 0) - Math.exp(key) / sum) < 1e-6);
  });

  it('takes the last row of q alone for all of it', () => {
    const inputs = promptInputs({ batch: 2 });
    const length = inputs.hidden.dims[1];
    const whole = decode(inputs.q);
    const rows = Array.from({ length: 2 * 4 }, (_, head) =>
      whole.data.subarray(((head + 1) * length - 1) * 8, (head + 1) * length * 8),
    );
    const q = tensorOf(
      'float32',
      rows.flatMap((row) => [...row]),
      [2, 4, 1, 8],
    );
    const sieve = fastv({ keep: 0.4, queries: 'last' });
    assert.deepEqual(sieve.reduceSync({ ...inputs, q }), sieve.reduceSync(inputs));
    assert.deepEqual(fastv({ keep: 0.4 }).reduceSync({ ...inputs, q }), sieve.reduceSync(inputs));
  });

  it('rounds a half to the even side and acts at its layers alone', () => {
    for (const [picture, stay] of [
      [5, 2],
      [7, 4],
      [576, 288],
    ]) {
      const inputs = promptInputs({ spans: [2, picture, 3] });
      const sieve = fastv({ ratio: budgets.atLayers([2], 0.5) });
      assert.equal(sieve.reduceSync({ ...inputs, layer: 2 }).hidden.dims[1], 5 + stay);
      assert.equal(sieve.reduceSync({ ...inputs, layer: 3 }).hidden.dims[1], 5 + picture);
    }
  });

  it('names what is wrong', () => {
    const create = fastv as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ ratio: 1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.ratio', 1));
    assert.throws(
      () => create({ ratio: 0.5, queries: 'first' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.queries', 'first'),
    );
  });
});
