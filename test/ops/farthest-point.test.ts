import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { FloatTensor, Tensor } from 'tokensieve';
import {
  type FarthestPointOptions,
  nearestDistances,
  farthestPoint as reference,
} from '../reference/farthest-point.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { isOnDevice, place, runs } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { farthestPoint, farthestPointSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  intsAt,
  randomTensor,
  repeatedTokens,
  tensorOf,
} from '../support/tensors.js';

type Options = FarthestPointOptions & { readonly mask?: Uint8Array };

const choose = (x: FloatTensor, options: Options) => Array.from(farthestPointSync(x, options).data);

/** The same choices, where distances are exact or far enough apart. */
function assertChoices(x: FloatTensor, options: Options): void {
  assert.deepEqual(choose(x, options), reference(decode(x), options));
}

/** Each choice is the farthest to within rounding, given those before it. */
function assertGreedy(x: FloatTensor, options: Options): void {
  const { count, start = 'isolated', metric = 'cosine', mask } = options;
  const chosen = choose(x, options);
  assert.equal(new Set(chosen).size, count, 'none twice');
  const present = Array.from({ length: x.dims[0] }, (_, i) => i).filter((i) => mask?.[i] !== 2);
  const kept = present.filter((i) => mask?.[i] === 1);
  assert.deepEqual(chosen.slice(0, kept.length), kept);
  const { relative, cosine } = errorBudget.farthestPoint;
  const values = decode(x);
  let nearest = nearestDistances(values, kept, metric);
  for (let place = kept.length; place < count; place++) {
    const choice = chosen[place];
    const isStart = place === kept.length;
    if (isStart && start !== 'isolated') assert.equal(choice, start);
    else {
      const distances = isStart ? nearestDistances(values, present, metric) : nearest;
      const left = present.filter((i) => !chosen.slice(0, place).includes(i));
      const greatest = Math.max(...left.map((i) => distances[i]));
      const allowed = relative * greatest + (metric === 'cosine' ? cosine : 0);
      assert.ok(
        distances[choice] === greatest || distances[choice] >= greatest - allowed,
        `choice ${place}: ${choice} at ${distances[choice]}, the farthest at ${greatest}`,
      );
    }
    const toChoice = nearestDistances(values, [choice], metric);
    nearest = nearest.map((distance, i) => Math.min(distance, toChoice[i]));
  }
}

suite(`farthestPoint (${place})`, () => {
  for (const type of floatTypes) {
    test(`any number of tokens and channels, ${type}`, () => {
      const random = seeded(1);
      for (const N of isOnDevice ? [1, 2, 17, 37] : [1, 2, 3, 16, 17, 37]) {
        for (const C of isOnDevice ? [1, 16, 33] : [1, 3, 15, 16, 17, 31, 32, 33, 64]) {
          const x = randomTensor(random, type, [N, C], { offset: C % 3 });
          for (const metric of ['cosine', 'l2'] as const) {
            // By cosine, tokens of one channel are two points: ties are all there is.
            const check = C === 1 && metric === 'cosine' ? assertChoices : assertGreedy;
            check(x, { count: N, metric });
            check(x, { count: N >> 1, metric, start: N >> 1 });
          }
        }
      }
    });
  }

  test('as many tokens as an image has', () => {
    const random = seeded(12);
    assertGreedy(randomTensor(random, 'float16', [197, 64]), { count: 6 });
    assertGreedy(randomTensor(random, 'float32', [577, 8]), { count: 6, metric: 'l2' });
    assertGreedy(randomTensor(random, 'bfloat16', [577, 16]), { count: 12, start: 400 });
  });

  test('tokens that are chosen one way only, step by step', () => {
    // On a line, from its left end: the right end, the middle, the middles of the halves from the left.
    const line = tensorOf('float32', [0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 1]);
    assert.deepEqual(choose(line, { count: 9, start: 0, metric: 'l2' }), [0, 8, 4, 2, 6, 1, 3, 5, 7]);
    const gap = tensorOf('float32', [0, 1, 2, 9, 4, 5], [6, 1]);
    assert.deepEqual(choose(gap, { count: 3, metric: 'l2' }), [3, 0, 4]);
  });

  test('the isolated token starts, whatever the order of tokens', () => {
    const x = randomTensor(seeded(2), 'float32', [97, 8]);
    const [start] = choose(x, { count: 1 });
    const reversed = tensorOf(
      'float32',
      Array.from({ length: 97 * 8 }, (_, i) => x.data[(96 - Math.floor(i / 8)) * 8 + (i % 8)]),
      [97, 8],
    );
    assert.deepEqual(choose(reversed, { count: 1 }), [96 - start]);
    assertGreedy(x, { count: 1 });
    assertGreedy(x, { count: 1, metric: 'l2' });
  });

  test('a batch chooses row by row', () => {
    const B = isOnDevice ? 3 : 11;
    const x = randomTensor(seeded(3), 'float32', [B, 37, 24]);
    const { data, dims } = farthestPointSync(x, { count: 9 });
    assert.deepEqual(dims, [B, 9]);
    for (let b = 0; b < B; b++) {
      const row = tensorOf('float32', x.data.subarray(b * 37 * 24, (b + 1) * 37 * 24), [37, 24]);
      assert.deepEqual(Array.from(data.subarray(b * 9, b * 9 + 9)), choose(row, { count: 9 }));
    }
  });

  test('kept tokens come first, by index; dropped ones never', () => {
    const random = seeded(4);
    for (const N of [9, 33, 70]) {
      const x = randomTensor(random, 'float32', [N, 16]);
      const mask = Uint8Array.from({ length: N }, () => [0, 0, 0, 1, 2][random.integer(5)]);
      mask[5] = 0;
      const kept = mask.filter((state) => state === 1).length;
      const present = mask.filter((state) => state !== 2).length;
      for (const count of new Set([kept, kept + 1, present])) {
        assertGreedy(x, { count, mask });
        assertGreedy(x, { count, mask, start: 5 });
      }
    }
    const x = randomTensor(random, 'float32', [2, 20, 8]);
    const padding = Uint8Array.from({ length: 40 }, (_, i) =>
      i % 20 < [12, 20][Math.floor(i / 20)] ? 0 : 2,
    );
    assert.deepEqual(
      farthestPointSync(x, { count: 12, lengths: Int32Array.of(12, 20) }),
      farthestPointSync(x, { count: 12, mask: padding }),
    );
  });

  test('a start that is kept is not chosen twice', () => {
    const x = randomTensor(seeded(5), 'float32', [12, 8]);
    const mask = Uint8Array.from({ length: 12 }, (_, i) => Number(i === 3 || i === 7));
    assertChoices(x, { count: 12, mask, start: 7 });
  });

  test('copies come last, ties go to the lower index, none is chosen twice', () => {
    const random = seeded(6);
    for (const metric of ['cosine', 'l2'] as const) {
      assertChoices(tensorOf('float32', new Float64Array(40 * 24).fill(0.3), [40, 24]), {
        count: 40,
        metric,
      });
      for (const type of floatTypes) {
        const copies = repeatedTokens(randomTensor(random, type, [7, 33]), 21, (i) => (i * 5) % 7);
        const chosen = choose(copies, { count: 21, metric, start: 2 });
        assert.equal(new Set(chosen.slice(0, 7).map((i) => (i * 5) % 7)).size, 7, 'one of each first');
        const rest = Array.from({ length: 21 }, (_, i) => i).filter((i) => !chosen.slice(0, 7).includes(i));
        assert.deepEqual(chosen.slice(7), rest, 'then copies by index');
      }
    }
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 40 }), (numbers) => {
        const x = tensorOf('float32', numbers, [numbers.length >> 1, 2]);
        assertChoices(x, { count: numbers.length >> 1, metric: 'l2' });
        assertChoices(x, { count: numbers.length >> 1, metric: 'l2', start: 0 });
      }),
      { numRuns: runs(100) },
    );
  });

  test('tokens that differ in their last digit are told apart', () => {
    const x = tensorOf('float32', new Float64Array(5 * 64).fill(1), [5, 64]);
    x.data[2 * 64 + 9] = 1 + 2 ** -23;
    x.data[3 * 64 + 5] = 1 + 2 ** -20;
    for (const metric of ['cosine', 'l2'] as const)
      assert.deepEqual(choose(x, { count: 5, start: 0, metric }), [0, 3, 2, 1, 4]);
  });

  test('a zero token has the cosine 0 with everything, another zero token too', () => {
    const x = randomTensor(seeded(7), 'float32', [20, 16]);
    for (const i of [0, 5, 6]) x.data.fill(0, i * 16, i * 16 + 16);
    assertGreedy(x, { count: 20 });
    assertChoices(tensorOf('float32', new Float64Array(6 * 4), [6, 4]), { count: 6 });
    assertChoices(tensorOf('float32', [1, 0, 0, 0, -1, 0, 0, 0, 2, 0], [5, 2]), { count: 5, start: 0 });
  });

  test('a token that is not finite comes last and brings no other nearer', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = randomTensor(seeded(8), 'float32', [20, 16]);
      x.data[4 * 16 + 3] = bad;
      x.data[11 * 16] = bad;
      for (const metric of ['cosine', 'l2'] as const) {
        assertChoices(x, { count: 20, metric });
        assertChoices(x, { count: 20, metric, start: 11 });
        const mask = Uint8Array.from({ length: 20 }, (_, i) => Number(i === 4));
        assertChoices(x, { count: 20, metric, mask });
      }
    }
    assertChoices(tensorOf('float32', new Float64Array(8).fill(Number.NaN), [4, 2]), { count: 4 });
  });

  test('tokens too large and too small for their squares', () => {
    for (const scale of [1e-44, 1e-30, 1e30, 3e37]) {
      const x = tensorOf(
        'float32',
        [3, 0, 0, 4, -5, 1, 2, 2, 7, -3].map((v) => v * scale),
        [5, 2],
      );
      for (const metric of ['cosine', 'l2'] as const) assertChoices(x, { count: 5, metric });
    }
  });

  test('scaling tokens by powers of two changes no cosine', () => {
    const x = randomTensor(seeded(9), 'float32', [60, 24]);
    const scaled = { ...x, data: x.data.map((v, i) => v * 2 ** (Math.floor(i / 24) % 41)) };
    assert.deepEqual(choose(scaled, { count: 60 }), choose(x, { count: 60 }));
  });

  test('no token to choose, no channel, one token', () => {
    assert.deepEqual(farthestPointSync(tensorOf('float32', [], [0, 8]), { count: 0 }).dims, [0]);
    assert.deepEqual(farthestPointSync(tensorOf('float32', [], [0, 5, 8]), { count: 1 }).dims, [0, 1]);
    assert.deepEqual(farthestPointSync(tensorOf('float32', [1, 2], [1, 2, 1]), { count: 0 }).dims, [1, 0]);
    assert.deepEqual(choose(tensorOf('float32', [], [3, 0]), { count: 2 }), [0, 1]);
    assert.deepEqual(choose(tensorOf('float32', [1, 2, 3], [1, 3]), { count: 1 }), [0]);
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ indices: emptyTensor('int32', dims) }),
    tensors: ({ indices }: { indices: Tensor<'int32'> }) => [indices],
  });
  const count = isOnDevice ? 6 : 40;
  for (const [name, dims] of [
    ['many small items', isOnDevice ? [3, 57, 32] : [9, 97, 32]],
    ['one large item', isOnDevice ? [1, 100, 64] : [1, 1200, 256]],
  ] as const) {
    suite(`as every operation, ${name}`, () => {
      const x = randomTensor(seeded(10), 'float32', dims);
      testContract({
        inputs: [x],
        run: ([x], extra) => farthestPoint(x, { count, ...extra }),
        runSync: ([x], extra) => farthestPointSync(x, { count, ...extra }),
        tensors: (indices) => [indices],
        out: {
          ...roomFor([dims[0], count]),
          overlapping: ([x]) => ({ indices: intsAt(x, 64, [dims[0], count]) }),
        },
      });
    });
  }

  const x = randomTensor(seeded(11), 'float32', [2, 6, 8]);
  const calls = [farthestPoint, farthestPointSync] as const;
  testRefusals(
    calls,
    [
      {
        name: 'more than there are',
        args: [x, { count: 7 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: 7,
      },
      {
        name: 'more than are not dropped',
        args: [x, { count: 5, lengths: Int32Array.of(6, 4) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: 5,
      },
      {
        name: 'fewer than are kept',
        args: [x, { count: 1, mask: Uint8Array.of(1, 0, 1, 0, 0, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: 1,
      },
      {
        name: 'a negative count',
        args: [x, { count: -1 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: -1,
      },
      {
        name: 'a broken count',
        args: [x, { count: 1.5 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: 1.5,
      },
      { name: 'no count', args: [x, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'options\\.count' },
      {
        name: 'a start past the tokens',
        args: [x, { count: 2, start: 6 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.start',
        value: 6,
      },
      {
        name: 'a negative start',
        args: [x, { count: 2, start: -1 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.start',
        value: -1,
      },
      {
        name: 'a start that is dropped',
        args: [x, { count: 2, start: 5, lengths: Int32Array.of(6, 5) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.start',
        value: 5,
      },
      {
        name: 'another word for the start',
        args: [x, { count: 2, start: 'first' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.start',
        value: '"first"',
      },
      {
        name: 'a product for a distance',
        args: [x, { count: 2, metric: 'dot' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.metric',
        value: '"dot"',
      },
      {
        name: 'a mask of another length',
        args: [x, { count: 2, mask: new Uint8Array(5) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'integers for x',
        args: [tensorOf('int32', [1], [1, 1]), { count: 1 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
    ],
    roomFor([2, 2]),
  );
  testRefusals(calls, [
    {
      name: 'an out of another shape',
      args: [x, { count: 2, out: { indices: emptyTensor('int32', [4]) } }],
      code: 'ERR_TOKENSIEVE_SHAPE',
      path: 'options\\.out\\.indices',
    },
  ]);
  testMalformed(calls, [
    x,
    {
      count: 2,
      start: 1,
      metric: 'l2',
      mask: new Uint8Array(12),
      lengths: Int32Array.of(6, 6),
      out: roomFor([2, 2]).empty(),
    },
  ]);
});
