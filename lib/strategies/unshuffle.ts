import { readOptions } from '../options.js';
import { clusteredMap } from './maps.js';
import type { Strategy } from './strategy.js';
import { readWindows, type WindowOptions } from './windows.js';

/** Options of {@link unshuffle}. */
export type UnshuffleOptions = WindowOptions;

/**
 * Pixel unshuffle, of the transformations of arXiv 2505.18227 (appendix A): the tokens of each window lie side by
 * side as the channels of one, `[N,C]` to `[N / (wy * wx), wy * wx * C]`. Nothing is averaged, and nothing lost:
 * the projection behind it decides what of it stays, as in the patch mergers of vision-language models.
 *
 * Channels are in blocks of C, one a cell, the cells of a window line by line: `[x(0,0), x(0,1), x(1,0), x(1,1)]`
 * for a window of 2. (`torch.nn.PixelUnshuffle`, on images, has the cell change faster than the channel.) A cell
 * past the border of the grid is a block of zeros. Windows, masks, slots and the budget are as in `poolWindows`; a
 * protected token is the first block of a token of its own, with zeros behind. A window has at most 65536 cells.
 *
 * The map says which tokens are in each window, so that `restoreTokens(hidden, map)` gives every token the whole
 * of its window. To give each its own channels again, bit for bit, view hidden as `[B, M * wy * wx, C]` and
 * restore by `blocks` of the reduction.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; from the sieve,
 * RangeError `ERR_TOKENSIEVE_SHAPE` naming `options.grid` where a row has another number of free tokens
 */
export function unshuffle(options: UnshuffleOptions): Strategy {
  const windows = readWindows(readOptions(options), 'unshuffle', 2 ** 16);
  return (decision) => {
    const { cells, leaders, cellOf } = windows(decision);
    return { map: clusteredMap(decision.tokens, leaders), concatenate: { width: cells, blockOf: cellOf } };
  };
}
