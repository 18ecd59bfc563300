import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { criteria } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { ask } from '../support/ask.js';
import { assertWithin, isArgumentError } from '../support/assertions.js';
import { randomMask } from '../support/masks.js';
import { seeded } from '../support/random.js';
import { randomInputs } from '../support/reductions.js';
import { decode, swapHeads, tensorOf, type Values } from '../support/tensors.js';

/** `[B,H,N]` to `[B,N]`. */
function meanOverHeads({ data, dims: [batch, heads, length] }: Values): Values {
  const mean = Float64Array.from({ length: batch * length }, (_, i) => {
    const [row, token] = [Math.floor(i / length), i % length];
    let sum = 0;
    for (let head = 0; head < heads; head++) sum += data[(row * heads + head) * length + token];
    return sum / heads;
  });
  return { data: mean, dims: [batch, length] };
}

describe('criteria.tokenEntropy', () => {
  const inputs = randomInputs();
  const [q, k] = [decode(inputs.q!), decode(inputs.k!)];

  it('is the entropy of the attention that each token pays, averaged over heads', () => {
    assertWithin(
      ask(criteria.tokenEntropy(), inputs),
      meanOverHeads(attentionScores(q, k).entropy),
      () => 1e-4,
    );
    const causal = attentionScores(q, k, { causal: true, scale: 2 }).entropy;
    const asked = ask(criteria.tokenEntropy({ causal: true, scale: 2 }), inputs);
    assertWithin(asked, meanOverHeads(causal), () => 1e-4);
    assert.ok(Math.abs(asked.data[0]) < 1e-6, 'the first token sees itself alone');
  });

  it('ranks a token that looks at one alone under one that looks at all', () => {
    const axes = tensorOf('float32', [9, 0, 0, 0, 0, 0], [1, 1, 2, 3]);
    const [narrow, wide] = ask(criteria.tokenEntropy({ scale: 1 }), {
      hidden: tensorOf('float32', [1, 2], [1, 2, 1]),
      q: axes,
      k: axes,
    }).data;
    assert.ok(narrow < 1e-6 && Math.abs(wide - Math.log(2)) < 1e-6);
  });

  it('reads either layout, leaves masked tokens out, weighs by size where told', () => {
    const swap = (x: Values) => {
      const { data, dims } = swapHeads(x);
      return tensorOf('float32', data, dims);
    };
    const swapped = { hidden: inputs.hidden, q: swap(q), k: swap(k), layout: 'bnhd' } as const;
    const plain = decode(ask(criteria.tokenEntropy(), inputs));
    assertWithin(ask(criteria.tokenEntropy(), swapped), plain, () => 1e-5);
    const mask = randomMask(seeded(5), 22);
    const masked = attentionScores(q, k, { mask, queryMask: mask }).entropy;
    assertWithin(ask(criteria.tokenEntropy(), { ...inputs, mask }), meanOverHeads(masked), () => 1e-4);
    const sizes = Float32Array.from({ length: 22 }, (_, i) => 1 + (i % 3));
    const sized = attentionScores(q, k, { bias: sizes.map(Math.log) }).entropy;
    const asked = ask(criteria.tokenEntropy({ proportional: true }), { ...inputs, sizes });
    assertWithin(asked, meanOverHeads(sized), () => 1e-4);
  });

  it('names what is missing or does not fit', () => {
    const { q: _, ...withoutQ } = inputs;
    assert.throws(
      () => ask(criteria.tokenEntropy(), withoutQ),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.q'),
    );
    const short = { ...inputs, q: randomInputs({ length: 5 }).q };
    assert.throws(
      () => ask(criteria.tokenEntropy(), short),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.q.dims'),
    );
    assert.throws(
      () => criteria.tokenEntropy(null as never),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'),
    );
  });
});
