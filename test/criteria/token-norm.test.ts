import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { criteria } from 'tokensieve';
import { tokenNorms } from '../reference/token-norms.js';
import { ask } from '../support/ask.js';
import { assertWithin, isArgumentError } from '../support/assertions.js';
import { randomInputs } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

describe('criteria.keyNorm, hiddenNorm and gradientNorm', () => {
  const inputs = randomInputs();

  for (const p of [1, 2] as const)
    it(`average the L${p} norm over key heads`, () => {
      const norms = tokenNorms(decode(inputs.k!), p);
      const [batch, heads, length] = inputs.k!.dims;
      const mean = Float64Array.from({ length: batch * length }, (_, i) => {
        const [row, token] = [Math.floor(i / length), i % length];
        let sum = 0;
        for (let head = 0; head < heads; head++) sum += norms[(row * heads + head) * length + token];
        return sum / heads;
      });
      const expected = { data: mean, dims: [batch, length] };
      assertWithin(ask(criteria.keyNorm({ p, prefer: 'high' }), inputs), expected, (i) => 1e-6 * mean[i]);
      const low = { data: mean.map((norm) => -norm), dims: [batch, length] };
      assertWithin(ask(criteria.keyNorm({ p }), inputs), low, (i) => 1e-6 * mean[i]);
    });

  it('take the norm of the hidden state', () => {
    const data = tokenNorms(decode(inputs.hidden));
    assertWithin(ask(criteria.hiddenNorm(), inputs), { data, dims: [2, 11] }, (i) => 1e-6 * data[i]);
  });

  it('take the norm of the gradient', () => {
    const { hidden: gradients } = randomInputs({ seed: 9 });
    const data = tokenNorms(decode(gradients));
    const withGradients = { ...inputs, gradients };
    const expected = { data, dims: [2, 11] };
    assertWithin(ask(criteria.gradientNorm(), withGradients), expected, (i) => 1e-6 * data[i]);
    const sums = tokenNorms(decode(gradients), 1).map((sum) => -sum);
    const low = ask(criteria.gradientNorm({ p: 1, prefer: 'low' }), withGradients);
    assertWithin(low, { data: sums, dims: [2, 11] }, (i) => -1e-6 * sums[i]);
    assert.throws(
      () => ask(criteria.gradientNorm(), inputs),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.gradients'),
    );
    for (const shape of [{ length: 5 }, { channels: 5 }, { batch: 1 }])
      assert.throws(
        () => ask(criteria.hiddenNorm(), { ...inputs, gradients: randomInputs(shape).hidden }),
        isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.gradients.dims'),
      );
  });

  it('name what is wrong', () => {
    const { k: _, ...withoutK } = inputs;
    assert.throws(
      () => ask(criteria.keyNorm(), withoutK),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.k'),
    );
    assert.throws(
      () => criteria.keyNorm({ p: 3 as never }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.p', 3),
    );
    assert.throws(
      () => criteria.hiddenNorm({ prefer: 'least' as never }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.prefer'),
    );
  });
});
