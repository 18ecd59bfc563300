// Token maps to test with, and their slots in the form the references take.
import { TokenMap } from 'tokensieve';
import type { Slot } from '../reference/merge-tokens.js';
import type { Random } from './random.js';

/** The slots of each row. */
export function slotsOf(map: TokenMap): { members: Int32Array; weights?: Float32Array }[][] {
  let slot = 0;
  return Array.from(map.outputLengths, (length) =>
    Array.from({ length }, () => {
      const [start, end] = [map.offsets[slot], map.offsets[slot + 1]];
      slot++;
      const members = map.members.subarray(start, end);
      return map.weights ? { members, weights: map.weights.subarray(start, end) } : { members };
    }),
  );
}

/** A map of the given slots, row after row; each token belongs to the first slot that holds it. */
export function mapOf(
  rows: readonly (readonly Slot[])[],
  inputLength: number,
  rowDims = [rows.length],
): TokenMap {
  const slots = rows.flat();
  const members = slots.flatMap((slot) => Array.from(slot.members));
  const weights = slots.flatMap((slot) =>
    Array.from(slot.weights ?? new Float32Array(slot.members.length).fill(1)),
  );
  let end = 0;
  return TokenMap.from({
    rowDims,
    inputLength,
    outputLengths: Int32Array.from(rows, (row) => row.length),
    offsets: Int32Array.from([0, ...slots.map((slot) => (end += slot.members.length))]),
    members: Int32Array.from(members),
    ...(slots.some((slot) => slot.weights) && { weights: Float32Array.from(weights) }),
  });
}

/** Every token in one of M slots, or in none with a chance of `drop`; no slot is empty. */
export function randomPartition(random: Random, N: number, M: number, drop = 0): Slot[] {
  const members: number[][] = Array.from({ length: M }, () => []);
  const tokens = Array.from({ length: N }, (_, i) => i).sort(() => random.uniform() - 0.5);
  tokens.forEach((token, place) => {
    if (place < M) members[place].push(token);
    else if (random.uniform() >= drop) members[random.integer(M)].push(token);
  });
  return members.map((list) => ({ members: list.sort((a, b) => a - b) }));
}

/** M slots of up to `most` tokens each, which may share tokens, each member with a weight. */
export function randomOverlapping(random: Random, N: number, M: number, most: number): Slot[] {
  return Array.from({ length: M }, () => {
    const chosen = new Set(Array.from({ length: 1 + random.integer(most) }, () => random.integer(N)));
    const members = [...chosen].sort((a, b) => a - b);
    return { members, weights: Float32Array.from(members, () => 0.25 + random.uniform()) };
  });
}
