import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatType, Tensor } from 'tokensieve';
import { layerNorm as reference } from '../reference/layer-norm.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { layerNorm, layerNormSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import {
  count,
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  tensorOf,
  viewOf,
} from '../support/tensors.js';

interface Given {
  weight?: Tensor<'float32'>;
  bias?: Tensor<'float32'>;
  epsilon?: number;
}

function assertNormed(x: Tensor<FloatType>, { weight, bias, epsilon }: Given = {}, label = ''): void {
  const channels = x.dims.at(-1) ?? 1;
  const data = reference(decode(x), {
    ...(weight && { weight: weight.data }),
    ...(bias && { bias: bias.data }),
    ...(epsilon !== undefined && { epsilon }),
  });
  const { ofMagnitude } = errorBudget.layerNorm;
  const allowed = (i: number): number => {
    const factor = Math.abs(weight?.data[i % channels] ?? 1);
    const term = Math.abs(bias?.data[i % channels] ?? 0);
    return ofMagnitude * (Math.abs(data[i]) + factor + term);
  };
  const given = {
    ...(weight && { weight }),
    ...(bias && { bias }),
    ...(epsilon !== undefined && { epsilon }),
  };
  assertWithin(layerNormSync(x, given), { data, dims: x.dims }, allowed, `${x.type} ${x.dims} ${label}`);
}

const widths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 768, 1024, 4096];

suite(`layerNorm (${place})`, () => {
  for (const type of floatTypes) {
    test(`tokens of any width, ${type}`, () => {
      const random = seeded(1);
      for (const channels of capped(widths)) {
        const x = randomTensor(random, type, [2, 5, channels], { offset: channels % 3, deviation: 3 });
        const weight = randomTensor(random, 'float32', [channels], { offset: 1 });
        const bias = randomTensor(random, 'float32', [channels], { offset: 2 });
        assertNormed(x);
        assertNormed(x, { weight });
        assertNormed(x, { bias, epsilon: 0.5 });
        assertNormed(x, { weight, bias, epsilon: 1e-12 });
      }
    });
  }

  test('any leading dims, no token, no channel', () => {
    const random = seeded(2);
    for (const dims of [[2, 3, 5, 64], [2, 2, 2, 2, 2, 3], [64], [2, 0, 64], [0, 3, 64], [2, 3, 0]])
      assertNormed(randomTensor(random, 'float32', dims));
  });

  test('a mean far from 0 costs no digits', () => {
    const random = seeded(3);
    for (const mean of [1e3, -1e5, 3e6]) {
      for (const channels of capped([5, 64, 770])) {
        const numbers = Float32Array.from({ length: 3 * channels }, () => mean + random.normal());
        assertNormed(tensorOf('float32', numbers, [3, channels]), { epsilon: 0 }, `mean ${mean}`);
      }
    }
  });

  test('one channel that is far from the others', () => {
    const random = seeded(4);
    for (const outlier of [1e4, -1e8]) {
      for (const at of [0, 40, 99]) {
        const numbers = Array.from({ length: 100 }, (_, i) => (i === at ? outlier : random.normal()));
        assertNormed(tensorOf('float32', numbers, [1, 100]), {}, `${outlier} at ${at}`);
      }
    }
  });

  test('a token without variance becomes the bias', () => {
    const bias = tensorOf('float32', [1, 2, 3], [3]);
    for (const value of [0, 7, -0.1, 1e30, 1e-40]) {
      const x = tensorOf('float32', [value, value, value], [1, 3]);
      for (const epsilon of [0, 1e-5])
        assert.deepEqual(
          Array.from(layerNormSync(x, { bias, epsilon }).data),
          [1, 2, 3],
          `${value}, ${epsilon}`,
        );
    }
  });

  test('large and small numbers', () => {
    for (const scale of [1e15, 1e-10, 1e-18])
      assertNormed(randomTensor(seeded(5), 'float32', [2, 100], { deviation: scale }), { epsilon: 0 });
    const extremes = layerNormSync(tensorOf('float32', [3e38, 3e38, 3e38, 2.9e38], [1, 4]));
    assert.ok(extremes.data.every((y) => Number.isFinite(y)));
  });

  test('what is not finite stays in its token', () => {
    const random = seeded(6);
    for (const unusual of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const x = randomTensor(random, 'float32', [3, 37]);
      const whole = layerNormSync(x);
      x.data[37 + 5] = unusual;
      const normed = layerNormSync(x);
      assert.ok(normed.data.subarray(37, 74).every((y) => Number.isNaN(y)));
      assert.deepEqual(normed.data.subarray(0, 37), whole.data.subarray(0, 37));
      assert.deepEqual(normed.data.subarray(74), whole.data.subarray(74));
    }
  });

  test('bare arrays are weights and biases; tokens do not depend on one another', () => {
    const random = seeded(7);
    const x = randomTensor(random, 'bfloat16', [4, 33]);
    const weight = randomTensor(random, 'float32', [33]);
    const whole = layerNormSync(x, { weight });
    assertSameBits(layerNormSync(x, { weight: weight.data }), whole);
    for (let row = 0; row < 4; row++) {
      const one = { ...x, data: x.data.slice(row * 33, (row + 1) * 33), dims: [1, 33] };
      assert.deepEqual(layerNormSync(one, { weight }).data, whole.data.slice(row * 33, (row + 1) * 33));
    }
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ tokens: emptyTensor('float32', dims) }),
    tensors: ({ tokens }: { tokens: Tensor<'float32'> }) => [tokens],
  });
  suite('as every operation', () => {
    const dims = isOnDevice ? [3, 41, 64] : [4, 301, 129];
    const channels = dims[2];
    const x = randomTensor(seeded(8), 'float32', dims, { offset: count(dims) });
    testContract({
      inputs: [
        x,
        randomTensor(seeded(9), 'float32', [channels]),
        randomTensor(seeded(10), 'float32', [channels]),
      ],
      run: ([x, weight, bias], extra) => layerNorm(x, { weight, bias, ...extra }),
      runSync: ([x, weight, bias], extra) => layerNormSync(x, { weight, bias, ...extra }),
      tensors: (tokens) => [tokens],
      out: { ...roomFor(dims), overlapping: ([x]) => ({ tokens: viewOf(x, -64, dims) }) },
    });
  });

  const x = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  testRefusals(
    [layerNorm, layerNormSync],
    [
      {
        name: 'an epsilon below 0',
        args: [x, { epsilon: -1e-5 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.epsilon',
        value: '-1e-05',
      },
      {
        name: 'an epsilon that is no number',
        args: [x, { epsilon: Number.NaN }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.epsilon',
      },
      {
        name: 'a word for epsilon',
        args: [x, { epsilon: '1e-5' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.epsilon',
        value: '"1e-5"',
      },
      {
        name: 'integers for x',
        args: [tensorOf('int32', [1], [1, 1]), {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
      {
        name: 'a weight of another length',
        args: [x, { weight: new Float32Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.weight',
      },
      {
        name: 'a weight of another type',
        args: [x, { weight: emptyTensor('float16', [2]) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.weight\\.type',
        value: 'float16',
      },
      {
        name: 'a bias of two dims',
        args: [x, { bias: emptyTensor('float32', [1, 2]) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.bias',
      },
    ],
    roomFor([2, 2]),
  );
  testRefusals(
    [layerNorm, layerNormSync],
    [
      {
        name: 'an out of as many elements in another shape',
        args: [x, { out: { tokens: emptyTensor('float32', [4, 1]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.tokens',
      },
      {
        name: 'an out of another type',
        args: [x, { out: { tokens: emptyTensor('float16', [2, 2]) } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.tokens',
      },
    ],
  );
  testMalformed(
    [layerNorm, layerNormSync],
    [
      x,
      { epsilon: 1e-5, weight: new Float32Array(2), bias: new Float32Array(2), out: roomFor([2, 2]).empty() },
    ],
  );
});
