import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, Tensor } from 'tokensieve';
import { type Metric, pairedSimilarity as reference } from '../reference/paired-similarity.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { randomMask } from '../support/masks.js';
import { pairedSimilarity, pairedSimilaritySync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, emptyTensor, floatTypes, randomTensor, tensorOf, viewOf } from '../support/tensors.js';

const metrics = ['cosine', 'dot', 'l2'] as const satisfies readonly Metric[];

function assertSimilar(a: FloatTensor, b: FloatTensor): void {
  for (const metric of metrics) {
    const [x, y] = [decode(a), decode(b)];
    const expected = reference(x, y, metric);
    const magnitudes = reference(
      { ...x, data: x.data.map(Math.abs) },
      { ...y, data: y.data.map(Math.abs) },
      'dot',
    );
    const { relative, ofMagnitude } = errorBudget.pairedSimilarity;
    assertWithin(
      pairedSimilaritySync(a, b, { metric }),
      { data: expected.map(Math.fround), dims: a.dims.slice(0, -1) }, // past its range, as float32 says
      (i) => Math.abs(expected[i]) * relative + (metric === 'l2' ? 0 : ofMagnitude * (1 + magnitudes[i])),
      `${a.type} ${b.type} ${a.dims} ${metric}`,
    );
  }
}

suite(`pairedSimilarity (${place})`, () => {
  for (const type of floatTypes) {
    test(`tokens of any width, ${type}`, () => {
      const random = seeded(1);
      for (const channels of capped([0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 128, 129, 1024])) {
        for (const other of floatTypes) {
          const a = randomTensor(random, type, [2, 5, channels], { offset: channels % 3 });
          assertSimilar(a, randomTensor(random, other, [2, 5, channels], { offset: (channels + 1) % 3 }));
        }
      }
    });
  }

  test('heads, one token, none', () => {
    const random = seeded(2);
    const many = isOnDevice ? [1, 577, 24] : [7, 20, 4096];
    for (const dims of [[2, 3, 5, 64], [1, 64], [64], [2, 0, 64], [0, 3, 64], [1, 197, 48], many]) {
      assertSimilar(randomTensor(random, 'float32', dims), randomTensor(random, 'float32', dims));
    }
  });

  test('a token and its copy, a zero vector, and squares past float32', () => {
    const random = seeded(3);
    for (const type of floatTypes) {
      for (const channels of capped([1, 3, 16, 67, 768])) {
        const x = randomTensor(random, type, [9, channels]);
        assert.deepEqual(new Set(pairedSimilaritySync(x, x).data), new Set([1]));
        for (const distance of pairedSimilaritySync(x, x, { metric: 'l2' }).data)
          assert.ok(Object.is(distance, 0));
        assert.deepEqual(new Set(pairedSimilaritySync(x, emptyTensor(type, x.dims)).data), new Set([0]));
      }
    }
    assertSimilar(
      tensorOf('float32', [1e30, -2e30, 1e-30, 3e-30], [2, 2]),
      tensorOf('float32', [3e30, 1, 1e-30, 1e-30], [2, 2]),
    );
  });

  test('NaN and infinities', () => {
    const a = tensorOf('float32', [Number.NaN, 1, Infinity, 1, -Infinity, 0, 1, 2], [4, 2]);
    const b = tensorOf('float32', [0, 0, 1, 1, 1, 1, Number.NaN, 0], [4, 2]);
    assert.deepEqual(Array.from(pairedSimilaritySync(a, b, { metric: 'dot' }).data), [
      NaN,
      Infinity,
      -Infinity,
      NaN,
    ]);
    assert.deepEqual(Array.from(pairedSimilaritySync(a, b, { metric: 'l2' }).data), [
      NaN,
      -Infinity,
      -Infinity,
      NaN,
    ]);
    assert.deepEqual(Array.from(pairedSimilaritySync(a, b).data), [0, NaN, NaN, NaN]);
  });

  test('dropped tokens give 0, by mask and by lengths', () => {
    const random = seeded(4);
    const [a, b] = [0, 1].map(() => randomTensor(random, 'float32', [3, 2, 50, 8]));
    const whole = pairedSimilaritySync(a, b);
    const mask = randomMask(random, 150);
    const lengths = Int32Array.of(50, 0, 17);
    const expected = (i: number, masked: boolean, cut: boolean): number => {
      const [item, token] = [Math.floor(i / 100), i % 50];
      const dropped = (masked && mask[item * 50 + token] === 2) || (cut && token >= lengths[item]);
      return dropped ? 0 : whole.data[i];
    };
    const check = (options: object, masked: boolean, cut: boolean) =>
      assertSameBits(pairedSimilaritySync(a, b, options), {
        ...whole,
        data: whole.data.map((_, i) => expected(i, masked, cut)),
      });
    check({ mask }, true, false);
    check({ mask: { type: 'uint8', data: mask, dims: [3, 50] } }, true, false);
    check({ lengths }, false, true);
    check({ mask, lengths }, true, true);
    const ofAll = tensorOf(
      'uint8',
      Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 2 : 0)),
      [3, 2, 50],
    );
    assertSameBits(pairedSimilaritySync(a, b, { mask: ofAll }), {
      ...whole,
      data: whole.data.map((x, i) => (i % 3 === 0 ? 0 : x)),
    });
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ similarity: emptyTensor('float32', dims) }),
    tensors: ({ similarity }: { similarity: Tensor<'float32'> }) => [similarity],
  });
  suite('as every operation', () => {
    const random = seeded(5);
    const dims = isOnDevice ? [3, 41, 64] : [20, 301, 64];
    const [a, b] = [0, 1].map(() => randomTensor(random, 'float32', dims));
    testContract({
      inputs: [a, b],
      run: ([a, b], extra) => pairedSimilarity(a, b, extra),
      runSync: ([a, b], extra) => pairedSimilaritySync(a, b, extra),
      tensors: (similarity) => [similarity],
      out: {
        ...roomFor(dims.slice(0, 2)),
        overlapping: ([, b]) => ({ similarity: viewOf(b, 64, dims.slice(0, 2)) }),
      },
    });
  });

  const a = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
  testRefusals(
    [pairedSimilarity, pairedSimilaritySync],
    [
      {
        name: 'an unknown metric',
        args: [a, a, { metric: 'cos' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.metric',
        value: '"cos"',
      },
      {
        name: 'integers for a',
        args: [tensorOf('int32', [1], [1, 1]), a, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'a\\.type',
        value: 'int32',
      },
      { name: 'no b', args: [a, 7, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'b', value: 7 },
      {
        name: 'tokens of another width',
        args: [a, tensorOf('float32', [1, 2], [2, 1]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'b',
        value: '[1,2,1]',
      },
      {
        name: 'another number of tokens',
        args: [a, tensorOf('float32', [1, 2], [1, 2]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'b',
        value: '[1,1,2]',
      },
      {
        name: 'five dimensions',
        args: [tensorOf('float32', [1], [1, 1, 1, 1, 1]), a, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'a\\.dims',
        value: 5,
      },
      {
        name: 'a mask of another length',
        args: [a, a, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask of 3',
        args: [a, a, { mask: Uint8Array.of(0, 3) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.mask',
        value: 3,
      },
      {
        name: 'a length past the tokens',
        args: [a, a, { lengths: Int32Array.of(3) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.lengths',
        value: 3,
      },
    ],
    roomFor([2]),
  );
  testRefusals(
    [pairedSimilarity, pairedSimilaritySync],
    [
      {
        name: 'an out of another shape',
        args: [a, a, { out: { similarity: emptyTensor('float32', [3]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.similarity',
      },
    ],
  );
  testMalformed(
    [pairedSimilarity, pairedSimilaritySync],
    [a, a, { metric: 'dot', mask: new Uint8Array(2), lengths: Int32Array.of(1), out: roomFor([2]).empty() }],
  );
});
