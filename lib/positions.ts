// Where the tokens that a reduction leaves stand.
import { readWord } from './options.js';
import type { Tokens } from './sieve-inputs.js';
import { type Tensor, zeros } from './tensor.js';
import type { TokenMap } from './token-map.js';

/**
 * What becomes of positions, for rotary embeddings and the like. `'kept'`: each token left stands where its lowest
 * member did. `'centre'`: where the one did that it stands for, such as the centre of a cluster or the destination
 * of a match; its lowest member where it stands for none. `'mean'`: at the mean of its members' positions, weighted
 * by sizes and rounded, a half to the even side. `'renumbered'`: from 0 on in the order they are listed; in every
 * section for M-RoPE.
 */
export type PositionRule = 'kept' | 'centre' | 'mean' | 'renumbered';

/** Checks a `positions` option. */
export function readPositionRule(rule: PositionRule): PositionRule {
  return readWord('options.positions', rule, ['kept', 'centre', 'mean', 'renumbered']);
}

/** `[B,M]` or `[S,B,M]`, 0 for padding. */
export function positionsLeft(
  { batch, length, positions, sizes }: Tokens,
  map: TokenMap,
  M: number,
  rule: PositionRule,
  centres: Int32Array | undefined,
): Tensor<'int32' | 'int64'> {
  const lead = positions.dims.slice(0, -2);
  const left = zeros(positions.type, [...lead, batch, M]);
  const sections = lead.length === 0 ? 1 : lead[0];
  const write = placer(left);
  for (let section = 0; section < sections; section++)
    for (let row = 0, slot = 0; row < batch; row++) {
      const [from, to] = [section * batch * length + row * length, (section * batch + row) * M];
      for (let i = 0; i < map.outputLengths[row]; i++, slot++) {
        const [start, end] = [map.offsets[slot], map.offsets[slot + 1]];
        if (rule === 'renumbered') write(to + i, i);
        else if (rule !== 'mean' || end - start === 1) {
          const token = rule === 'centre' && centres ? centres[slot] : map.members[start];
          left.data[to + i] = positions.data[from + token];
        } else {
          const weightOf = (token: number) => sizes?.data[row * length + token] ?? 1;
          write(to + i, meanPosition(map.members.subarray(start, end), positions, from, weightOf));
        }
      }
    }
  return left;
}

function meanPosition(
  members: Int32Array,
  positions: Tensor<'int32' | 'int64'>,
  from: number,
  weightOf: (token: number) => number,
): number {
  let sum = 0;
  let total = 0;
  let plain = 0;
  for (const token of members) {
    const position = Number(positions.data[from + token]);
    sum += weightOf(token) * position;
    total += weightOf(token);
    plain += position;
  }
  return roundHalfEven(total > 0 ? sum / total : plain / members.length);
}

function roundHalfEven(value: number): number {
  return value - Math.floor(value) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}

/** Writes a whole number into positions of either type. */
function placer({ type, data }: Tensor<'int32' | 'int64'>): (at: number, value: number) => void {
  if (type === 'int64')
    return (at, value) => {
      (data as BigInt64Array)[at] = BigInt(value);
    };
  return (at, value) => {
    (data as Int32Array)[at] = value;
  };
}
