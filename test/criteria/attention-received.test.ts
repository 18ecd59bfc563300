import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { criteria, type SieveInputs } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { ask } from '../support/ask.js';
import { assertWithin, isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { randomInputs, randomMask } from '../support/reductions.js';
import { decode, swapHeads, tensorOf } from '../support/tensors.js';

describe('criteria.attentionReceived', () => {
  const inputs = randomInputs();
  const [q, k, v] = [inputs.q, inputs.k, inputs.v].map((tensor) => decode(tensor!));

  it('is the attention of all queries, averaged over heads', () => {
    const { scores, tolerance } = attentionScores(q, k);
    assertWithin(ask(criteria.attentionReceived(), inputs), scores, tolerance);
  });

  it('takes the options of attentionScores', () => {
    const options = { queries: 'first', heads: 'max', scale: 0.3 } as const;
    const { scores, tolerance } = attentionScores(q, k, options);
    assertWithin(ask(criteria.attentionReceived(options), inputs), scores, tolerance);
    const causal = attentionScores(q, k, { causal: true, reduce: 'observed' });
    const asked = ask(criteria.attentionReceived({ causal: true, reduce: 'observed' }), inputs);
    assertWithin(asked, causal.scores, causal.tolerance);
  });

  it('reads heads from either layout', () => {
    const swap = (tensor: NonNullable<SieveInputs['q']>) => {
      const { data, dims } = swapHeads(decode(tensor));
      return tensorOf('float32', data, dims);
    };
    const swapped = {
      ...inputs,
      q: swap(inputs.q!),
      k: swap(inputs.k!),
      v: swap(inputs.v!),
      layout: 'bnhd',
    } as const;
    const { scores, tolerance } = attentionScores(q, k);
    assertWithin(ask(criteria.attentionReceived(), swapped), scores, tolerance);
    for (const criterion of [criteria.keyNorm(), criteria.valueWeightedAttention()])
      assertWithin(ask(criterion, swapped), decode(ask(criterion, inputs)), () => 1e-5);
  });

  it('leaves masked tokens out, as keys and as queries', () => {
    const mask = randomMask(seeded(5), 2, 11);
    const { scores, tolerance } = attentionScores(q, k, { mask, queryMask: mask });
    assertWithin(ask(criteria.attentionReceived(), { ...inputs, mask }), scores, tolerance);
    const lengths = Int32Array.of(11, 6);
    const padded = attentionScores(q, k, { lengths });
    assertWithin(ask(criteria.attentionReceived(), { ...inputs, lengths }), padded.scores, padded.tolerance);
  });

  it('attends in proportion to sizes where told', () => {
    const sizes = Float32Array.from({ length: 22 }, (_, i) => 1 + (i % 3));
    const { scores, tolerance } = attentionScores(q, k, { bias: sizes.map(Math.log) });
    const asked = ask(criteria.attentionReceived({ proportional: true }), { ...inputs, sizes });
    assertWithin(asked, scores, (i) => tolerance[i] + 1e-7);
  });

  it('is weighted by the norm of values', () => {
    const { scores, tolerance } = attentionScores(q, k, { values: v });
    assertWithin(ask(criteria.valueWeightedAttention(), inputs), scores, tolerance);
  });

  it('names an input that is missing', () => {
    const { q: _, ...withoutQ } = inputs;
    const { v: __, ...withoutV } = inputs;
    assert.throws(
      () => ask(criteria.attentionReceived(), withoutQ),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.q'),
    );
    assert.throws(
      () => ask(criteria.valueWeightedAttention(), withoutV),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.v'),
    );
    assert.throws(
      () => criteria.attentionReceived(null as never),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'),
    );
  });
});
