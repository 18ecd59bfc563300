import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, Tensor } from 'tokensieve';
import { type RotateKeysOptions, rotateKeys as reference } from '../reference/rotate-keys.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { rotateKeys, rotateKeysSync } from '../support/operations.js';
import { type Random, seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  swapHeads,
  tensorOf,
  viewOf,
} from '../support/tensors.js';

type Shift = Parameters<typeof reference>[1];

/** Compares with the reference, whose error is measured by the length of each pair. */
function assertRotated(
  actual: Tensor,
  k: FloatTensor,
  shift: Shift,
  options: RotateKeysOptions,
  label: string,
): void {
  const expected = reference(decode(k), shift, options);
  const { data } = decode(k);
  const D = k.dims[k.dims.length - 1];
  const rotary = options.rotaryDim ?? D;
  const partner = (i: number): number => {
    const column = i % D;
    if (column >= rotary) return i;
    if (options.interleaved) return i - column + (column ^ 1);
    return i + (column < rotary / 2 ? rotary / 2 : -rotary / 2);
  };
  const { ofPair } = errorBudget.rotateKeys;
  const tolerance = (i: number) => ofPair * Math.hypot(data[i], data[partner(i)]);
  assertWithin(actual, { data: expected, dims: k.dims }, tolerance, label);
}

function positions(random: Random, count: number, limit: number): Int32Array {
  return Int32Array.from({ length: count }, () => random.integer(limit));
}

suite(`rotateKeys (${place})`, () => {
  for (const type of floatTypes) {
    test(`keys of any depth, halves and interleaved, ${type}`, () => {
      const random = seeded(1);
      for (const D of capped([2, 4, 6, 8, 14, 16, 18, 30, 32, 34, 64, 66, 80, 96, 128, 256])) {
        const k = randomTensor(random, type, [2, 3, 5, D], { offset: D % 3 });
        const [from, to] = [positions(random, 5, 4096), positions(random, 5, 4096)];
        for (const interleaved of [false, true]) {
          const shift: Shift = (_b, _h, n) => to[n] - from[n];
          for (const rotaryDim of [D, D >> 1].filter((dim) => dim % 2 === 0)) {
            const options = { interleaved, rotaryDim };
            assertRotated(
              rotateKeysSync(k, from, to, options),
              k,
              shift,
              options,
              `${type} ${D} ${interleaved}`,
            );
          }
        }
      }
    });
  }

  test('keys as many as those of vision transformers', () => {
    const random = seeded(9);
    for (const N of [197, 577]) {
      const k = randomTensor(random, 'float32', [1, 1, N, 16]);
      const [from, to] = [positions(random, N, 4096), positions(random, N, 4096)];
      assertRotated(rotateKeysSync(k, from, to), k, (_b, _h, n) => to[n] - from[n], {}, `${N} keys`);
    }
  });

  test('positions of all, by batch item, by head, int32 and int64, bare and as tensors', () => {
    const random = seeded(2);
    const [B, H, N, D] = [2, 3, 37, 16];
    const k = randomTensor(random, 'float32', [B, H, N, D]);
    for (const dims of [[N], [B, N], [B, H, N]]) {
      const count = dims.reduce((a, b) => a * b, 1);
      const [from, to] = [positions(random, count, 10_000), positions(random, count, 10_000)];
      const at = (b: number, h: number, n: number) =>
        dims.length === 1 ? n : dims.length === 2 ? b * N + n : (b * H + h) * N + n;
      const shift: Shift = (b, h, n) => to[at(b, h, n)] - from[at(b, h, n)];
      const bare = rotateKeysSync(k, from, to);
      assertRotated(bare, k, shift, {}, `positions ${dims}`);
      const long = rotateKeysSync(k, BigInt64Array.from(from, BigInt), tensorOf('int64', to, dims));
      assertSameBits(long, bare);
      assertSameBits(rotateKeysSync(k, tensorOf('int32', from, dims), to), bare);
    }
    const [one, all] = [positions(random, N, 100), positions(random, B * H * N, 100)];
    const mixed: Shift = (b, h, n) => all[(b * H + h) * N + n] - one[n];
    assertRotated(rotateKeysSync(k, one, all), k, mixed, {}, 'from for all, to by head');
  });

  test('far positions, negative ones, other bases and given frequencies', () => {
    const random = seeded(3);
    const k = randomTensor(random, 'float32', [1, 2, 40, 64]);
    const from = positions(random, 40, 1_000_000);
    const to = positions(random, 40, 1_000_000).map((position, i) => (i % 5 === 0 ? -position : position));
    const shift: Shift = (_b, _h, n) => to[n] - from[n];
    const frequencies = Float32Array.from({ length: 32 }, (_, i) => 1.5 / (i + 1));
    for (const options of [{}, { base: 500_000 }, { base: 1 }, { base: 0.5 }, { frequencies }]) {
      assertRotated(rotateKeysSync(k, from, to, options), k, shift, options, JSON.stringify(options));
    }
  });

  test('sections: time, height and width of M-RoPE', () => {
    const random = seeded(4);
    const [B, H, N, D] = [2, 2, 9, 128];
    const k = randomTensor(random, 'float32', [B, H, N, D]);
    for (const sections of [[16, 24, 24], [0, 60, 4], [64], [1, 2, 3, 58]]) {
      const S = sections.length;
      for (const rows of [1, B, B * H]) {
        const [from, to] = [positions(random, S * rows * N, 500), positions(random, S * rows * N, 500)];
        const at = (b: number, h: number, n: number, s: number) =>
          (s * rows + (rows === 1 ? 0 : rows === B ? b : b * H + h)) * N + n;
        const shift: Shift = (b, h, n, s) => to[at(b, h, n, s)] - from[at(b, h, n, s)];
        const dims = [S, ...(rows === 1 ? [] : rows === B ? [B] : [B, H]), N];
        const rotated = rotateKeysSync(k, from, tensorOf('int32', to, dims), { sections });
        assertRotated(rotated, k, shift, { sections }, `sections ${sections}, ${rows} rows`);
      }
    }
    // Text moves as one: the same positions in every section are plain RoPE.
    const [from, to] = [positions(random, N, 500), positions(random, N, 500)];
    const thrice = (p: Int32Array) => Int32Array.from([...p, ...p, ...p]);
    const sections = Int32Array.of(16, 24, 24);
    assertSameBits(rotateKeysSync(k, thrice(from), thrice(to), { sections }), rotateKeysSync(k, from, to));
  });

  test('a token that stays is the same bits, and padding too', () => {
    const random = seeded(5);
    for (const type of floatTypes) {
      const k = randomTensor(random, type, [2, 2, 20, 32]);
      const at = positions(random, 20, 1000);
      assertSameBits(rotateKeysSync(k, at, at), k);
      const to = at.map((position) => position + 3);
      const lengths = Int32Array.of(20, 7);
      const whole = rotateKeysSync(k, at, to);
      const cut = {
        ...whole,
        data: whole.data.map((x, i) => (i >= 1280 && Math.floor(i / 32) % 20 >= 7 ? k.data[i] : x)),
      };
      assertSameBits(rotateKeysSync(k, at, to, { lengths }), cut as typeof whole);
    }
    const odd = tensorOf('float32', [Number.NaN, -0, Infinity, 1], [1, 4]);
    assertSameBits(rotateKeysSync(odd, Int32Array.of(5), Int32Array.of(5)), odd);
  });

  test('rotations compose', () => {
    const random = seeded(6);
    const k = randomTensor(random, 'float32', [1, 2, 30, 64]);
    const [a, b, c] = [0, 1, 2].map(() => positions(random, 30, 100_000));
    const twice = rotateKeysSync(rotateKeysSync(k, a, b), b, c);
    const back = rotateKeysSync(twice, c, a);
    const { ofPair } = errorBudget.rotateKeys;
    const within = (rotated: Tensor<'float32'>, expected: Tensor<'float32'>, times: number) =>
      assertWithin(rotated, expected, () => times * ofPair * 8);
    within(twice, rotateKeysSync(k, a, c), 2);
    within(back, k, 3);
  });

  test('layout bnhd, and leading 1s left out', () => {
    const random = seeded(7);
    const k = randomTensor(random, 'float32', [2, 3, 11, 16]);
    const [from, to] = [positions(random, 66, 100), positions(random, 66, 100)];
    const { data, dims } = swapHeads(decode(k));
    const swapped = rotateKeysSync(tensorOf('float32', data, dims), from, to, { layout: 'bnhd' });
    assert.deepEqual(swapped.dims, [2, 11, 3, 16]);
    const expected = rotateKeysSync(k, from, to);
    assert.deepEqual(swapHeads(decode(swapped)).data, decode(expected).data);
    const one = randomTensor(random, 'float32', [11, 16]);
    const [short, long] = [one, { ...one, dims: [1, 1, 11, 16] }].map((x) =>
      rotateKeysSync(x, from.subarray(0, 11), to.subarray(0, 11)),
    );
    assert.deepEqual(short.dims, [11, 16]);
    assert.deepEqual(short.data, long.data);
    for (const dims of [
      [2, 3, 0, 16],
      [0, 3, 4, 16],
      [2, 3, 4, 0],
    ]) {
      const none = emptyTensor('float32', dims);
      const at = new Int32Array(dims[2]);
      assert.deepEqual(rotateKeysSync(none, at, at).dims, dims);
    }
    const headless = tensorOf('int32', [], [2, 0, 4]);
    assert.deepEqual(
      rotateKeysSync(emptyTensor('float32', [2, 0, 4, 16]), headless, headless).dims,
      [2, 0, 4, 16],
    );
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ keys: emptyTensor('float32', dims) }),
    tensors: ({ keys }: { keys: Tensor<'float32'> }) => [keys],
  });
  suite('as every operation', () => {
    const random = seeded(8);
    const N = isOnDevice ? 30 : 300;
    const dims = [2, 4, N, 64];
    const [from, to] = [0, 1].map(() => tensorOf('int32', positions(random, 2 * N, 4000), [2, N]));
    testContract({
      inputs: [randomTensor(random, 'float32', dims), from, to],
      run: ([k, from, to], extra) => rotateKeys(k, from, to, extra),
      runSync: ([k, from, to], extra) => rotateKeysSync(k, from, to, extra),
      tensors: (keys) => [keys],
      out: { ...roomFor(dims), overlapping: ([k]) => ({ keys: viewOf(k, 0, dims) }) },
    });
  });

  const k = tensorOf('float32', [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]);
  const at = Int32Array.of(0, 1);
  const range = 'ERR_TOKENSIEVE_RANGE';
  testRefusals(
    [rotateKeys, rotateKeysSync],
    [
      {
        name: 'positions of another length',
        args: [k, Int32Array.of(1, 2, 3), at, {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'from',
      },
      {
        name: 'positions with no sections',
        args: [k, at, tensorOf('int32', new Int32Array(6), [3, 2]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'to',
      },
      {
        name: 'positions that are not whole',
        args: [k, Float32Array.of(0, 1), at, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'from',
      },
      {
        name: 'a list of positions',
        args: [k, at, [0, 1], {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'to(\\.type)?',
      },
      { name: 'no positions', args: [k, at, undefined, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'to' },
      {
        name: 'a position past 2^31',
        args: [k, at, BigInt64Array.of(0n, 2n ** 31n), {}],
        code: range,
        path: 'to',
        value: 2 ** 31,
      },
      { name: 'a base of 0', args: [k, at, at, { base: 0 }], code: range, path: 'options\\.base', value: 0 },
      {
        name: 'a base that is no number',
        args: [k, at, at, { base: Number.NaN }],
        code: range,
        path: 'options\\.base',
      },
      {
        name: 'an infinite base',
        args: [k, at, at, { base: Infinity }],
        code: range,
        path: 'options\\.base',
      },
      {
        name: 'an odd rotaryDim',
        args: [k, at, at, { rotaryDim: 3 }],
        code: range,
        path: 'options\\.rotaryDim',
        value: 3,
      },
      {
        name: 'a rotaryDim of 0',
        args: [k, at, at, { rotaryDim: 0 }],
        code: range,
        path: 'options\\.rotaryDim',
        value: 0,
      },
      {
        name: 'a rotaryDim past D',
        args: [k, at, at, { rotaryDim: 6 }],
        code: range,
        path: 'options\\.rotaryDim',
        value: 6,
      },
      {
        name: 'an odd D',
        args: [tensorOf('float32', [1, 2, 3], [1, 3]), at.subarray(1), at.subarray(1), {}],
        code: range,
        path: 'options\\.rotaryDim',
        value: 3,
      },
      {
        name: 'too few frequencies',
        args: [k, at, at, { frequencies: Float32Array.of(1) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.frequencies',
      },
      {
        name: 'an infinite frequency',
        args: [k, at, at, { frequencies: Float32Array.of(1, Infinity) }],
        code: range,
        path: 'options\\.frequencies',
      },
      {
        name: 'sections of another sum',
        args: [k, at, at, { sections: [1, 2] }],
        code: range,
        path: 'options\\.sections',
        value: 3,
      },
      {
        name: 'a negative section',
        args: [k, at, at, { sections: [-1, 3] }],
        code: range,
        path: 'options\\.sections',
        value: -1,
      },
      {
        name: 'sections that are no integers',
        args: [k, at, at, { sections: [0.5, 1.5] }],
        code: range,
        path: 'options\\.sections',
      },
      {
        name: 'sections without rows of positions',
        args: [k, at, at, { sections: [1, 1] }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'from',
      },
      {
        name: 'an unknown layout',
        args: [k, at, at, { layout: 'nbhd' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.layout',
        value: '"nbhd"',
      },
      {
        name: 'integers for k',
        args: [tensorOf('int32', [1, 2], [1, 2]), at, at, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'k\\.type',
        value: 'int32',
      },
      {
        name: 'a length past the tokens',
        args: [k, at, at, { lengths: Int32Array.of(3) }],
        code: range,
        path: 'options\\.lengths',
        value: 3,
      },
    ],
    roomFor([1, 1, 2, 4]),
  );
  testRefusals(
    [rotateKeys, rotateKeysSync],
    [
      {
        name: 'an out of another shape',
        args: [k, at, at, { out: { keys: emptyTensor('float32', [2, 4]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.keys',
      },
      {
        name: 'an out of another type',
        args: [k, at, at, { out: { keys: emptyTensor('float16', [1, 1, 2, 4]) } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.keys\\.type',
      },
    ],
  );
  testMalformed(
    [rotateKeys, rotateKeysSync],
    [
      k,
      at,
      at,
      {
        base: 100,
        frequencies: Float32Array.of(1, 2),
        rotaryDim: 4,
        interleaved: true,
        sections: [2],
        layout: 'bnhd',
        lengths: Int32Array.of(2),
        out: roomFor([1, 1, 2, 4]).empty(),
      },
    ],
  );
});
