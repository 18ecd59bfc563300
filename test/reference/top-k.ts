// The k best of a row: a stable sort.

export interface TopKOptions {
  readonly largest?: boolean;
  readonly order?: 'index' | 'value';
  /** One entry a token: 0 free, 1 kept, 2 dropped. */
  readonly mask?: ArrayLike<number>;
  /** Starts of the segments, then the length of the row. */
  readonly offsets?: readonly number[];
}

/** Orders two scores best first; NaN is last in either direction and -0 equals +0. */
export function compareScores(a: number, b: number, largest = true): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (a === b) return 0;
  return a > b === largest ? -1 : 1;
}

/** The tokens of a row, best first: higher value, then lower index. Dropped ones are left out. */
export function ranking(
  row: ArrayLike<number>,
  { mask, largest = true }: TopKOptions = {},
  start = 0,
  end = row.length,
): number[] {
  const candidates: number[] = [];
  for (let i = start; i < end; i++) if (mask?.[i] !== 2) candidates.push(i);
  return candidates.sort((i, j) => compareScores(row[i], row[j], largest) || i - j);
}

/** Indices of the k best tokens of each segment of a row; kept tokens are always among them. */
export function topK(row: ArrayLike<number>, k: number, options: TopKOptions = {}): number[] {
  const { mask, order = 'index', offsets = [0, row.length] } = options;
  return offsets.slice(1).flatMap((end, segment) => {
    const ranked = ranking(row, options, offsets[segment], end);
    const kept = ranked.filter((i) => mask?.[i] === 1);
    const free = ranked.filter((i) => mask?.[i] !== 1);
    const chosen = new Set([...kept, ...free.slice(0, k - kept.length)]);
    const byValue = ranked.filter((i) => chosen.has(i));
    return order === 'value' ? byValue : byValue.sort((i, j) => i - j);
  });
}
