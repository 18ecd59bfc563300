// Where the free tokens of each row lie, for what goes by rows, windows or frames of a picture.
import { rangeError, typeError } from './errors.js';
import { readInteger } from './options.js';
import type { Tokens } from './sieve-inputs.js';
import { readList } from './tensor.js';

/** The `grid` among a method's options: `[h,w]`, or `[t,h,w]` for video; undefined where the inputs bring it. */
export function readGridOption(value: unknown): readonly number[] | undefined {
  return value === undefined ? undefined : readSides('options.grid', value);
}

/**
 * The sides of the grid: the inputs', else the option's. Each row has either no free token or one for each cell.
 *
 * @param rank 2 for `[h,w]`, 3 for `[t,h,w]`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE` naming `inputs.grid` or `options.grid`
 */
export function gridOf(
  tokens: Tokens,
  option: readonly number[] | undefined,
  rank: 2 | 3,
  reader: string,
): readonly number[] {
  const sides = tokens.grid ?? option;
  const path = tokens.grid === undefined && option !== undefined ? 'options.grid' : 'inputs.grid';
  const form = rank === 2 ? '[h,w]' : '[t,h,w]';
  if (sides === undefined) throw typeError(path, `${form}, which ${reader} reads`, sides);
  if (sides.length !== rank) throw rangeError(path, `${form}, for ${reader}`, sides, 'ERR_TOKENSIEVE_SHAPE');
  const cells = sides.reduce((product, side) => product * side, 1);
  tokens.rows.forEach(({ tokens: all, kept }, row) => {
    const free = all - kept;
    if (free === 0 || free === cells) return;
    throw rangeError(path, `of ${free} cells, the free tokens of row ${row}`, sides, 'ERR_TOKENSIEVE_SHAPE');
  });
  return sides;
}

/** The free tokens of a row, ascending: the cells of its grid. */
export function freeTokens({ length, mask }: Pick<Tokens, 'length' | 'mask'>, row: number): Int32Array {
  const free = new Int32Array(length);
  let count = 0;
  for (let i = 0; i < length; i++) if (mask === undefined || mask[row * length + i] === 0) free[count++] = i;
  return free.subarray(0, count);
}

/** Checks the sides of a grid. */
export function readSides(path: string, value: unknown): readonly number[] {
  const sides = readList(path, 'an array [h,w] or [t,h,w]', value, 3);
  if (sides.length < 2) throw rangeError(path, '[h,w] or [t,h,w]', value, 'ERR_TOKENSIEVE_SHAPE');
  return sides.map((side, i) => readInteger(`${path}[${i}]`, side, 1));
}

/** Two sides. */
export function readPair(path: string, value: unknown): readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2) throw typeError(path, 'two integers', value);
  return [readInteger(`${path}[0]`, value[0], 1), readInteger(`${path}[1]`, value[1], 1)];
}
