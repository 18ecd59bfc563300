// Scores pooled over their neighbours along a row.

/** A window of an odd number of scores. */
export interface Pooling {
  readonly kernel: number;
  readonly mode: 'avg' | 'max';
}

/** Stride 1; 'avg' counts the zeros it pads with, 'max' pads with -Infinity. Dropped tokens are padding and get 0. */
export function poolScores(
  row: ArrayLike<number>,
  { kernel, mode }: Pooling,
  mask?: ArrayLike<number>,
): Float64Array {
  const reach = (kernel - 1) / 2;
  const present = Array.from(row, (score, i) => (mask?.[i] === 2 ? (mode === 'max' ? -Infinity : 0) : score));
  return Float64Array.from(present, (_, i) => {
    if (mask?.[i] === 2) return 0;
    const inside = present.slice(Math.max(0, i - reach), i + reach + 1);
    return mode === 'max' ? Math.max(...inside) : inside.reduce((a, x) => a + x, 0) / kernel;
  });
}
