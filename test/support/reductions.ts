// Inputs for sieves, and what must hold of anything that a sieve leaves.
import assert from 'node:assert/strict';
import { type FloatTensor, type FloatType, type Reduction, type SieveInputs, TokenMap } from 'tokensieve';
import { mergeTokens } from '../reference/merge-tokens.js';
import { roundingError } from './error-budget.js';
import { slotsOf } from './maps.js';
import { type Random, seeded } from './random.js';
import { decode, randomTensor, tensorOf } from './tensors.js';

export interface InputShape {
  readonly batch?: number;
  readonly length?: number;
  readonly channels?: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly type?: FloatType;
  readonly seed?: number;
}

/** Random tokens and the attention that goes with them. */
export type AttendedTokens = SieveInputs & Required<Pick<SieveInputs, 'q' | 'k' | 'v'>>;

export function randomInputs(shape: InputShape = {}): AttendedTokens {
  const { batch = 2, length = 11, channels = 6, heads = 4, keyHeads = 2, type = 'float32', seed = 1 } = shape;
  const random = seeded(seed);
  const draw = (...dims: number[]) => randomTensor(random, type, dims);
  return {
    hidden: draw(batch, length, channels),
    q: draw(batch, heads, length, 8),
    k: draw(batch, keyHeads, length, 8),
    v: draw(batch, keyHeads, length, 5),
  };
}

/** A mask with every state, in which each row has a free token. */
export function randomMask(random: Random, batch: number, length: number): Uint8Array {
  return Uint8Array.from({ length: batch * length }, (_, i) =>
    i % length === 1 ? 0 : [0, 0, 0, 1, 2][random.integer(5)],
  );
}

/** Row b alone. */
export function rowOf(inputs: AttendedTokens, b: number): AttendedTokens {
  const cut = (tensor: FloatTensor): FloatTensor => {
    const { type, dims } = tensor;
    const size = decode(tensor).data.length / dims[0];
    const data = tensor.data.slice(b * size, (b + 1) * size) as FloatTensor['data'];
    return { type, data, dims: [1, ...dims.slice(1)] };
  };
  const length = inputs.hidden.dims[1];
  const { mask, sizes } = inputs;
  return {
    hidden: cut(inputs.hidden),
    q: cut(inputs.q as FloatTensor),
    k: cut(inputs.k as FloatTensor),
    v: cut(inputs.v as FloatTensor),
    ...(mask instanceof Uint8Array && { mask: mask.slice(b * length, (b + 1) * length) }),
    ...(sizes instanceof Float32Array && { sizes: sizes.slice(b * length, (b + 1) * length) }),
  };
}

/** The members of each slot of a row. */
export function membersOf(map: TokenMap, row: number): number[][] {
  return slotsOf(map)[row].map(({ members }) => Array.from(members));
}

/** Tokens of one row of what is left, without padding. */
export function tokensOf({ hidden, map }: Reduction, row: number): Float64Array {
  const [, longest, channels] = hidden.dims;
  const start = row * longest * channels;
  return decode(hidden).data.slice(start, start + map.outputLengths[row] * channels);
}

/**
 * Map, tokens, sizes, positions, mask and lengths of a reduction say the same, and what the inputs' mask asks is
 * done. `reduce` is how members are joined, `'own'` where that is not for the map alone to say.
 */
export function assertConsistent(
  inputs: SieveInputs,
  left: Reduction,
  reduce: 'mean' | 'sum' | 'own' = 'mean',
): void {
  const [batch, length, channels] = inputs.hidden.dims;
  const { hidden, map, sizes, positions, mask, lengths } = left;
  const longest = Math.max(0, ...map.outputLengths);
  assert.deepEqual(TokenMap.from({ ...map }), map, 'the map is whole');
  assert.deepEqual(map.rowDims, [batch]);
  assert.equal(map.inputLength, length);
  assert.equal(hidden.type, inputs.hidden.type);
  assert.deepEqual(hidden.dims, [batch, longest, channels]);
  for (const tensor of [sizes, positions, mask]) assert.deepEqual(tensor.dims, [batch, longest]);
  assert.equal(
    lengths !== undefined,
    map.outputLengths.some((l) => l !== longest),
    'lengths where rows differ',
  );
  if (lengths) assert.deepEqual(lengths, map.outputLengths);

  const given = inputs.mask instanceof Uint8Array ? inputs.mask : inputs.mask?.data;
  const stateOf = (row: number, i: number) =>
    inputs.lengths && i >= inputs.lengths[row]
      ? 2
      : (given?.[given.length === length ? i : row * length + i] ?? 0);
  const tokenSizes = inputs.sizes instanceof Float32Array ? inputs.sizes : inputs.sizes?.data;
  const all = decode(inputs.hidden);
  const after = decode(hidden).data;
  const rows = slotsOf(map);
  for (let row = 0; row < batch; row++) {
    const slots = rows[row];
    const ownSizes = tokenSizes?.subarray(row * length, (row + 1) * length);
    const merged = mergeTokens(
      {
        data: all.data.subarray(row * length * channels, (row + 1) * length * channels),
        dims: [length, channels],
      },
      slots,
      {
        reduce: reduce === 'own' ? 'mean' : reduce,
        ...(reduce !== 'sum' && ownSizes && { sizes: ownSizes }),
      },
    );
    for (let i = 0; i < slots.length * channels && reduce !== 'own'; i++) {
      const at = row * longest * channels + i;
      const allowed =
        1e-5 * merged.magnitude[i] + roundingError[hidden.type as FloatType] * Math.abs(merged.tokens[i]);
      assert.ok(Math.abs(after[at] - merged.tokens[i]) <= allowed + 1e-30, `hidden[${at}]`);
    }
    for (let i = 0; i < longest; i++) {
      const at = row * longest + i;
      const members = slots[i] && Array.from(slots[i].members);
      if (members === undefined) {
        assert.deepEqual([mask.data[at], sizes.data[at]], [2, 0], 'padding');
        assert.ok(after.subarray(at * channels, (at + 1) * channels).every((x) => x === 0));
        continue;
      }
      assert.ok(
        members.every((m) => stateOf(row, m) !== 2),
        'a dropped token never appears',
      );
      const size = members.reduce((sum, m) => sum + (ownSizes?.[m] ?? 1), 0);
      assert.ok(Math.abs(sizes.data[at] - size) <= 1e-6 * size, `sizes[${at}]`);
      if (inputs.positions === undefined) assert.equal(Number(positions.data[at]), members[0]);
    }
    for (let i = 0; i < length; i++) {
      if (stateOf(row, i) === 2) assert.equal(map.assignment[row * length + i], -1);
      if (stateOf(row, i) !== 1) continue;
      const own = map.assignment[row * length + i];
      assert.deepEqual(Array.from(slots[own]?.members ?? []), [i], 'a kept token stays alone');
      assert.equal(mask.data[row * longest + own], 1);
    }
  }
}

/** float32 `[B,N]`. */
export function scoresOf(rows: readonly (readonly number[])[]) {
  return tensorOf('float32', rows.flat(), [rows.length, rows[0].length]);
}
