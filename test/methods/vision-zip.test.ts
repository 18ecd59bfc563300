import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type VisionZipOptions, visionZip } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  ascending,
  assertNear,
  attentionTo,
  best,
  cosine,
  encoderTokens,
  meanKey,
  meansOf,
  range,
  sumOf,
} from '../support/encoder-tokens.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const inputs = encoderTokens({ length: 24, heads: 4, keyHeads: 2 });
const hidden = decode(inputs.hidden);
const keys = range(0, 24).map((i) => meanKey(inputs.k, i));
const scores = attentionTo(inputs.q, inputs.k);

/** Members of each slot, the dominant ones first, by the paper's rule. */
function zipped(dominant: number, contextual: number): number[][] {
  const kept = ascending([0, ...best(scores, range(1, 24), dominant)]);
  const others = range(0, 24).filter((i) => !kept.includes(i));
  const step = Math.max(1, Math.floor(others.length / contextual));
  const targets = others.filter((_, at) => at % step === 0).slice(0, contextual);
  const slots = targets.map((target) => [target]);
  for (const i of others.filter((token) => !targets.includes(token))) {
    const similarity = targets.map((target) => cosine(keys[i], keys[target]));
    slots[similarity.indexOf(Math.max(...similarity))].push(i);
  }
  return [...kept.map((i) => [i]), ...slots];
}

describe('visionZip', () => {
  for (const [dominant, contextual] of [
    [8, 4],
    [8, 5],
    [10, 10],
    [1, 1],
  ] as const)
    it(`keeps ${dominant} tokens beside the class token, and merges the rest into ${contextual}`, () => {
      const slots = zipped(dominant, contextual);
      const left = visionZip({ dominant, contextual }).reduceSync(inputs);
      assert.deepEqual(membersOf(left.map, 0), slots.map(ascending));
      const means = meansOf(hidden, slots);
      assertNear(tokensOf(left, 0), means);
      assertNear(
        left.scores!.data,
        scores.map((mean) => 4 * mean),
      );
      assert.deepEqual(
        [...left.positions.data],
        slots.map(([target]) => target),
      );
      assertConsistent(inputs, visionZip({ dominant, contextual, positions: 'kept' }).reduceSync(inputs));

      const authors = visionZip({ dominant, contextual, reference: 'authors' }).reduceSync(inputs);
      const sums = slots.flatMap(([target, ...joined]) =>
        sumOf(hidden, [target, ...joined], [1, ...joined.map(() => 1 / joined.length)]),
      );
      assertNear(tokensOf(authors, 0), sums);
    });

  it('keeps all where there are no more than it leaves', () => {
    const count = (options: VisionZipOptions) => visionZip(options).reduceSync(inputs).hidden.dims[1];
    assert.equal(count({}), 24);
    assert.equal(count({ dominant: 20, contextual: 10 }), 24);
    assert.equal(count({ dominant: 20, contextual: 2 }), 23);
  });

  it('asks all tokens of an encoder without a class token', () => {
    const received = attentionTo(inputs.q, inputs.k, 'all');
    const left = visionZip({ dominant: 6, contextual: 3, queries: 'all' }).reduceSync(inputs);
    assert.deepEqual(membersOf(left.map, 0).slice(0, 6).flat(), ascending(best(received, range(0, 24), 6)));
    assert.equal(left.map.outputLengths[0], 9);
  });

  it('names what is wrong', () => {
    const create = visionZip as (options: unknown) => unknown;
    for (const name of ['dominant', 'contextual']) {
      assert.throws(
        () => create({ [name]: 0 }),
        isArgumentError('ERR_TOKENSIEVE_RANGE', `options.${name}`, 0),
      );
      assert.throws(() => create({ [name]: '4' }), isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${name}`));
    }
  });
});
