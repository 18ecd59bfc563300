// Which tokens a bipartite match merges into.
import { freeTokens } from '../grid.js';
import type { BipartitePartition } from '../ops/bipartite-match.js';
import type { Tokens } from '../sieve-inputs.js';
import { splitMix64 } from '../split-mix64.js';

type Shape = Pick<Tokens, 'batch' | 'length' | 'mask'>;

/**
 * `[B * N]`: 1 for a destination, as `bipartiteMatch` has them; undefined for those that it draws for each row.
 *
 * A grid of as many cells as there are tokens is of all of them; any other of the free ones of each row.
 */
export function destinationsOf(partition: BipartitePartition, tokens: Shape): Uint8Array | undefined {
  const { batch, length } = tokens;
  const all = new Uint8Array(batch * length);
  if (partition === 'alternate') return all.map((_, place) => (place % length) % 2);
  if ('random' in partition) return undefined;
  if ('every' in partition) {
    for (let row = 0; row < batch; row++) markEvery(partition.every, all, row * length, endOf(tokens, row));
    return all;
  }
  const cells = destinationCells(partition);
  for (let row = 0; row < batch; row++) {
    const places = cells.length === length ? undefined : freeTokens(tokens, row);
    cells.forEach((isDestination, cell) => {
      const token = places === undefined ? cell : places[cell];
      if (token !== undefined) all[row * length + token] = isDestination;
    });
  }
  return all;
}

/** The free tokens of each row at its even places, 0, or its odd ones, 1. */
export function freeAt({ batch, length, mask }: Shape, parity: 0 | 1): number[][] {
  return Array.from({ length: batch }, (_, row) => {
    const free: number[] = [];
    for (let i = parity; i < length; i += 2) if ((mask?.[row * length + i] ?? 0) === 0) free.push(i);
    return free;
  });
}

/** Behind the last token of a row that is not dropped. */
export function endOf({ length, mask }: Shape, row: number): number {
  if (mask === undefined) return length;
  return mask.subarray(row * length, (row + 1) * length).findLastIndex((state) => state !== 2) + 1;
}

/** The last of each k tokens, and what is left at the end. */
function markEvery(k: number, all: Uint8Array, start: number, length: number): void {
  const whole = length - (length % k);
  for (let i = 0; i < length; i++) all[start + i] = Number(i >= whole || i % k === k - 1);
}

/** `[h * w]`: one in each whole block. */
function destinationCells({
  grid: [height, width],
  stride: [high, wide],
  seed,
}: Extract<BipartitePartition, { grid: unknown }>): Uint8Array {
  const cells = new Uint8Array(height * width);
  const below = seed === undefined ? () => 0 : splitMix64(seed);
  for (let y = 0; y + high <= height; y += high)
    for (let x = 0; x + wide <= width; x += wide) {
      const cell = below(high * wide);
      cells[(y + Math.floor(cell / wide)) * width + x + (cell % wide)] = 1;
    }
  return cells;
}
