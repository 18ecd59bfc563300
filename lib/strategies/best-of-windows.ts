// The local scan of VScan: each window of a picture keeps as many tokens as any other.
import { freeTokens } from '../grid.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Tensor } from '../tensor.js';
import { rankedFree } from './among-free.js';

/** What {@link bestOfWindows} shares out, and over what. */
export interface WindowShares {
  /** `[h,w]` of the picture. */
  readonly sides: readonly number[];
  /** Cells of a side of a window; there are smaller ones at the borders. */
  readonly window: number;
  /** Tokens to choose in all; every window chooses the same part of it, rounded down, or as many as it has. */
  readonly total: number;
}

/** For each row the free tokens that score best in their windows, best first. */
export function bestOfWindows(
  tokens: Tokens,
  scores: Tensor<'float32'>,
  { sides: [height, width], window, total }: WindowShares,
): number[][] {
  const across = Math.ceil(width / window);
  const windows = Math.ceil(height / window) * across;
  const share = Math.floor(total / windows);
  return tokens.rows.map((_, row) => {
    const cellOf = new Int32Array(tokens.length);
    freeTokens(tokens, row).forEach((token, cell) => {
      cellOf[token] = cell;
    });
    const taken = new Int32Array(windows);
    return Array.from(rankedFree(tokens, row, scores)).filter((token) => {
      const cell = cellOf[token];
      const at = Math.floor(cell / width / window) * across + Math.floor((cell % width) / window);
      return taken[at]++ < share;
    });
  });
}
