// What a bipartite match says, as a plan has it.

import type { Ragged } from '../ragged.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { adoptTokenMap, type TokenMap } from '../token-map.js';
import { centredMap } from './maps.js';
import { nearestTokens, raggedOf } from './nearest.js';

/** A map and, for each of its slots, the token that it stands for. */
export interface CentredMap {
  readonly map: TokenMap;
  readonly centres: Int32Array;
}

type Shape = Pick<Tokens, 'batch' | 'length' | 'mask'>;

/** The destination among the members of each slot; the lowest where there is none. */
export function matchCentres(map: TokenMap, isDestination: Uint8Array): Int32Array {
  const { members, offsets, outputLengths, inputLength } = map;
  const centres = new Int32Array(offsets.length - 1);
  for (let row = 0, slot = 0; row < outputLengths.length; row++)
    for (const end = slot + outputLengths[row]; slot < end; slot++) {
      const own = members.subarray(offsets[slot], offsets[slot + 1]);
      centres[slot] = own.find((token) => isDestination[row * inputLength + token] === 1) ?? own[0];
    }
  return centres;
}

/**
 * The map of sources that go into destinations, slots in the order of `bipartiteMatch`: in a row where something
 * merges the tokens that stay and are no destinations, then the destinations, each by place; else all by place.
 *
 * @param into `[B * N]`: where each token goes within its row, itself where it stays; -1 where it is dropped
 */
export function matchedMap(shape: Shape, into: Int32Array, isDestination: Uint8Array): CentredMap {
  const { batch, length } = shape;
  const rows = Array.from({ length: batch }, (_, row) => {
    const own = into.subarray(row * length, (row + 1) * length);
    const stays: number[] = [];
    own.forEach((to, i) => {
      if (to === i) stays.push(i);
    });
    if (own.every((to, i) => to === i || to === -1)) return stays;
    const side = (wanted: number) => stays.filter((i) => isDestination[row * length + i] === wanted);
    return [...side(0), ...side(1)];
  });
  return centredMap(shape, raggedOf(rows), into);
}

/**
 * The same slots as the code of ToMe's authors lists them. In a row that protects no token, the sources that stay
 * come by falling similarity with their destinations; in one that protects its first two, a class and a distillation
 * token, those two come first.
 */
export function* listedAsAuthors(
  { map, centres }: CentredMap,
  features: FloatTensor,
  tokens: Tokens,
  isDestination: Uint8Array,
): Steps<CentredMap> {
  const slots = survivingSources(map, centres, tokens, isDestination);
  const { similarity } = yield* nearestTokens(
    features,
    { ...slots, indices: { ...slots.indices, data: slots.indices.data.map((slot) => centres[slot]) } },
    raggedOf(tokens.rows.map((_, row) => freeDestinations(tokens, row, isDestination))),
  );
  const listing = centres.map((_, slot) => slot);
  for (let row = 0; row < tokens.batch; row++) {
    const [start, end] = [slots.offsets[row], slots.offsets[row + 1]];
    const order = Int32Array.from({ length: end - start }, (_, i) => start + i).sort(byScore(similarity));
    if (end > start)
      listing.set(
        order.map((at) => slots.indices.data[at]),
        slots.indices.data[start],
      );
  }
  let first = 0;
  map.outputLengths.forEach((length, row) => {
    const own = listing.subarray(first, first + length);
    if (length < tokens.rows[row].tokens && isProtected(tokens, row, 0) && isProtected(tokens, row, 1))
      bringToSecond(own, first + map.assignment[row * tokens.length + 1]);
    first += length;
  });
  return { map: relisted(map, listing), centres: listing.map((slot) => centres[slot]) };
}

/** Slots, all rows counted through, of the sources that stay in rows that protect none and where something merges. */
function survivingSources(
  { outputLengths }: TokenMap,
  centres: Int32Array,
  { rows, length }: Tokens,
  isDestination: Uint8Array,
): Ragged {
  let first = 0;
  return raggedOf(
    rows.map(({ tokens, kept }, row) => {
      const own = Int32Array.from({ length: outputLengths[row] }, (_, i) => first + i);
      first += own.length;
      if (kept > 0 || own.length === tokens) return [];
      return own.filter((slot) => isDestination[row * length + centres[slot]] === 0);
    }),
  );
}

function freeDestinations({ length, mask }: Tokens, row: number, isDestination: Uint8Array): number[] {
  const free: number[] = [];
  for (let i = 0; i < length; i++)
    if (isDestination[row * length + i] === 1 && (mask === undefined || mask[row * length + i] === 0))
      free.push(i);
  return free;
}

function isProtected({ length, mask }: Tokens, row: number, token: number): boolean {
  return token < length && mask?.[row * length + token] === 1;
}

/** Moves one of the slots listed to the second place, those between one on. */
function bringToSecond(listing: Int32Array, slot: number): void {
  const at = listing.indexOf(slot);
  listing.copyWithin(2, 1, at);
  listing[1] = slot;
}

/** The slots of a map without weights in another order within their rows: `listing` names which comes at each place. */
export function relisted(map: TokenMap, listing: Int32Array): TokenMap {
  const { offsets, members, outputLengths, inputLength } = map;
  const ends = new Int32Array(offsets.length);
  const moved = new Int32Array(members.length);
  const placeOf = new Int32Array(listing.length);
  listing.forEach((slot, at) => {
    const own = members.subarray(offsets[slot], offsets[slot + 1]);
    moved.set(own, ends[at]);
    ends[at + 1] = ends[at] + own.length;
    placeOf[slot] = at;
  });
  const assignment = map.assignment.slice();
  for (let row = 0, first = 0; row < outputLengths.length; first += outputLengths[row++])
    for (let place = row * inputLength; place < (row + 1) * inputLength; place++)
      if (assignment[place] !== -1) assignment[place] = placeOf[first + assignment[place]] - first;
  return adoptTokenMap({
    rowDims: map.rowDims,
    inputLength,
    outputLengths,
    offsets: ends,
    members: moved,
    weights: undefined,
    assignment,
    isPartition: true,
  });
}
