import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { BipartitePartition, FloatTensor, Tensor, TokenMap } from 'tokensieve';
import {
  type BipartiteMatchOptions,
  cosine,
  bipartiteMatch as reference,
  type Slots,
} from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { atMost, isOnDevice, place, runs } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { slotsOf } from '../support/maps.js';
import { bipartiteMatch, bipartiteMatchSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, floatTypes, randomTensor, tensorOf, values } from '../support/tensors.js';

interface Options extends Omit<BipartiteMatchOptions, 'isDestination'> {
  readonly r: number;
  readonly mask?: Uint8Array;
}

/** The arrays of a map as tensors, to compare bits. */
function mapTensors({ outputLengths, offsets, members, assignment }: TokenMap): Tensor[] {
  return [outputLengths, offsets, members, assignment].map((data) => ({
    type: 'int32',
    data,
    dims: [data.length],
  }));
}

/** The map of one row: slots as given, every member owned by its slot. */
function assertMap(map: TokenMap, expected: readonly Slots[], length: number): void {
  assert.equal(map.inputLength, length);
  assert.equal(map.isPartition, true);
  assert.equal(map.weights, undefined);
  assert.deepEqual(
    slotsOf(map).map((slots) => slots.map(({ members }) => Array.from(members))),
    expected,
  );
  const assignment = expected.flatMap((slots) =>
    Array.from({ length }, (_, i) => slots.findIndex((members) => members.includes(i))),
  );
  assert.deepEqual(Array.from(map.assignment), assignment);
}

/** metric `[N,C]` or `[B,N,C]`. */
function assertMatch(
  metric: FloatTensor,
  options: Options,
  partition?: BipartitePartition,
  isDestination?: boolean[],
): void {
  const [length, channels] = metric.dims.slice(-2);
  const batch = metric.dims.length === 3 ? metric.dims[0] : 1;
  const { data } = decode(metric);
  const expected = Array.from({ length: batch }, (_, b) =>
    reference(values(data.subarray(b * length * channels, (b + 1) * length * channels), [length, channels]), {
      ...options,
      ...(options.mask &&
        options.mask.length > length && { mask: options.mask.subarray(b * length, (b + 1) * length) }),
      ...(isDestination && { isDestination }),
    }),
  );
  assertMap(bipartiteMatchSync(metric, { ...options, ...(partition && { partition }) }), expected, length);
}

function cellDestinations([h, w]: readonly [number, number], [sy, sx]: readonly [number, number]): boolean[] {
  return Array.from({ length: h * w }, (_, i) => {
    const [y, x] = [Math.floor(i / w), i % w];
    return y % sy === 0 && x % sx === 0 && y + sy <= h && x + sx <= w;
  });
}

// Numbers of tokens about the tiles of every instruction set; on a device about its tile of 64 x 64.
const counts = isOnDevice
  ? [1, 2, 3, 12, 33, 129, 131, 197]
  : [1, 2, 3, 4, 5, 8, 9, 12, 13, 27, 28, 29, 31, 32, 33, 63, 64, 65, 66, 97, 197];

suite(`bipartiteMatch (${place})`, () => {
  for (const type of floatTypes) {
    test(`any number of tokens and channels, ${type}`, () => {
      const random = seeded(1);
      for (const N of counts) {
        for (const C of [1, 16, 33, 64].filter((c) => c > 1 || N < 4)) {
          const metric = randomTensor(random, type, [N, C], { offset: N % 3 });
          for (const r of new Set([0, 1, N >> 2, N >> 1, N])) assertMatch(metric, { r });
        }
      }
    });
  }

  test('a batch matches row by row', () => {
    const metric = randomTensor(seeded(2), 'float32', [3, 41, 24]);
    assertMatch(metric, { r: 9 });
    assert.deepEqual(bipartiteMatchSync(metric, { r: 9 }).rowDims, [3]);
  });

  test('a class token that is kept stands first, a kept destination takes nothing', () => {
    for (let N = 2; N <= 9; N++) {
      for (const kept of [[0], [1], [0, 1], [0, N - 1]]) {
        const mask = Uint8Array.from({ length: N }, (_, i) => (kept.includes(i) ? 1 : 0));
        const metric = randomTensor(seeded(N), 'float32', [N, 8]);
        for (const r of [0, 1, 2, 5]) assertMatch(metric, { r, mask });
      }
    }
  });

  test('dropped tokens are in no slot and shift no parity', () => {
    const random = seeded(3);
    for (const N of [9, 33, 97]) {
      const metric = randomTensor(random, 'float32', [2, N, 16]);
      const mask = Uint8Array.from({ length: 2 * N }, () => [0, 0, 0, 1, 2][random.integer(5)]);
      for (const r of [0, 1, N >> 2, N]) {
        assertMatch(metric, { r, mask });
        assertMatch(metric, { r, mask: mask.subarray(0, N) });
      }
    }
    const metric = randomTensor(random, 'float32', [2, 33, 16]);
    const padding = Uint8Array.from({ length: 66 }, (_, i) =>
      i % 33 < [20, 33][Math.floor(i / 33)] ? 0 : 2,
    );
    assert.deepEqual(
      mapTensors(bipartiteMatchSync(metric, { r: 8, lengths: Int32Array.of(20, 33) })),
      mapTensors(bipartiteMatchSync(metric, { r: 8, mask: padding })),
    );
  });

  test('everything dropped, everything kept, no destination left', () => {
    const metric = randomTensor(seeded(4), 'float32', [6, 8]);
    assertMatch(metric, { r: 3, mask: new Uint8Array(6).fill(2) });
    assertMatch(metric, { r: 3, mask: new Uint8Array(6).fill(1) });
    assertMatch(metric, { r: 3, mask: Uint8Array.of(0, 1, 0, 1, 0, 1) });
    assertMatch(metric, { r: 3, mask: Uint8Array.of(0, 2, 0, 2, 0, 2) });
    assertMatch(metric, { r: 3, mask: Uint8Array.of(2, 0, 2, 0, 2, 0) });
  });

  test('a threshold leaves rows of different length', () => {
    const metric = randomTensor(seeded(5), 'float32', [3, 41, 6]);
    for (const threshold of [-1, 0.3, 0.6, 0.9, 1.1]) {
      assertMatch(metric, { r: 20, threshold });
      assertMatch(metric, { r: 5, threshold });
    }
  });

  test('equal tokens: the lower source, the lower destination', () => {
    for (const N of [2, 7, 40, 97, atMost(200)]) {
      const metric = tensorOf('float32', new Float64Array(N * 24).fill(0.3), [N, 24]);
      for (const r of [1, N >> 2, N >> 1]) assertMatch(metric, { r });
    }
    const two = tensorOf(
      'float32',
      Array.from({ length: 64 * 8 }, (_, i) => Number((i >> 4) % 2 === (i & 7) % 2)),
      [64, 8],
    );
    for (const r of [1, 10, 31]) assertMatch(two, { r });
  });

  test('a zero token is like nothing: its cosine is 0', () => {
    const random = seeded(6);
    const metric = randomTensor(random, 'float32', [33, 16]);
    for (const i of [0, 5, 8, 31]) metric.data.fill(0, i * 16, i * 16 + 16);
    for (const r of [1, 8, 16]) assertMatch(metric, { r });
    assertMatch(tensorOf('float32', new Float64Array(9 * 4), [9, 4]), { r: 2 });
    assertMatch(tensorOf('float32', new Float64Array(9 * 4), [9, 4]), { r: 4, threshold: 0 });
  });

  test('NaN merges only when nothing else is left', () => {
    const metric = randomTensor(seeded(7), 'float32', [33, 16]);
    metric.data[4 * 16] = Number.NaN;
    metric.data[9 * 16 + 15] = Number.NaN;
    for (const r of [1, 15, 16]) assertMatch(metric, { r });
    assertMatch(metric, { r: 16, threshold: -1 });
  });

  test('scaling a token by a power of two changes nothing, near the ends of the range too', () => {
    const metric = randomTensor(seeded(8), 'float32', [33, 16]);
    const expected = mapTensors(bipartiteMatchSync(metric, { r: 9 }));
    for (const power of [2 ** -30, 2 ** 30]) {
      const scaled = {
        ...metric,
        data: metric.data.map((x, i) => (Math.floor(i / 16) % 3 === 0 ? x * power : x)),
      };
      assert.deepEqual(mapTensors(bipartiteMatchSync(scaled, { r: 9 })), expected);
    }
  });

  test('each merged source is with its best destination, to within rounding', () => {
    const metric = randomTensor(seeded(9), 'bfloat16', [577, 64]);
    const { data } = decode(metric);
    const token = (i: number) => data.subarray(i * 64, i * 64 + 64);
    const map = bipartiteMatchSync(metric, { r: 200 });
    const [slots] = slotsOf(map);
    assert.equal(slots.length, 377);
    for (const { members } of slots) {
      const destination = members.find((i) => i % 2 === 1);
      for (const source of members.filter((i) => i % 2 === 0)) {
        if (destination === undefined) continue;
        const own = cosine(token(source), token(destination));
        for (let other = 1; other < 577; other += 2)
          assert.ok(cosine(token(source), token(other)) <= own + errorBudget.bipartiteMatch.similarity);
      }
    }
  });

  test('grid: the first cell of each block is the destination, cells past the blocks are sources', () => {
    for (const [grid, stride] of [
      [
        [4, 4],
        [2, 2],
      ],
      [
        [5, 7],
        [2, 2],
      ],
      [
        [6, 9],
        [3, 2],
      ],
      [
        [3, 3],
        [1, 1],
      ],
      [
        [2, 5],
        [1, 4],
      ],
      [
        [3, 3],
        [4, 4],
      ],
    ] as const) {
      const N = grid[0] * grid[1];
      const metric = randomTensor(seeded(N), 'float32', [2, N, 16]);
      const isDestination = cellDestinations(grid, stride);
      for (const r of [0, 1, N >> 1, N]) assertMatch(metric, { r }, { grid, stride }, isDestination);
      const mask = Uint8Array.from({ length: N }, (_, i) => [0, 0, 0, 1, 2][(i * 7) % 5]);
      for (const r of [1, N]) assertMatch(metric, { r, mask }, { grid, stride }, isDestination);
    }
  });

  test('grid with a seed: one destination a block, the same for the same seed and for the whole batch', () => {
    const [grid, stride] = [
      [6, 8],
      [2, 2],
    ] as const;
    const N = 48;
    const block = (i: number) => Math.floor(i / 8 / 2) * 4 + Math.floor((i % 8) / 2);
    const destinationsOf = (seed: number) => {
      const metric = randomTensor(seeded(1), 'float32', [2, N, 16]);
      const map = bipartiteMatchSync(metric, { r: 1, partition: { grid, stride, seed } });
      const rows = slotsOf(map).map((slots) => {
        const last = slots.slice(-12).map(({ members }) => Array.from(members));
        const single = last.filter((members) => members.length === 1).flat();
        assert.equal(single.length, 11);
        return single;
      });
      assert.equal(new Set(rows[0].map(block)).size, 11);
      const shared = rows[0].filter((i) => rows[1].includes(i));
      assert.ok(shared.length >= 10);
      return rows[0];
    };
    assert.deepEqual(destinationsOf(5), destinationsOf(5));
    const patterns = new Set([1, 2, 3, 4, 5, 6].map((seed) => destinationsOf(seed).join()));
    assert.ok(patterns.size > 1);
  });

  test('grid with a seed: tokens that agree within a block merge into one slot a block', () => {
    const [grid, stride] = [
      [6, 8],
      [2, 2],
    ] as const;
    const block = (i: number) => Math.floor(i / 8 / 2) * 4 + Math.floor((i % 8) / 2);
    const metric = tensorOf(
      'float32',
      Array.from({ length: 48 * 12 }, (_, i) => Number(block(Math.floor(i / 12)) === i % 12)),
      [48, 12],
    );
    for (const seed of [0, 1, 7, 2 ** 31 - 1]) {
      const map = bipartiteMatchSync(metric, { r: 48, partition: { grid, stride, seed } });
      const blocks = slotsOf(map)[0].map(({ members }) => Array.from(members));
      assert.equal(blocks.length, 12);
      for (const members of blocks) assert.equal(new Set(members.map(block)).size, 1);
    }
  });

  test('random: r sources, all merge, each into its best destination', () => {
    for (const N of [2, 5, 33, 97]) {
      const metric = randomTensor(seeded(N), 'float32', [N, 16]);
      for (const r of new Set([0, 1, N >> 1, N - 1])) {
        const map = bipartiteMatchSync(metric, { r, partition: { random: 42 } });
        assert.deepEqual(Array.from(map.outputLengths), [N - r]);
        assert.equal(map.members.length, N);
        assert.deepEqual(
          mapTensors(map),
          mapTensors(bipartiteMatchSync(metric, { r, partition: { random: 42 } })),
        );
      }
    }
    const metric = randomTensor(seeded(1), 'float32', [97, 16]);
    const maps = [1, 2, 3].map((seed) => bipartiteMatchSync(metric, { r: 40, partition: { random: seed } }));
    assert.equal(new Set(maps.map((map) => map.members.join())).size, 3);
    const { data } = decode(metric);
    const token = (i: number) => data.subarray(i * 16, i * 16 + 16);
    const alone = slotsOf(maps[0])[0]
      .filter(({ members }) => members.length === 1)
      .map(({ members }) => members[0]);
    for (const { members } of slotsOf(maps[0])[0].filter(({ members: { length } }) => length > 1)) {
      const hasCentre = Array.from(members).some((centre) =>
        Array.from(members).every((source) =>
          alone.every(
            (other) =>
              source === centre ||
              cosine(token(source), token(other)) <= cosine(token(source), token(centre)) + 1e-6,
          ),
        ),
      );
      assert.ok(hasCentre, `a destination that all of ${members} prefer`);
    }
  });

  test('random: kept and dropped tokens stay out', () => {
    const metric = randomTensor(seeded(10), 'float32', [33, 16]);
    const mask = Uint8Array.from({ length: 33 }, (_, i) => (i < 6 ? 1 : i > 28 ? 2 : 0));
    const map = bipartiteMatchSync(metric, { r: 12, mask, partition: { random: 3 } });
    const slots = slotsOf(map)[0].map(({ members }) => Array.from(members));
    for (const members of slots) if (members.some((i) => i < 6)) assert.equal(members.length, 1);
    assert.deepEqual(
      slots.flat().sort((a, b) => a - b),
      Array.from({ length: 29 }, (_, i) => i),
    );
  });

  test('every: the last of each k is the destination, the tail too', () => {
    for (const [N, every] of [
      [12, 3],
      [13, 3],
      [14, 3],
      [9, 2],
      [7, 7],
      [7, 8],
      [5, 1],
    ]) {
      const metric = randomTensor(seeded(N), 'float32', [N, 16]);
      const whole = Math.floor(N / every) * every;
      const isDestination = Array.from({ length: N }, (_, i) => i >= whole || i % every === every - 1);
      for (const r of [0, 1, N >> 1, N]) assertMatch(metric, { r }, { every }, isDestination);
    }
  });

  test('no token, no channel', () => {
    assertMatch(tensorOf('float32', [], [0, 8]), { r: 3 });
    assert.deepEqual(bipartiteMatchSync(tensorOf('float32', [], [0, 5, 8]), { r: 1 }).rowDims, [0]);
  });

  test('every token not dropped is in exactly one slot, and the count is exact', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 1, maxLength: 60 }),
        fc.nat({ max: 40 }),
        fc.nat(),
        (states, r, seed) => {
          const mask = Uint8Array.from(states);
          const metric = randomTensor(seeded(seed), 'float32', [mask.length, 8]);
          const map = bipartiteMatchSync(metric, { r, mask });
          const present = Array.from(mask.keys()).filter((i) => mask[i] !== 2);
          assert.deepEqual(
            Array.from(map.members).sort((a, b) => a - b),
            present,
          );
          const free = present.filter((i) => mask[i] === 0);
          const sources = free.filter((i) => i % 2 === 0).length;
          const merges = sources < free.length ? Math.min(r, free.length >> 1, sources) : 0;
          assert.equal(map.outputLengths[0], present.length - merges);
        },
      ),
      { numRuns: runs(200) },
    );
  });

  test('a token alone stands for a matrix of one', () => {
    const map = bipartiteMatchSync(tensorOf('float32', [1, 2, 3], [3]));
    assertMap(map, [[[0]]], 1);
  });

  test('tokens too large and too small for their squares', () => {
    for (const scale of [1e-30, 1e-22, 1e22, 1e30]) {
      const metric = randomTensor(seeded(13), 'float32', [33, 16]);
      metric.data.forEach((x, i) => {
        if (Math.floor(i / 16) % 4 < 2) metric.data[i] = x * scale;
      });
      for (const r of [1, 9, 16]) assertMatch(metric, { r });
    }
    const denormal = tensorOf(
      'float32',
      Array.from({ length: 8 * 4 }, (_, i) => ((i * 5) % 7) * 1e-44),
      [8, 4],
    );
    assertMatch(denormal, { r: 2 });
  });

  test('r is as many as may be when left out', () => {
    const metric = randomTensor(seeded(14), 'float32', [33, 16]);
    assert.deepEqual(
      mapTensors(bipartiteMatchSync(metric)),
      mapTensors(bipartiteMatchSync(metric, { r: 16 })),
    );
    const above = bipartiteMatchSync(metric, { threshold: 0.2 });
    assert.deepEqual(mapTensors(above), mapTensors(bipartiteMatchSync(metric, { r: 33, threshold: 0.2 })));
  });

  test('out receives the arrays of the map', async () => {
    const metric = randomTensor(seeded(15), 'float32', [2, 33, 16]);
    const expected = mapTensors(bipartiteMatchSync(metric, { r: 9 }));
    const room = () => ({
      outputLengths: new Int32Array(2),
      offsets: new Int32Array(67),
      members: new Int32Array(66),
      assignment: new Int32Array(66),
    });
    const out = room();
    const map = bipartiteMatchSync(metric, { r: 9, out });
    assert.deepEqual(mapTensors(map), expected);
    if (!isOnDevice) assert.equal(map.members.buffer, out.members.buffer);
    const later = room();
    assert.deepEqual(mapTensors(await bipartiteMatch(metric, { r: 9, out: later })), expected);
    assert.deepEqual(Array.from(later.assignment), Array.from(map.assignment));
    const overlapping = {
      ...room(),
      assignment: new Int32Array(metric.data.buffer, metric.data.byteOffset, 66),
    };
    const refused = isArgumentError('ERR_TOKENSIEVE_OVERLAP', 'options\\.out');
    assert.throws(() => bipartiteMatchSync(metric, { r: 9, out: overlapping }), refused);
    await assert.rejects(bipartiteMatch(metric, { r: 9, out: overlapping }), refused);
  });

  suite('as every operation', () => {
    const metric = randomTensor(seeded(11), 'float32', isOnDevice ? [2, 131, 64] : [3, 577, 64]);
    testContract({
      inputs: [metric],
      run: ([metric], extra) =>
        bipartiteMatch(metric, { r: 100, ...(extra?.signal && { signal: extra.signal }) }),
      runSync: ([metric]) => bipartiteMatchSync(metric, { r: 100 }),
      tensors: mapTensors,
    });
  });

  const metric = randomTensor(seeded(12), 'float32', [6, 8]);
  testRefusals(
    [bipartiteMatch, bipartiteMatchSync],
    [
      {
        name: 'a negative r',
        args: [metric, { r: -1 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.r',
        value: -1,
      },
      {
        name: 'a broken r',
        args: [metric, { r: 1.5 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.r',
        value: 1.5,
      },
      {
        name: 'a word for r',
        args: [metric, { r: '1' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.r',
        value: '"1"',
      },
      {
        name: 'NaN for the threshold',
        args: [metric, { r: 1, threshold: Number.NaN }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.threshold',
        value: 'NaN',
      },
      {
        name: 'a mask of another length',
        args: [metric, { r: 1, mask: new Uint8Array(7) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask value of 9',
        args: [metric, { r: 1, mask: Uint8Array.of(0, 0, 9, 0, 0, 0) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.mask',
        value: 9,
      },
      {
        name: 'no r for random sources',
        args: [metric, { partition: { random: 1 } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.r',
        value: 'undefined',
      },
      {
        name: 'an out of another length',
        args: [metric, { r: 1, out: { members: new Int32Array(5) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.members',
      },
      {
        name: 'an unknown partition',
        args: [metric, { r: 1, partition: 'halves' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.partition',
        value: '"halves"',
      },
      {
        name: 'a grid of another size',
        args: [metric, { r: 1, partition: { grid: [2, 2], stride: [2, 2] } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.partition\\.grid',
      },
      {
        name: 'a grid that is no pair',
        args: [metric, { r: 1, partition: { grid: 6, stride: [1, 2] } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.partition\\.grid',
        value: 6,
      },
      {
        name: 'a stride of 0',
        args: [metric, { r: 1, partition: { grid: [2, 3], stride: [0, 1] } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.partition\\.stride',
        value: 0,
      },
      {
        name: 'a broken seed',
        args: [metric, { r: 1, partition: { random: 0.5 } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.partition',
        value: 0.5,
      },
      {
        name: 'every 0',
        args: [metric, { r: 1, partition: { every: 0 } }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.partition\\.every',
        value: 0,
      },
      {
        name: 'integers',
        args: [tensorOf('uint8', [1, 2], [2, 1]), { r: 1 }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'metric\\.type',
        value: 'uint8',
      },
    ],
  );

  testMalformed(
    [bipartiteMatch, bipartiteMatchSync],
    [
      metric,
      { r: 1, threshold: 0, mask: new Uint8Array(6), lengths: Int32Array.of(6), partition: 'alternate' },
    ],
  );
  for (const partition of [{ grid: [2, 3], stride: [1, 1], seed: 1 }, { random: 1 }, { every: 2 }]) {
    const match = (op: typeof bipartiteMatchSync | typeof bipartiteMatch) => (fields: never) =>
      op(metric, { r: 1, partition: fields });
    testMalformed([match(bipartiteMatch), match(bipartiteMatchSync)], [partition]);
  }
});
