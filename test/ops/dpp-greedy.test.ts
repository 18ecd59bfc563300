import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, Tensor } from 'tokensieve';
import { dppGains, dppGreedy as reference } from '../reference/dpp-greedy.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { dppGreedy, dppGreedySync } from '../support/operations.js';
import { type Random, seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  intsAt,
  randomTensor,
  repeatedTokens,
  tensorOf,
} from '../support/tensors.js';

interface Options {
  readonly count: number;
  readonly mask?: Uint8Array;
}

const choose = (x: FloatTensor, relevance: Float32Array, options: Options) =>
  Array.from(dppGreedySync(x, relevance, options).data);

const uniform = (random: Random, length: number) => Float32Array.from({ length }, random.uniform);

/** The same choices, where gains are exact or far enough apart. */
function assertChoices(x: FloatTensor, relevance: Float32Array, options: Options): void {
  assert.deepEqual(choose(x, relevance, options), reference(decode(x), relevance, options));
}

/** Each choice has the greatest gain to within rounding, given those before it, as long as there is any. */
function assertGreedy(x: FloatTensor, relevance: Float32Array, options: Options): void {
  const { count, mask } = options;
  const chosen = choose(x, relevance, options);
  assert.equal(new Set(chosen).size, count, 'none twice');
  const present = Array.from(relevance.keys()).filter((i) => mask?.[i] !== 2);
  const kept = present.filter((i) => mask?.[i] === 1);
  assert.deepEqual(chosen.slice(0, kept.length), kept);
  const allowed = errorBudget.dppGreedy.ofRelevance * Math.max(...relevance) ** 2;
  for (let place = kept.length; place < count; place++) {
    const before = chosen.slice(0, place);
    const left = present.filter((i) => !before.includes(i));
    const gains = dppGains(decode(x), relevance, before);
    const greatest = Math.max(...left.map((i) => gains[i]));
    const best = left.reduce((a, b) => (relevance[b] > relevance[a] ? b : a));
    const expected = greatest === 0 ? relevance[chosen[place]] === relevance[best] : true;
    assert.ok(expected, `choice ${place} by relevance: ${chosen[place]}, the greatest is ${best}`);
    const gain = gains[chosen[place]];
    assert.ok(gain >= greatest - allowed, `choice ${place}: gain ${gain}, the greatest is ${greatest}`);
  }
}

suite(`dppGreedy (${place})`, () => {
  for (const type of floatTypes) {
    test(`any number of tokens and channels, ${type}`, () => {
      const random = seeded(1);
      for (const N of isOnDevice ? [1, 2, 17, 37] : [1, 2, 3, 16, 17, 37]) {
        for (const C of isOnDevice ? [1, 16, 33] : [1, 3, 15, 16, 17, 31, 33, 64]) {
          const x = randomTensor(random, type, [N, C], { offset: C % 3 });
          for (const count of new Set([1, N >> 1, N])) assertGreedy(x, uniform(random, N), { count });
        }
      }
    });
  }

  test('as many tokens as an image has', () => {
    const random = seeded(11);
    for (const [type, N, C] of [
      ['float16', 197, 64],
      ['bfloat16', 577, 16],
    ] as const)
      assertGreedy(randomTensor(random, type, [N, C]), uniform(random, N), { count: 6 });
  });

  test('a kernel of three tokens worked by hand', () => {
    // Cosines .6 between 0 and 1, .8 between 1 and 2, 0 between 0 and 2. After token 1 the gains are .64 r_0^2 and
    // .36 r_2^2.
    const x = tensorOf('float32', [1, 0, 0.6, 0.8, 0, 1], [3, 2]);
    assert.deepEqual(choose(x, Float32Array.of(0.5, 1, 0.6), { count: 3 }), [1, 0, 2]);
    assert.deepEqual(choose(x, Float32Array.of(0.5, 1, 0.7), { count: 3 }), [1, 2, 0]);
    assert.deepEqual(choose(x, Float32Array.of(0.9, 1, 0.95), { count: 3 }), [1, 0, 2]);
  });

  test('a batch chooses row by row', () => {
    const random = seeded(2);
    const B = isOnDevice ? 2 : 11;
    const x = randomTensor(random, 'float32', [B, 37, 24]);
    const relevance = uniform(random, B * 37);
    const { data, dims } = dppGreedySync(x, relevance, { count: 30 });
    assert.deepEqual(dims, [B, 30]);
    for (let b = 0; b < B; b++) {
      const row = tensorOf('float32', x.data.subarray(b * 37 * 24, (b + 1) * 37 * 24), [37, 24]);
      const own = choose(row, relevance.slice(b * 37, (b + 1) * 37), { count: 30 });
      assert.deepEqual(Array.from(data.subarray(b * 30, (b + 1) * 30)), own);
    }
  });

  test('kept tokens come first, by index, and count for the others; dropped ones never', () => {
    const random = seeded(3);
    for (const N of [9, 33, 70]) {
      const x = randomTensor(random, 'float32', [N, 16]);
      const relevance = uniform(random, N);
      const mask = Uint8Array.from({ length: N }, () => [0, 0, 0, 1, 2][random.integer(5)]);
      const kept = mask.filter((state) => state === 1).length;
      const present = mask.filter((state) => state !== 2).length;
      for (const count of new Set([kept, Math.min(kept + 3, present), present]))
        assertGreedy(x, relevance, { count, mask });
    }
    const x = tensorOf('float32', [1, 0, 0, 1, 1, 0.1], [3, 2]);
    const mask = Uint8Array.of(1, 0, 0);
    assert.deepEqual(choose(x, Float32Array.of(0, 0.5, 1), { count: 2, mask }), [0, 1]);
    const padded = randomTensor(random, 'float32', [2, 20, 8]);
    const relevance = uniform(random, 40);
    const padding = Uint8Array.from({ length: 40 }, (_, i) =>
      i % 20 < [12, 20][Math.floor(i / 20)] ? 0 : 2,
    );
    assert.deepEqual(
      dppGreedySync(padded, relevance, { count: 12, lengths: Int32Array.of(12, 20) }),
      dppGreedySync(padded, relevance, { count: 12, mask: padding }),
    );
  });

  test('equal gains go to the lower index', () => {
    const axes = tensorOf(
      'float32',
      Array.from({ length: 36 }, (_, i) => Number(Math.floor(i / 6) === i % 6)),
      [6, 6],
    );
    assert.deepEqual(choose(axes, new Float32Array(6).fill(0.5), { count: 6 }), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(choose(axes, Float32Array.of(1, 2, 1, 2, 3, 0), { count: 6 }), [4, 1, 3, 0, 2, 5]);
  });

  test('copies add nothing, whatever their scale: they come last, by relevance', () => {
    const random = seeded(4);
    for (const type of floatTypes) {
      const x = repeatedTokens(randomTensor(random, type, [7, 33]), 21, (i) => (i * 5) % 7);
      const relevance = uniform(random, 21);
      const chosen = choose(x, relevance, { count: 21 });
      assert.equal(new Set(chosen.slice(0, 7).map((i) => (i * 5) % 7)).size, 7, 'one of each first');
      const rest = chosen.slice(7);
      assert.deepEqual(
        rest,
        rest.slice().sort((i, j) => relevance[j] - relevance[i] || i - j),
      );
      assertChoices(x, relevance, { count: 21 });
    }
    const some = randomTensor(random, 'float32', [7, 33]);
    const scaled = repeatedTokens(some, 21, (i) => i % 7);
    scaled.data.forEach((v, at) => {
      scaled.data[at] = v * [1, 3, 0.7][Math.floor(at / 33 / 7)];
    });
    const chosen = choose(scaled, new Float32Array(21).fill(1), { count: 21 });
    assert.equal(new Set(chosen.slice(0, 7).map((i) => i % 7)).size, 7);
    assert.deepEqual(
      chosen.slice(7),
      chosen.slice(7).sort((i, j) => i - j),
    );
  });

  test('more tokens than dimensions: as many by gain as there are dimensions, then by relevance', () => {
    const random = seeded(5);
    for (const C of [1, 2, 8, 16, 24]) {
      const N = isOnDevice ? 30 : 60;
      const x = randomTensor(random, 'float32', [N, C]);
      const relevance = uniform(random, N);
      const rest = choose(x, relevance, { count: N }).slice(C);
      assert.deepEqual(
        rest,
        rest.slice().sort((i, j) => relevance[j] - relevance[i]),
      );
      assertGreedy(x, relevance, { count: N });
    }
  });

  test('small relevance is no lack of gain', () => {
    const x = randomTensor(seeded(6), 'float32', [12, 24]);
    const relevance = Float32Array.from({ length: 12 }, (_, i) => 10 ** (-3 * i));
    assertChoices(x, relevance, { count: 12 });
    const same = repeatedTokens(x, 13, (i) => i % 12);
    const chosen = choose(same, Float32Array.of(...relevance, 0.5), { count: 13 });
    assert.equal(chosen[12], 12, 'a copy comes after all that have any gain');
  });

  test('relevance 0 has no gain; NaN comes last, and so does a token that is not finite', () => {
    const random = seeded(7);
    const x = randomTensor(random, 'float32', [20, 24]);
    const relevance = uniform(random, 20);
    relevance.set([0, -0, Number.NaN, 0], 3);
    relevance[12] = Number.NaN;
    assertChoices(x, relevance, { count: 20 });
    x.data[7 * 24] = Number.NaN;
    x.data[8 * 24 + 3] = Number.NEGATIVE_INFINITY;
    assertChoices(x, relevance, { count: 20 });
    assertChoices(x, relevance, {
      count: 20,
      mask: Uint8Array.from({ length: 20 }, (_, i) => Number(i === 7)),
    });
    assertChoices(x, new Float32Array(20), { count: 20 });
  });

  test('a zero token has no cosine to gain by', () => {
    const random = seeded(8);
    const x = randomTensor(random, 'float32', [12, 16]);
    for (const i of [0, 5, 6]) x.data.fill(0, i * 16, i * 16 + 16);
    assertChoices(x, uniform(random, 12), { count: 12 });
  });

  test('tokens too large and too small for their squares', () => {
    const random = seeded(9);
    const x = randomTensor(random, 'float32', [20, 24]);
    const relevance = uniform(random, 20);
    const expected = choose(x, relevance, { count: 20 });
    for (const power of [-100, 100]) {
      const scaled = {
        ...x,
        data: x.data.map((v, i) => v * 2 ** (Math.floor(i / 24) % 3 === 0 ? power : 0)),
      };
      assert.deepEqual(choose(scaled, relevance, { count: 20 }), expected);
    }
  });

  test('no token to choose, no channel', () => {
    const none = new Float32Array(0);
    assert.deepEqual(dppGreedySync(tensorOf('float32', [], [0, 8]), none, { count: 0 }).dims, [0]);
    assert.deepEqual(dppGreedySync(tensorOf('float32', [], [0, 5, 8]), none, { count: 1 }).dims, [0, 1]);
    const flat = tensorOf('float32', [], [3, 0]);
    assert.deepEqual(choose(flat, Float32Array.of(1, 3, 2), { count: 2 }), [1, 2]);
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
      const random = seeded(10);
      const x = randomTensor(random, 'float32', dims);
      const relevance = tensorOf('float32', uniform(random, dims[0] * dims[1]), [dims[0], dims[1]]);
      testContract({
        inputs: [x, relevance],
        run: ([x, relevance], extra) => dppGreedy(x, relevance, { count, ...extra }),
        runSync: ([x, relevance], extra) => dppGreedySync(x, relevance, { count, ...extra }),
        tensors: (indices) => [indices],
        out: {
          ...roomFor([dims[0], count]),
          // On a device the relevance is a copy of what the host has.
          overlapping: ([x, relevance]) => ({
            indices: intsAt(isOnDevice ? x : relevance, 64, [dims[0], count]),
          }),
        },
      });
    });
  }

  const x = randomTensor(seeded(11), 'float32', [2, 6, 8]);
  const relevance = uniform(seeded(12), 12);
  const calls = [dppGreedy, dppGreedySync] as const;
  testRefusals(
    calls,
    [
      {
        name: 'more than are not dropped',
        args: [x, relevance, { count: 5, lengths: Int32Array.of(6, 4) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: 5,
      },
      {
        name: 'fewer than are kept',
        args: [x, relevance, { count: 1, mask: Uint8Array.of(1, 0, 1, 0, 0, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.count',
        value: 1,
      },
      { name: 'no count', args: [x, relevance, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'options\\.count' },
      {
        name: 'negative relevance',
        args: [x, relevance.with(7, -0.5), { count: 2 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'relevance',
        value: '-0.5 at element 7',
      },
      {
        name: 'infinite relevance',
        args: [x, relevance.with(0, Number.POSITIVE_INFINITY), { count: 2 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'relevance',
        value: 'inf',
      },
      {
        name: 'relevance of another shape',
        args: [x, tensorOf('float32', relevance, [6, 2]), { count: 2 }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'relevance',
      },
      {
        name: 'too little relevance',
        args: [x, new Float32Array(6), { count: 2 }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'relevance',
      },
      {
        name: 'relevance of another type',
        args: [x, Float64Array.from(relevance), { count: 2 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'relevance',
      },
      {
        name: 'no relevance',
        args: [x, undefined, { count: 2 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'relevance',
      },
    ],
    roomFor([2, 2]),
  );
  test('the relevance of dropped tokens does not matter', () => {
    const odd = relevance.with(5, -1);
    assert.equal(dppGreedySync(x, odd, { count: 5, lengths: Int32Array.of(5, 6) }).dims[1], 5);
  });
  testMalformed(calls, [
    x,
    relevance,
    { count: 2, mask: new Uint8Array(12), lengths: Int32Array.of(6, 6), out: roomFor([2, 2]).empty() },
  ]);
});
