// Windows over the free tokens of each row, in one dimension or two: what pooling and unshuffling share.
import { rangeError } from '../errors.js';
import { readPair } from '../grid.js';
import { readInteger } from '../options.js';
import type { Tokens } from '../sieve-inputs.js';
import { unbudgeted } from './amounts.js';
import type { Decision } from './strategy.js';

/** Options of a strategy that goes by windows. */
export interface WindowOptions {
  /**
   * Tokens of a window: `[wy,wx]` cells of the grid, or a number, which is `[n,n]` there, and n tokens in a
   * row where there is no grid.
   */
  readonly window: number | readonly [number, number];
  /** `[h,w]`: the free tokens of each row, line by line. Without it they are one line, of any length. */
  readonly grid?: readonly [number, number];
}

/** Where a row's free tokens stand. */
export interface Windows {
  /** Cells of a whole window. */
  readonly cells: number;
  /** `[B * N]`: for each token the lowest of its window, or itself where it is kept; -1 where dropped. */
  readonly leaders: Int32Array;
  /** `[B * N]`: its cell of the window, counted line by line; 0 for a kept token. */
  readonly cellOf: Int32Array;
}

/** Checks the windows among a strategy's options, of at most so many cells, and gives what they make of the tokens. */
export function readWindows(
  options: WindowOptions,
  reader: string,
  mostCells = Number.MAX_SAFE_INTEGER,
): (decision: Decision) => Windows {
  const { window, grid } = options;
  if (grid === undefined) {
    const cells = readInteger('options.window', window, 1);
    checkCells(window, cells, mostCells);
    return (decision) => windowsOf(unbudgeted(decision, reader), [1, cells], (free) => [1, free]);
  }
  const [height, width] = readPair('options.grid', grid);
  const sides =
    typeof window === 'number'
      ? [readInteger('options.window', window, 1)]
      : readPair('options.window', window);
  const [high, wide = high] = sides;
  checkCells(window, high * wide, mostCells);
  return (decision) =>
    windowsOf(unbudgeted(decision, reader), [high, wide], (free, row) => {
      if (free === 0) return [0, 0];
      if (free === height * width) return [height, width];
      const expected = `of ${free} cells, the free tokens of row ${row}`;
      throw rangeError('options.grid', expected, grid, 'ERR_TOKENSIEVE_SHAPE');
    });
}

function windowsOf(
  { batch, length, mask, rows }: Tokens,
  [high, wide]: readonly [number, number],
  gridOf: (free: number, row: number) => readonly [number, number],
): Windows {
  const leaders = new Int32Array(batch * length).fill(-1);
  const cellOf = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const [height, width] = gridOf(rows[row].tokens - rows[row].kept, row);
    const across = Math.ceil(width / wide);
    const first = new Int32Array(Math.ceil(height / high) * across).fill(-1);
    for (let i = 0, free = 0; i < length; i++) {
      const place = row * length + i;
      if (mask?.[place] === 2) continue;
      leaders[place] = i;
      if (mask?.[place] === 1) continue;
      const [y, x] = [Math.floor(free / width), free % width];
      const window = Math.floor(y / high) * across + Math.floor(x / wide);
      if (first[window] === -1) first[window] = i;
      leaders[place] = first[window];
      cellOf[place] = (y % high) * wide + (x % wide);
      free++;
    }
  }
  return { cells: high * wide, leaders, cellOf };
}

function checkCells(window: unknown, cells: number, most: number): void {
  if (cells > most) throw rangeError('options.window', `of at most ${most} cells`, window);
}
