/**
 * Orders the indices of scores best first: higher value, then lower index; -0 equals +0, and NaN ranks below
 * everything. For `indices.sort(byScore(scores))`.
 */
export function byScore(scores: ArrayLike<number>): (i: number, j: number) => number {
  return (i, j) => compareScores(scores[i], scores[j]) || i - j;
}

/** Negative where `a` ranks higher, 0 where they tie. */
export function compareScores(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === b) return 0;
  return a > b ? -1 : 1;
}

/**
 * Tokens best first, as `sort(byScore(scores))` has them where they are listed in ascending order: a radix sort of the
 * scores' bits, which takes no call for each pair. Equal scores keep the order of the list.
 */
export function rankedByScore(tokens: Int32Array, scores: Float32Array): Int32Array {
  let from: Sorting = { tokens: tokens.slice(), keys: fallingKeys(tokens, scores) };
  let to: Sorting = { tokens: new Int32Array(tokens.length), keys: new Uint32Array(tokens.length) };
  for (let shift = 0; shift < 32; shift += 8) {
    sortByDigit(from, to, shift);
    [from, to] = [to, from];
  }
  return from.tokens;
}

/** Tokens, and by what they are sorted. */
interface Sorting {
  readonly tokens: Int32Array;
  readonly keys: Uint32Array;
}

/** Integers that rise as scores fall, the greatest for NaN. */
function fallingKeys(tokens: Int32Array, scores: Float32Array): Uint32Array {
  const values = new Float32Array(tokens.length);
  // -0 becomes 0.
  for (let at = 0; at < tokens.length; at++) values[at] = scores[tokens[at]] + 0;
  const keys = new Uint32Array(values.buffer);
  for (let at = 0; at < keys.length; at++) {
    const isNegative = keys[at] >= 0x80000000;
    if (Number.isNaN(values[at])) keys[at] = 0xffffffff;
    else if (!isNegative) keys[at] ^= 0x7fffffff;
  }
  return keys;
}

/** Sorts by eight bits of the keys, those of equal ones in the order they come. */
function sortByDigit(from: Sorting, to: Sorting, shift: number): void {
  const starts = new Int32Array(257);
  for (let at = 0; at < from.keys.length; at++) starts[((from.keys[at] >>> shift) & 255) + 1]++;
  for (let digit = 0; digit < 256; digit++) starts[digit + 1] += starts[digit];
  for (let at = 0; at < from.keys.length; at++) {
    const place = starts[(from.keys[at] >>> shift) & 255]++;
    to.keys[place] = from.keys[at];
    to.tokens[place] = from.tokens[at];
  }
}
