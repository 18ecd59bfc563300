import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type FloatTensor,
  restoreTokensSync,
  type SieveInputs,
  type TomesdOptions,
  tomesd,
} from 'tokensieve';
import { cosine } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { decode, randomTensor } from '../support/tensors.js';

const tokens = (batch: number, length: number, seed = 1) =>
  randomTensor(seeded(seed), 'float32', [batch, length, 4]);

/** Slots of row 0 by the paper, given which cells are destinations. */
function expectedSlots(hidden: FloatTensor, destinations: readonly number[], r: number, sorted: boolean) {
  const { data, dims } = decode(hidden);
  const token = (i: number) => data.subarray(i * dims[2], (i + 1) * dims[2]);
  const edges = Array.from({ length: dims[1] }, (_, i) => i)
    .filter((i) => !destinations.includes(i))
    .map((source) => {
      const cosines = destinations.map((to) => cosine(token(source), token(to)));
      const similarity = Math.max(...cosines);
      return { source, to: destinations[cosines.indexOf(similarity)], similarity };
    })
    .sort((a, b) => b.similarity - a.similarity);
  const merged = edges.slice(0, r);
  const stays = edges.slice(r).map(({ source }) => source);
  return [
    ...(sorted ? stays : stays.sort((a, b) => a - b)).map((i) => [i]),
    ...destinations.map((to) =>
      [to, ...merged.filter((edge) => edge.to === to).map(({ source }) => source)].sort((a, b) => a - b),
    ),
  ];
}

function slotsOf(options: TomesdOptions, inputs: SieveInputs): number[][] {
  const left = tomesd(options).reduceSync(inputs);
  assertConsistent(inputs, left);
  return membersOf(left.map, 0);
}

describe('tomesd', () => {
  const hidden = tokens(1, 35);

  it('merges int(ratio N) tokens into the first of each block, borders being sources', () => {
    // 5 x 7 in blocks of 2 x 2: cells past row 3 and column 5 are in no block.
    const destinations = [0, 2, 4, 14, 16, 18];
    for (const [ratio, r] of [
      [0.5, 17],
      [0.3, 10],
      [0.01, 0],
      [0.99, 29],
    ] as const) {
      const expected =
        r === 0 ? [...Array(35).keys()].map((i) => [i]) : expectedSlots(hidden, destinations, r, false);
      assert.deepEqual(slotsOf({ ratio, grid: [5, 7] }, { hidden }), expected);
      if (r > 0)
        assert.deepEqual(
          slotsOf({ ratio, reference: 'authors' }, { hidden, grid: [5, 7] }),
          expectedSlots(hidden, destinations, r, true),
        );
    }
  });

  it('takes other blocks, and merges nothing where none is whole', () => {
    const destinations = [0, 3, 14, 17];
    assert.deepEqual(
      slotsOf({ ratio: 0.5, grid: [5, 7], stride: [2, 3] }, { hidden }),
      expectedSlots(hidden, destinations, 17, false),
    );
    assert.equal(slotsOf({ ratio: 0.5, grid: [1, 35] }, { hidden }).length, 35);
  });

  it('draws the destinations by its seed, alike for the whole batch', () => {
    const two = tokens(2, 16);
    const drawn = (seed: number, row: number) => {
      const { map, positions } = tomesd({ ratio: 0.75, grid: [4, 4], seed, positions: 'centre' }).reduceSync({
        hidden: two,
      });
      assert.equal(map.outputLengths[row], 4);
      return [...positions.data.subarray(row * 4, row * 4 + 4)].map(Number);
    };
    const seen = new Set<string>();
    for (let seed = 0; seed < 8; seed++) {
      const places = drawn(seed, 0);
      assert.deepEqual(places, drawn(seed, 1));
      const blocks = places.map((place) => Math.floor(place / 8) * 2 + (Math.floor((place % 4) / 2) % 2));
      assert.deepEqual([...blocks].sort(), [0, 1, 2, 3]);
      const slots = membersOf(
        tomesd({ ratio: 0.5, grid: [4, 4], seed }).reduceSync({ hidden: tokens(1, 16) }).map,
        0,
      );
      assert.deepEqual(slots, expectedSlots(tokens(1, 16), places, 8, false));
      seen.add(places.join());
    }
    assert.ok(seen.size > 4);
  });

  it('draws nothing for an odd batch, as the authors do', () => {
    const map = (options: Partial<TomesdOptions>, batch: number) =>
      tomesd({ ratio: 0.5, grid: [4, 4], reference: 'authors', ...options }).reduceSync({
        hidden: tokens(batch, 16),
      }).map;
    assert.deepEqual(map({ seed: 3 }, 3), map({}, 3));
    assert.notDeepEqual(map({ seed: 3 }, 2), map({}, 2));
  });

  it('takes the free tokens for the grid where others stand around them', () => {
    const inner = slotsOf({ ratio: 0.5, grid: [4, 4], seed: 1 }, { hidden: tokens(1, 16) });
    const { data, dims } = decode(tokens(1, 16));
    const around = new Float32Array(19 * dims[2]);
    around.fill(0.5);
    around.set(data, dims[2]);
    const hidden = { type: 'float32', data: around, dims: [1, 19, dims[2]] } as const;
    const mask = Uint8Array.of(1, ...new Uint8Array(16), 1, 2);
    const moved = inner.map((own) => own.map((i) => i + 1));
    const survivors = moved.findIndex((own) => own.length > 1);
    const slots = slotsOf({ ratio: 0.5, grid: [4, 4], seed: 1 }, { hidden, mask });
    assert.deepEqual(
      [...slots].sort((a, b) => a[0] - b[0]),
      [[0], ...moved, [17]].sort((a, b) => a[0] - b[0]),
    );
    assert.deepEqual(slots[0], [0]);
    assert.ok(slots.findIndex(([first]) => first === 17) <= survivors + 1);
  });

  it('gives every token back', () => {
    const { hidden: left, map } = tomesd({ ratio: 0.7, grid: [5, 7] }).reduceSync({ hidden });
    const merged = decode(left).data;
    const restored = decode(restoreTokensSync(left, map)).data;
    for (let i = 0; i < 35; i++) {
      const slot = map.assignment[i];
      assert.deepEqual(restored.slice(i * 4, i * 4 + 4), merged.slice(slot * 4, slot * 4 + 4));
    }
  });

  it('names what is wrong', () => {
    const create = tomesd as (options: unknown) => unknown;
    const type = (options: object, path: string) =>
      assert.throws(() => create(options), isArgumentError('ERR_TOKENSIEVE_TYPE', path));
    const range = (options: object, path: string) =>
      assert.throws(() => create(options), isArgumentError('ERR_TOKENSIEVE_RANGE', path));
    type({}, 'options.ratio');
    range({ ratio: 1 }, 'options.ratio');
    type({ ratio: 0.5, stride: 2 }, 'options.stride');
    range({ ratio: 0.5, stride: [2, 0] }, 'options.stride\\[1\\]');
    type({ ratio: 0.5, stride: [2, '2'] }, 'options.stride\\[1\\]');
    type({ ratio: 0.5, seed: '1' }, 'options.seed');
    range({ ratio: 0.5, seed: -1 }, 'options.seed');
    range({ ratio: 0.5, grid: [0, 4] }, 'options.grid\\[0\\]');
    assert.throws(
      () => create({ ratio: 0.5, stride: [2] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.stride'),
    );
    assert.throws(
      () => tomesd({ ratio: 0.5 }).reduceSync({ hidden }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.grid'),
    );
    assert.throws(
      () => tomesd({ ratio: 0.5, grid: [4, 4] }).reduceSync({ hidden }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.grid'),
    );
  });
});
