// Windows worked out cell by cell, and masks for grids with tokens beside them.
import type { Random } from './random.js';

/** A mask of `batch` rows alike in length, each with exactly `free` free tokens among kept and dropped ones. */
export function gridMask(random: Random, batch: number, free: number): Uint8Array {
  const beside = random.integer(5);
  const rows = Array.from({ length: batch }, () => {
    const states = [
      ...new Array<number>(free).fill(0),
      ...Array.from({ length: beside }, () => 1 + random.integer(2)),
    ];
    return states
      .map((state) => ({ state, place: random.uniform() }))
      .sort((a, b) => a.place - b.place)
      .map(({ state }) => state);
  });
  return Uint8Array.from(rows.flat());
}

/** The cells of each window `[y][x]` of a grid, as tokens, in the order of their first; kept tokens alone. */
export function windowSlots(
  mask: Uint8Array,
  [h, w]: readonly [number, number],
  [wy, wx]: readonly [number, number],
): number[][] {
  const tokens = [...mask.keys()];
  const free = tokens.filter((i) => mask[i] === 0);
  const slots = tokens.filter((i) => mask[i] === 1).map((i) => [i]);
  for (let top = 0; top < h; top += wy)
    for (let left = 0; left < w; left += wx) {
      const cells: number[] = [];
      for (let y = top; y < Math.min(h, top + wy); y++)
        for (let x = left; x < Math.min(w, left + wx); x++) cells.push(free[y * w + x]);
      slots.push(cells);
    }
  return slots.sort((a, b) => a[0] - b[0]);
}
