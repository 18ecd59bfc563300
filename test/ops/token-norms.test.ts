import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Tensor } from 'tokensieve';
import { tokenNorms as reference } from '../reference/token-norms.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { tokenNorms, tokenNormsSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, emptyTensor, floatTypes, randomTensor, tensorOf, viewOf } from '../support/tensors.js';

function assertNorms(x: Tensor<'float32' | 'float16' | 'bfloat16'>, p: 1 | 2): void {
  const expected = reference(decode(x), p);
  const { relative } = errorBudget.tokenNorms;
  assertWithin(
    tokenNormsSync(x, { p }),
    { data: expected, dims: x.dims.slice(0, -1) },
    (i) => expected[i] * relative,
    `${x.type} ${x.dims} p=${p}`,
  );
}

const widths = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 127, 128, 129, 1024];

suite(`tokenNorms (${place})`, () => {
  for (const type of floatTypes) {
    test(`tokens of any width, ${type}`, () => {
      const random = seeded(1);
      for (const channels of capped(widths)) {
        const x = randomTensor(random, type, [2, 13, channels], { offset: channels % 3 });
        assertNorms(x, 2);
        assertNorms(x, 1);
      }
    });
  }

  test('keys of several heads, one token, none', () => {
    const random = seeded(2);
    for (const dims of [[2, 3, 5, 64], [1, 64], [64], [2, 0, 64], [0, 3, 64]]) {
      assertNorms(randomTensor(random, 'float32', dims), 2);
    }
  });

  test('zeros, denormals, infinities and NaN', () => {
    const infinity = Number.POSITIVE_INFINITY;
    assertNorms(tensorOf('float32', [0, -0, 0, 1, -infinity, 2, Number.NaN, 1, 1], [3, 3]), 2);
    assertNorms(tensorOf('float32', [0, -0, 0, 1, -infinity, 2, Number.NaN, 1, 1], [3, 3]), 1);
    assertNorms(tensorOf('float32', [1e-42, -2e-42, 3e-42, 2 ** -149], [1, 4]), 1);
    for (const type of floatTypes) assertNorms(tensorOf(type, [1e-7, -2e-7, 6e-8, 0], [1, 4]), 1);
  });

  test('dropped tokens have norm 0, by mask and by lengths', () => {
    const random = seeded(4);
    const x = randomTensor(random, 'float32', [3, 2, 50, 8]);
    const whole = tokenNormsSync(x);
    const mask = randomMask(random, 150);
    const lengths = Int32Array.of(50, 0, 17);
    const masked = whole.data.map((norm, i) => (mask[Math.floor(i / 100) * 50 + (i % 50)] === 2 ? 0 : norm));
    assertSameBits(tokenNormsSync(x, { mask }), { ...whole, data: masked });
    assertSameBits(tokenNormsSync(x, { mask: tensorOf('uint8', mask, [3, 50]) }), { ...whole, data: masked });
    const both = masked.map((norm, i) => (i % 50 >= lengths[Math.floor(i / 100)] ? 0 : norm));
    assertSameBits(tokenNormsSync(x, { mask, lengths }), { ...whole, data: both });
    const one = tokenNormsSync(tensorOf('float32', [3, 4], [1, 2]), { mask: Uint8Array.of(2) });
    assert.deepEqual(Array.from(one.data), [0]);
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ norms: emptyTensor('float32', dims) }),
    tensors: ({ norms }: { norms: Tensor<'float32'> }) => [norms],
  });
  suite('as every operation', () => {
    const dims = isOnDevice ? [3, 41, 64] : [20, 301, 64];
    const x = randomTensor(seeded(3), 'float32', dims);
    testContract({
      inputs: [x],
      run: ([x], extra) => tokenNorms(x, extra),
      runSync: ([x], extra) => tokenNormsSync(x, extra),
      tensors: (norms) => [norms],
      out: {
        ...roomFor(dims.slice(0, 2)),
        overlapping: ([x]) => ({ norms: viewOf(x, 64, dims.slice(0, 2)) }),
      },
    });
  });

  const x = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  testRefusals(
    [tokenNorms, tokenNormsSync],
    [
      { name: 'a p of 3', args: [x, { p: 3 }], code: 'ERR_TOKENSIEVE_RANGE', path: 'options\\.p', value: 3 },
      {
        name: 'a word for p',
        args: [x, { p: '2' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.p',
        value: '"2"',
      },
      {
        name: 'integers for x',
        args: [tensorOf('int32', [1], [1, 1]), {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
      { name: 'no x', args: [7, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'x', value: 7 },
      {
        name: 'a mask of another length',
        args: [x, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask of booleans',
        args: [x, { mask: [true, false] }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.mask(\\.type)?',
      },
      {
        name: 'too many lengths',
        args: [x, { lengths: Int32Array.of(1, 1) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.lengths',
      },
    ],
    roomFor([2]),
  );
  testRefusals(
    [tokenNorms, tokenNormsSync],
    [
      {
        name: 'an out of another shape',
        args: [x, { out: { norms: emptyTensor('float32', [3]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.norms',
      },
      {
        name: 'an out of as many elements in another shape',
        args: [x, { out: { norms: emptyTensor('float32', [1, 2]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.norms',
      },
    ],
  );
  testMalformed(
    [tokenNorms, tokenNormsSync],
    [x, { p: 1, mask: new Uint8Array(2), lengths: Int32Array.of(2), out: roomFor([2]).empty() }],
  );
});
