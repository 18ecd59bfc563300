// Maps that strategies build from indices they know to be right.
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import { adoptTokenMap, TokenMap } from '../token-map.js';
import { withoutOnes } from '../token-map-fields.js';

type Shape = Pick<Tokens, 'batch' | 'length' | 'mask'>;

/** One slot a kept token, in the order given. */
export function prunedMap({ batch, length }: Shape, indices: Int32Array, offsets: Int32Array): TokenMap {
  const assignment = new Int32Array(batch * length).fill(-1);
  for (let row = 0; row < batch; row++)
    for (let i = offsets[row]; i < offsets[row + 1]; i++)
      assignment[row * length + indices[i]] = i - offsets[row];
  return adoptTokenMap({
    rowDims: [batch],
    inputLength: length,
    outputLengths: offsets.slice(1).map((end, row) => end - offsets[row]),
    offsets: Int32Array.from({ length: indices.length + 1 }, (_, slot) => slot),
    members: indices,
    weights: undefined,
    assignment,
    isPartition: true,
  });
}

/** Every token that is not dropped, in place. */
export function identityMap(shape: Shape): TokenMap {
  const { batch, length, mask } = shape;
  const offsets = new Int32Array(batch + 1);
  const indices: number[] = [];
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < length; i++) if (mask?.[row * length + i] !== 2) indices.push(i);
    offsets[row + 1] = indices.length;
  }
  return prunedMap(shape, Int32Array.from(indices), offsets);
}

/** `[B * N]`: where tokens go before any goes into another: each stays at its own place in its row; -1 for a dropped one. */
export function ownPlaces({ batch, length, mask }: Shape): Int32Array {
  return new Int32Array(batch * length).map((_, place) => (mask?.[place] === 2 ? -1 : place % length));
}

/**
 * A map of clusters, in the order of their lowest members.
 *
 * @param leaders `[B * N]`: for each token the lowest of its cluster, within its row; -1 for one that goes nowhere
 * @param weights `[B * N]`: what each token counts for in its cluster; all ones by default
 */
export function clusteredMap(
  { batch, length }: Shape,
  leaders: Int32Array,
  weights?: Float32Array,
): TokenMap {
  const data = new Int32Array(batch * length);
  const outputLengths = new Int32Array(batch);
  for (let place = 0; place < data.length; place++) {
    const row = Math.floor(place / length);
    if (leaders[place] === place % length) data[place] = outputLengths[row]++;
    else data[place] = leaders[place] === -1 ? -1 : data[row * length + leaders[place]];
  }
  return TokenMap.fromAssignment({ type: 'int32', data, dims: [batch, length] }, { outputLengths, weights });
}

/**
 * A map of centres that others go into: a slot for each centre, in the order given.
 *
 * @param centres tokens of each row, none twice, in any order
 * @param into `[B * N]`: for each token the centre that it goes into, within its row; a centre's own is itself; -1 for
 *   one that goes nowhere
 * @param weights `[B * N]`: what each token counts for in its slot; all ones by default
 */
export function centredMap(
  { batch, length }: Shape,
  { indices, offsets }: Ragged,
  into: Int32Array,
  weights?: Float32Array,
): { readonly map: TokenMap; readonly centres: Int32Array } {
  const slotOf = new Int32Array(batch * length).fill(-1);
  for (let row = 0; row < batch; row++)
    for (let at = offsets[row]; at < offsets[row + 1]; at++)
      slotOf[row * length + indices.data[at]] = at - offsets[row];
  const data = into.map((centre, place) => (centre === -1 ? -1 : slotOf[place - (place % length) + centre]));
  const outputLengths = offsets.slice(1).map((end, row) => end - offsets[row]);
  const map = TokenMap.fromAssignment(
    { type: 'int32', data, dims: [batch, length] },
    { outputLengths, weights },
  );
  return { map, centres: indices.data.slice() };
}

/**
 * A map of each kept token and, where a row drops any, one last slot made of all it drops.
 *
 * @param weightOf the weight in that slot of a dropped token, by its place in `[B * N]`
 */
export function summaryMap(
  shape: Shape,
  indices: Int32Array,
  offsets: Int32Array,
  weightOf: ((place: number) => number) | undefined,
): TokenMap {
  const { batch, length, mask } = shape;
  const assignment = prunedMap(shape, indices, offsets).assignment.slice();
  const members: number[] = [];
  const weights: number[] = [];
  const slots: number[] = [0];
  const outputLengths = new Int32Array(batch);
  for (let row = 0; row < batch; row++) {
    for (let i = offsets[row]; i < offsets[row + 1]; i++) {
      members.push(indices[i]);
      weights.push(1);
      slots.push(members.length);
    }
    const kept = offsets[row + 1] - offsets[row];
    for (let i = 0; i < length; i++) {
      const place = row * length + i;
      if (mask?.[place] === 2 || assignment[place] !== -1) continue;
      members.push(i);
      weights.push(weightOf === undefined ? 1 : weightOf(place));
      assignment[place] = kept;
    }
    const hasSummary = members.length > slots[slots.length - 1];
    if (hasSummary) slots.push(members.length);
    outputLengths[row] = kept + Number(hasSummary);
  }
  return adoptTokenMap({
    rowDims: [batch],
    inputLength: length,
    outputLengths,
    offsets: Int32Array.from(slots),
    members: Int32Array.from(members),
    weights: withoutOnes(weightOf && Float32Array.from(weights)),
    assignment,
    isPartition: true,
  });
}
