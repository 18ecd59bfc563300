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
    outputLengths: lengthsOf(offsets),
    offsets: oneEach(indices.length),
    members: indices,
    weights: undefined,
    assignment,
    isPartition: true,
  });
}

/** The lengths of rows from their offsets. */
function lengthsOf(offsets: Int32Array): Int32Array {
  const lengths = new Int32Array(offsets.length - 1);
  for (let row = 0; row < lengths.length; row++) lengths[row] = offsets[row + 1] - offsets[row];
  return lengths;
}

/** Offsets of slots of one member. */
function oneEach(slots: number): Int32Array {
  const offsets = new Int32Array(slots + 1);
  for (let slot = 1; slot <= slots; slot++) offsets[slot] = slot;
  return offsets;
}

/** Every token that is not dropped, in place. */
export function identityMap(shape: Shape): TokenMap {
  const { batch, length, mask } = shape;
  const offsets = new Int32Array(batch + 1);
  const indices = new Int32Array(batch * length);
  for (let row = 0, count = 0; row < batch; row++) {
    for (let i = 0; i < length; i++)
      if (mask === undefined || mask[row * length + i] !== 2) indices[count++] = i;
    offsets[row + 1] = count;
  }
  return prunedMap(shape, indices.slice(0, offsets[batch]), offsets);
}

/**
 * `[B * N]`: where tokens go before any goes into another: each stays at its own place in its row; -1 for a dropped
 * one.
 */
export function ownPlaces({ batch, length, mask }: Shape): Int32Array {
  const places = new Int32Array(batch * length);
  for (let row = 0, place = 0; row < batch; row++)
    for (let i = 0; i < length; i++, place++)
      places[place] = mask !== undefined && mask[place] === 2 ? -1 : i;
  return places;
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
  for (let row = 0, place = 0; row < batch; row++) {
    let slots = 0;
    for (let i = 0; i < length; i++, place++) {
      const leader = leaders[place];
      data[place] = leader === i ? slots++ : leader === -1 ? -1 : data[row * length + leader];
    }
    outputLengths[row] = slots;
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
  const data = new Int32Array(batch * length);
  for (let row = 0, place = 0; row < batch; row++)
    for (const end = place + length; place < end; place++)
      data[place] = into[place] === -1 ? -1 : slotOf[row * length + into[place]];
  const map = TokenMap.fromAssignment(
    { type: 'int32', data, dims: [batch, length] },
    { outputLengths: lengthsOf(offsets), weights },
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
  const assignment = new Int32Array(batch * length).fill(-1);
  const members = new Int32Array(batch * length);
  const weights = new Float32Array(weightOf ? batch * length : 0).fill(1);
  const slots = new Int32Array(indices.length + batch + 1);
  const outputLengths = new Int32Array(batch);
  let count = 0;
  let slot = 0;
  for (let row = 0; row < batch; row++) {
    const kept = offsets[row + 1] - offsets[row];
    for (let i = 0; i < kept; i++) {
      members[count++] = indices[offsets[row] + i];
      slots[++slot] = count;
      assignment[row * length + indices[offsets[row] + i]] = i;
    }
    for (let i = 0, place = row * length; i < length; i++, place++) {
      if (assignment[place] !== -1 || (mask !== undefined && mask[place] === 2)) continue;
      if (weightOf) weights[count] = weightOf(place);
      members[count++] = i;
      assignment[place] = kept;
    }
    const hasSummary = count > slots[slot];
    if (hasSummary) slots[++slot] = count;
    outputLengths[row] = kept + Number(hasSummary);
  }
  return adoptTokenMap({
    rowDims: [batch],
    inputLength: length,
    outputLengths,
    offsets: slots.slice(0, slot + 1),
    members: members.slice(0, count),
    weights: withoutOnes(weightOf && weights.slice(0, count)),
    assignment,
    isPartition: true,
  });
}
