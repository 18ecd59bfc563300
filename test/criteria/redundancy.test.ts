import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Criterion, criteria, type SieveInputs } from 'tokensieve';
import { type SimilarityReduceOptions, similarityReduce } from '../reference/similarity-reduce.js';
import { ask } from '../support/ask.js';
import { assertWithin, isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { randomInputs, randomMask, rowOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

const { energy, redundancy } = criteria;
const [batch, length, channels] = [3, 11, 6];

/** Minus the mean over similarities of hidden states, row by row; 0 for a dropped token. */
function expectedOf({ hidden, mask }: SieveInputs, options: SimilarityReduceOptions) {
  const { data } = decode(hidden);
  const rows = Array.from({ length: batch }, (_, row) => {
    const x = {
      data: data.subarray(row * length * channels, (row + 1) * length * channels),
      dims: [length, channels],
    };
    const own = (mask as Uint8Array | undefined)?.subarray(row * length, (row + 1) * length);
    return [...similarityReduce(x, { ...options, ...(own && { mask: own }) })].map((mean) => 0 - mean);
  });
  return { data: rows.flat(), dims: [batch, length] };
}

describe('criteria.redundancy and energy', () => {
  const plain = randomInputs({ batch, length, channels, seed: 6 });
  const masked = { ...plain, mask: randomMask(seeded(6), batch, length) };

  for (const [what, inputs] of [
    ['free tokens', plain],
    ['masks', masked],
  ] as const) {
    it(`redundancy is the mean cosine with the others, over ${what}`, () => {
      const scores = ask(redundancy({ metric: 'hidden' }), inputs);
      assertWithin(scores, expectedOf(inputs, { self: false }), () => 1e-6);
      const high = ask(redundancy({ metric: 'hidden', prefer: 'high' }), inputs);
      assert.deepEqual(
        high.data,
        scores.data.map((score) => 0 - score),
      );
    });

    for (const margin of [-0.2, 0, 0.45, 0.9])
      it(`energy is the mean of ELU(cosine - ${margin}), over ${what}`, () => {
        const scores = ask(energy({ margin, metric: 'hidden' }), inputs);
        assertWithin(scores, expectedOf(inputs, { f: { elu: margin } }), () => 1e-6);
      });
  }

  it('take keys by default, or a metric', () => {
    const one = randomInputs({ batch: 1, length, heads: 1, keyHeads: 1 });
    const metric = { ...one.k!, dims: [1, length, 8] };
    for (const criterion of [redundancy(), energy({ margin: 0.5 })]) {
      const expected = ask(criterion, { hidden: metric, metric });
      assert.deepEqual(ask(criterion, one), expected);
      assert.ok(expected.data.some((score) => score !== 0));
    }
  });

  it('rank a token of its own above tokens that repeat each other', () => {
    const hidden = tensorOf('float32', [1, 0, 1, 0.1, 0, 1, 1, -0.1], [4, 2]);
    for (const criterion of [redundancy({ metric: 'hidden' }), energy({ metric: 'hidden', margin: 0.5 })]) {
      const { data } = ask(criterion, { hidden });
      assert.equal(data.indexOf(Math.max(...data)), 2);
    }
  });

  it('score a row in a batch as that row alone, and equal tokens alike', () => {
    for (const criterion of [redundancy(), energy({ margin: 0.3 })]) {
      const all = ask(criterion, masked);
      for (let row = 0; row < batch; row++) {
        const own = all.data.subarray(row * length, (row + 1) * length);
        assert.deepEqual(own, ask(criterion, rowOf(masked, row)).data);
      }
      const metric = tensorOf('float32', new Float32Array(length * 2).fill(3), [1, length, 2]);
      const equal = ask(criterion, { hidden: metric, metric }).data;
      assert.ok(equal.every((score) => score === equal[0]));
      const zero = tensorOf('float32', new Float32Array(length * 2), [1, length, 2]);
      assert.ok(ask(criterion, { hidden: zero, metric: zero }).data.every(Number.isFinite));
      const single = tensorOf('float32', [2, 1], [1, 1, 2]);
      assert.ok(ask(criterion, { hidden: single, metric: single }).data.every(Number.isFinite));
    }
  });

  it('take a margin that goes by layers', () => {
    const margin = (layer: number) => 0.9 - 0.9 * (layer / 12);
    const at = (layer: number) => ask(energy({ margin }), { ...plain, layer });
    assert.deepEqual(at(6), ask(energy({ margin: margin(6) }), plain));
    assert.deepEqual(
      ask(energy({ margin: [0.1, 0.2] }), { ...plain, layer: 1 }),
      ask(energy({ margin: 0.2 }), plain),
    );
  });

  it('name what is wrong', () => {
    const makers = [redundancy, energy] as ((options?: unknown) => Criterion)[];
    for (const make of makers) {
      assert.throws(() => make(null), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
      for (const option of ['metric', 'prefer'])
        assert.throws(
          () => make({ margin: 0, [option]: 'x' }),
          isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${option}`),
        );
      const { k: _, ...withoutK } = plain;
      assert.throws(
        () => ask(make({ margin: 0 }), withoutK),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.k'),
      );
    }
    const make = makers[1];
    assert.throws(() => make(), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.margin'));
    assert.throws(
      () => make({ margin: Number.NaN }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.margin', 'NaN'),
    );
    assert.throws(
      () => ask(energy({ margin: [0.5] }), plain),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.layer'),
    );
    assert.throws(
      () => ask(energy({ margin: [0.5] }), { ...plain, layer: 1 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.margin'),
    );
  });
});
