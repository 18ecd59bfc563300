import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FasterVlmOptions, fasterVlm } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { ascending, attentionTo, best, encoderTokens, range } from '../support/encoder-tokens.js';
import { membersOf } from '../support/reductions.js';

const inputs = encoderTokens({ length: 11, heads: 4, keyHeads: 2 });
const kept = (options: FasterVlmOptions) => membersOf(fasterVlm(options).reduceSync(inputs).map, 0).flat();

describe('fasterVlm', () => {
  const scores = attentionTo(inputs.q, inputs.k);

  it('keeps the class token and the round(10 (1 - r)) others that it attends to most, in place', () => {
    for (const [ratio, left] of [
      [0, 10],
      [0.25, 8],
      [0.35, 6],
      [0.66, 3],
      [0.99, 0],
    ] as const)
      assert.deepEqual(kept({ ratio }), ascending([0, ...best(scores, range(1, 11), left)]), `${ratio}`);
  });

  it('counts the tokens beside the class token, by number too', () => {
    assert.deepEqual(kept({ count: 4 }), ascending([0, ...best(scores, range(1, 11), 4)]));
    assert.deepEqual(kept({ keep: 0.4, reference: 'authors' }), kept({ count: 4 }));
  });

  it('asks all tokens of an encoder without a class token', () => {
    const received = attentionTo(inputs.q, inputs.k, 'all');
    assert.deepEqual(kept({ keep: 0.4, queries: 'all' }), ascending(best(received, range(0, 11), 4)));
  });

  it('names what is wrong', () => {
    const create = fasterVlm as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    assert.throws(() => create({ ratio: 1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.ratio', 1));
    assert.throws(
      () => create({ ratio: 0.5, queries: 'last' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.queries', 'last'),
    );
  });
});
