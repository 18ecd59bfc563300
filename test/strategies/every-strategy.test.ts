// What holds of every strategy that makes a map, whatever it decides by.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Budget,
  budgets,
  createSieve,
  type Reduction,
  restoreTokensSync,
  type SieveInputs,
  type Strategy,
  strategies,
} from 'tokensieve';
import { type Random, seeded } from '../support/random.js';
import {
  type AttendedTokens,
  assertConsistent,
  membersOf,
  randomInputs,
  randomMask,
  rowOf,
  tokensOf,
} from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

interface Case {
  readonly name: string;
  readonly strategy: Strategy;
  /** Where it goes by one. */
  readonly budget?: Budget;
}

const half = budgets.ratio(0.5);

const cases: readonly Case[] = [
  { name: 'bipartiteMerge', strategy: strategies.bipartiteMerge(), budget: half },
  {
    name: 'clusterMerge by density peaks',
    strategy: strategies.clusterMerge({ method: 'dpc-knn' }),
    budget: half,
  },
  {
    name: 'clusterMerge by k-means',
    strategy: strategies.clusterMerge({ method: 'k-means' }),
    budget: half,
  },
  { name: 'dbdpc', strategy: strategies.dbdpc({ cutoff: 0.6 }) },
  { name: 'mergeRuns', strategy: strategies.mergeRuns(), budget: half },
  { name: 'mergeRuns with a threshold', strategy: strategies.mergeRuns({ threshold: 0 }) },
  {
    name: 'perSegment over matching',
    strategy: strategies.perSegment(strategies.bipartiteMerge(), { size: 4 }),
    budget: half,
  },
  {
    name: 'perSegment over clusters',
    strategy: strategies.perSegment(strategies.clusterMerge({ method: 'dpc-knn', k: 2 }), { count: 3 }),
    budget: half,
  },
  {
    name: 'perSegment over bounded density peaks',
    strategy: strategies.perSegment(strategies.dbdpc({ cutoff: 0.6 }), { size: 4 }),
  },
  {
    name: 'bipartiteMerge as its authors list',
    strategy: strategies.bipartiteMerge({ order: 'authors' }),
    budget: half,
  },
  { name: 'poolWindows', strategy: strategies.poolWindows({ window: 3 }) },
  { name: 'thresholdMerge', strategy: strategies.thresholdMerge({ threshold: 0.2 }) },
];

const [batch, length] = [3, 10];

/** Tokens, and keys with them, that stand at the places of others. */
function chosen(inputs: AttendedTokens, from: (i: number) => number): AttendedTokens {
  const pick = (tensor: AttendedTokens['hidden']) => {
    const channels = tensor.dims[tensor.dims.length - 1];
    const { data, dims } = decode(tensor);
    const rows = data.length / length / channels;
    const picked = Array.from({ length: rows }, (_, row) =>
      Array.from({ length }, (_, i) => {
        const start = (row * length + from(i)) * channels;
        return [...data.subarray(start, start + channels)];
      }),
    );
    return tensorOf(tensor.type, picked.flat(2), dims);
  };
  return { ...inputs, hidden: pick(inputs.hidden), k: pick(inputs.k!) };
}

const random = seeded(5);
const plain = { ...randomInputs({ batch, length, seed: 3 }) };
const zero = (inputs: AttendedTokens): AttendedTokens => ({
  ...inputs,
  hidden: tensorOf('float32', new Float32Array(inputs.hidden.data.length), inputs.hidden.dims),
  k: tensorOf('float32', new Float32Array(inputs.k!.data.length), inputs.k!.dims),
});

const situations: readonly (readonly [string, AttendedTokens])[] = [
  ['tokens that differ', plain],
  ['masks', { ...plain, mask: randomMask(random, batch, length) }],
  ['rows of different lengths', { ...plain, lengths: Int32Array.of(10, 1, 6) }],
  ['sizes', { ...plain, sizes: sizesOf(random) }],
  ['tokens that are all equal', chosen(plain, () => 0)],
  ['tokens that come twice', chosen(plain, (i) => i >> 1)],
  ['zero vectors', zero(plain)],
  ['nothing but kept tokens', { ...plain, mask: new Uint8Array(batch * length).fill(1) }],
  ['nothing but dropped tokens', { ...plain, mask: new Uint8Array(batch * length).fill(2) }],
  ['rows of kept and of dropped tokens beside others', { ...plain, mask: rowsOfStates(1, 2, 0) }],
  ['one token', randomInputs({ batch, length: 1 })],
  ['no token', randomInputs({ batch, length: 0 })],
  ['float16', randomInputs({ batch, length, type: 'float16' })],
  ['bfloat16', randomInputs({ batch, length, type: 'bfloat16' })],
];

/** A mask of rows alike in all tokens. */
function rowsOfStates(...states: number[]): Uint8Array {
  return Uint8Array.from(states.flatMap((state) => new Array<number>(length).fill(state)));
}

function sizesOf(random: Random): Float32Array {
  return Float32Array.from({ length: batch * length }, () => 1 + random.integer(4));
}

/** Each token stands again where it was, as its slot, and a dropped one as zeros. */
function assertRestores(left: Reduction): void {
  const { hidden, map } = left;
  const restored = decode(restoreTokensSync(hidden, map)).data;
  const channels = hidden.dims[2];
  for (let row = 0; row < map.outputLengths.length; row++) {
    const slots = tokensOf(left, row);
    for (let i = 0; i < map.inputLength; i++) {
      const owner = map.assignment[row * map.inputLength + i];
      const start = (row * map.inputLength + i) * channels;
      const expected =
        owner === -1 ? new Float64Array(channels) : slots.subarray(owner * channels, (owner + 1) * channels);
      assert.deepEqual(restored.subarray(start, start + channels), expected);
    }
  }
}

for (const { name, strategy, budget } of cases)
  describe(`strategies.${name}`, () => {
    const sieve = createSieve({ strategy, budget });
    for (const [what, inputs] of situations)
      it(`leaves what its map says of ${what}`, async () => {
        const left = sieve.reduceSync(inputs);
        assertConsistent(inputs, left);
        assert.equal(left.map.isPartition, true);
        assertRestores(left);
        assert.deepEqual(await sieve.reduce(inputs), left);
        assertLeavesAll(inputs, left);
      });

    it('decides of a row in a batch as of that row alone', () => {
      for (const [what, inputs] of situations) {
        if (inputs.lengths) continue;
        const left = sieve.reduceSync(inputs);
        for (let row = 0; row < batch; row++) {
          const alone = sieve.reduceSync(rowOf(inputs, row));
          assert.deepEqual(membersOf(left.map, row), membersOf(alone.map, 0), what);
          assert.deepEqual(tokensOf(left, row), tokensOf(alone, 0), what);
        }
      }
    });

    if (budget)
      it('leaves every token as it is where all may stay', () => {
        const inputs = { ...plain, mask: randomMask(random, batch, length) };
        const left = createSieve({ strategy, budget: budgets.keep(1) }).reduceSync(inputs);
        const present = Array.from({ length }, (_, i) => i).filter((i) => inputs.mask[i] !== 2);
        assert.deepEqual(
          membersOf(left.map, 0),
          present.map((i) => [i]),
        );
      });
  });

/** A merge loses no token: each that is not dropped is in a slot. */
function assertLeavesAll({ mask, lengths }: SieveInputs, { map }: Reduction): void {
  map.assignment.forEach((owner, place) => {
    const [row, i] = [Math.floor(place / map.inputLength), place % map.inputLength];
    const isPresent = (mask as Uint8Array | undefined)?.[place] !== 2 && i < (lengths?.[row] ?? length);
    assert.equal(owner !== -1, isPresent);
  });
}
