// What was decided of segments, as what is decided of the rows that they are segments of.

import { cutValues, eachPlace, type Segments, segmentTokens } from '../segments.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { Tensor } from '../tensor.js';
import { adoptTokenMap } from '../token-map.js';
import { identityMap, prunedMap } from './maps.js';
import { bestTokens, ordered } from './select.js';
import type { Concatenation, Plan } from './strategy.js';

/** A token left of a row. */
interface Left {
  /** What it stands for, within its row. */
  readonly token: number;
  /** Its slot among those of all segments; -1 for a protected token. */
  readonly slot: number;
}

/**
 * The plan of whole rows: the slots of their segments, and one for each protected token.
 *
 * @param order `'place'`: by the token that each stands for; `'segment'`: protected ones, then segment by segment
 */
export function joinSegments(
  tokens: Tokens,
  segments: Segments,
  { map, merge, centres, concatenate }: Plan,
  order: 'place' | 'segment',
): Plan {
  const { batch, length } = tokens;
  const tokenAt = tokensOf(segments, length);
  const left = leftOf(tokens, segments, map, (slot, segment) => {
    const own = centres?.[slot] ?? map.members[map.offsets[slot]];
    return tokenAt[segment * segments.longest + own];
  });
  if (order === 'place') for (const row of left) row.sort((a, b) => a.token - b.token);

  const offsets = [0];
  const members: number[] = [];
  const weights: number[] = [];
  const assignment = new Int32Array(batch * length).fill(-1);
  const slotOf = new Int32Array(map.offsets.length - 1);
  const segmentOf = segmentOfSlots(map.outputLengths);
  left.forEach((slots, row) => {
    slots.forEach(({ token, slot }, i) => {
      if (slot === -1) {
        members.push(token);
        weights.push(1);
        assignment[row * length + token] = i;
      } else {
        slotOf[slot] = i;
        for (let at = map.offsets[slot]; at < map.offsets[slot + 1]; at++) {
          members.push(tokenAt[segmentOf[slot] * segments.longest + map.members[at]]);
          weights.push(map.weights?.[at] ?? 1);
        }
      }
      offsets.push(members.length);
    });
  });
  const firstSlots = firstOf(map.outputLengths);
  eachPlace(segments, (place, at) => {
    const owner = map.assignment[at];
    if (owner !== -1) assignment[place] = slotOf[firstSlots[Math.floor(at / segments.longest)] + owner];
  });
  return {
    map: adoptTokenMap({
      rowDims: [batch],
      inputLength: length,
      outputLengths: Int32Array.from(left, (row) => row.length),
      offsets: Int32Array.from(offsets),
      members: Int32Array.from(members),
      weights: map.weights && Float32Array.from(weights),
      assignment,
      isPartition: map.isPartition,
    }),
    ...(merge && { merge: wholeMerge(merge, tokens, segments) }),
    ...(centres && { centres: Int32Array.from(left.flatMap((row) => row.map(({ token }) => token))) }),
    ...(concatenate && { concatenate: wholeBlocks(concatenate, tokens, segments) }),
  };
}

/**
 * Keeps the tokens of each segment that score best.
 *
 * @param counts so many of each segment
 * @param order of those kept: by place, or each segment's by falling score behind the protected tokens
 */
export function* keepPerSegment(
  tokens: Tokens,
  segments: Segments,
  scores: Tensor<'float32'>,
  counts: readonly number[],
  order: 'place' | 'score' = 'place',
): Steps<Plan> {
  if (segments.rows.length === 0) return { map: identityMap(tokens) };
  const own = segmentTokens(tokens, segments);
  const cut = cutValues(scores, segments);
  const best = yield* bestTokens(own, cut, counts);
  const kept = ordered(best, order === 'place' ? 'index' : 'score', own, cut);
  const plan = { map: prunedMap(own, kept, best.offsets) };
  return joinSegments(tokens, segments, plan, order === 'place' ? 'place' : 'segment');
}

/** `[S * L]`: the token of its row that stands at each place of the segments. */
function tokensOf(segments: Segments, length: number): Int32Array {
  const tokens = new Int32Array(segments.rows.length * segments.longest);
  eachPlace(segments, (place, at) => {
    tokens[at] = place % length;
  });
  return tokens;
}

/** For each row its protected tokens, then the slots of its segments. */
function leftOf(
  { batch, length, mask }: Tokens,
  { rows }: Segments,
  { outputLengths }: Plan['map'],
  tokenOf: (slot: number, segment: number) => number,
): Left[][] {
  const left: Left[][] = Array.from({ length: batch }, (_, row) => {
    const own = mask?.subarray(row * length, (row + 1) * length) ?? new Uint8Array();
    return Array.from(own.keys())
      .filter((i) => own[i] === 1)
      .map((token) => ({ token, slot: -1 }));
  });
  let slot = 0;
  rows.forEach((row, segment) => {
    for (let i = 0; i < outputLengths[segment]; i++, slot++)
      left[row].push({ token: tokenOf(slot, segment), slot });
  });
  return left;
}

function firstOf(lengths: Int32Array): Int32Array {
  const first = new Int32Array(lengths.length);
  for (let i = 1; i < lengths.length; i++) first[i] = first[i - 1] + lengths[i - 1];
  return first;
}

function segmentOfSlots(lengths: Int32Array): Int32Array {
  return Int32Array.from(
    Array.from(lengths).flatMap((slots, segment) => new Array<number>(slots).fill(segment)),
  );
}

function wholeMerge(
  { reduce, weights }: NonNullable<Plan['merge']>,
  { batch, length }: Tokens,
  segments: Segments,
): NonNullable<Plan['merge']> {
  if (weights === undefined) return { ...(reduce && { reduce }) };
  const cut = 'dims' in weights ? weights.data : weights;
  const whole: Tensor<'float32'> = {
    type: 'float32',
    data: new Float32Array(batch * length).fill(1),
    dims: [batch, length],
  };
  eachPlace(segments, (place, at) => {
    whole.data[place] = cut[at];
  });
  return { ...(reduce && { reduce }), weights: whole };
}

function wholeBlocks(
  { width, blockOf }: Concatenation,
  { batch, length }: Tokens,
  segments: Segments,
): Concatenation {
  const whole = new Int32Array(batch * length);
  eachPlace(segments, (place, at) => {
    whole[place] = blockOf[at];
  });
  return { width, blockOf: whole };
}
