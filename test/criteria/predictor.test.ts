import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, createSieve, criteria, type FloatType, strategies } from 'tokensieve';
import { matmul } from '../reference/matmul.js';
import { ask } from '../support/ask.js';
import { assertWithin, isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { randomInputs } from '../support/reductions.js';
import { decode, floatTypes, randomTensor, tensorOf, type Values } from '../support/tensors.js';

const random = seeded(1);
const [channels, width] = [6, 5];
const first = randomTensor(random, 'float32', [width, channels]);
const bias = Float32Array.from({ length: width }, random.normal);
const one = randomTensor(random, 'float32', [1, width]);
const two = randomTensor(random, 'float32', [2, width]);

/** The outputs of two layers, row after row, in float64. */
function outputsOf(hidden: Values, last: Values): Float64Array {
  const tokens = { data: hidden.data, dims: [1, hidden.dims[0] * hidden.dims[1], channels] };
  const inner = matmul(tokens, decode(first), { transposeB: true, bias, activation: 'gelu' });
  return matmul({ data: inner.c, dims: [1, tokens.dims[1], width] }, last, { transposeB: true }).c;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const tolerance: Record<FloatType, number> = { float32: 1e-6, float16: 5e-3, bfloat16: 5e-2 };

describe('criteria.predictor', () => {
  for (const type of floatTypes)
    it(`is a perceptron on ${type} tokens`, () => {
      const inputs = randomInputs({ type });
      const hidden = decode(inputs.hidden);
      const layers = [{ weight: first, bias, activation: 'gelu' as const }];
      const asked = ask(criteria.predictor({ layers: [...layers, { weight: one }] }), inputs);
      const expected = outputsOf(hidden, decode(one)).map(sigmoid);
      assertWithin(asked, { data: expected, dims: [2, 11] }, () => tolerance[type]);

      const kept = ask(
        criteria.predictor({ layers: [...layers, { weight: two }], output: 'softmax' }),
        inputs,
      );
      const pairs = outputsOf(hidden, decode(two));
      const first0 = expected.map((_, i) => sigmoid(pairs[2 * i] - pairs[2 * i + 1]));
      assertWithin(kept, { data: first0, dims: [2, 11] }, () => tolerance[type]);
    });

  it('reads any size of 16-bit number right', () => {
    const numbers = [0, -0, 2 ** -24, -(2 ** -14), 0.1, -3, 9, 700, -70000];
    const layers = [{ weight: tensorOf('float32', [1], [1, 1]) }];
    for (const type of ['float16', 'bfloat16'] as const) {
      const hidden = tensorOf(type, numbers, [1, numbers.length, 1]);
      const expected = decode(hidden).data.map(sigmoid);
      const { data } = ask(criteria.predictor({ layers }), { hidden });
      data.forEach((score, i) => {
        assert.ok(Math.abs(score - expected[i]) < 1e-6, `${type} ${numbers[i]}`);
      });
    }
  });

  it('works in both forms, on no token too', async () => {
    const criterion = criteria.predictor({
      layers: [{ weight: tensorOf('float32', new Float32Array(6), [1, 6]) }],
    });
    const sieve = createSieve({ criterion, budget: budgets.ratio(0.5), strategy: strategies.prune() });
    const inputs = randomInputs();
    assert.deepEqual(await sieve.reduce(inputs), sieve.reduceSync(inputs));
    assert.deepEqual([...sieve.reduceSync(inputs).scores!.data], new Array(22).fill(0.5));
    assert.deepEqual(sieve.reduceSync(randomInputs({ length: 0 })).hidden.dims, [2, 0, 6]);
  });

  it('names the layer that does not fit', () => {
    const refused = (
      layers: unknown,
      code: 'ERR_TOKENSIEVE_TYPE' | 'ERR_TOKENSIEVE_RANGE' | 'ERR_TOKENSIEVE_SHAPE',
      path: string,
    ) => assert.throws(() => criteria.predictor({ layers } as never), isArgumentError(code, path));
    refused(undefined, 'ERR_TOKENSIEVE_TYPE', 'options\\.layers');
    refused([], 'ERR_TOKENSIEVE_RANGE', 'options\\.layers');
    refused([7], 'ERR_TOKENSIEVE_TYPE', 'options\\.layers\\[0\\]');
    refused([{}], 'ERR_TOKENSIEVE_TYPE', 'options\\.layers\\[0\\]\\.weight');
    refused([{ weight: two }], 'ERR_TOKENSIEVE_SHAPE', 'options\\.layers\\[0\\]\\.weight');
    refused([{ weight: one }, { weight: one }], 'ERR_TOKENSIEVE_SHAPE', 'options\\.layers\\[0\\]\\.weight');
    refused(
      [{ weight: tensorOf('float32', [1], [1]) }],
      'ERR_TOKENSIEVE_SHAPE',
      'options\\.layers\\[0\\]\\.weight',
    );
    refused([{ weight: one, bias }], 'ERR_TOKENSIEVE_SHAPE', 'options\\.layers\\[0\\]\\.bias');
    refused([{ weight: one, bias: [1] }], 'ERR_TOKENSIEVE_TYPE', 'options\\.layers\\[0\\]\\.bias');
    refused(
      [{ weight: one, activation: 'silu' }],
      'ERR_TOKENSIEVE_TYPE',
      'options\\.layers\\[0\\]\\.activation',
    );
    assert.throws(
      () => criteria.predictor({ layers: [{ weight: one }], output: 'max' as never }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options\\.output'),
    );
    assert.throws(
      () => ask(criteria.predictor({ layers: [{ weight: one }] }), randomInputs()),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options\\.layers\\[0\\]\\.weight'),
    );
  });
});
