// Mean and variance of each channel over the tokens of one row.
import type { Values } from '../support/tensors.js';

export interface ChannelMomentsReference {
  /** By token: 2 leaves it out. */
  readonly mask?: ArrayLike<number>;
  readonly ddof?: 0 | 1;
}

/** x `[N,C]`. */
export function channelMoments(
  { data, dims: [length, channels] }: Values,
  { mask, ddof = 0 }: ChannelMomentsReference = {},
): { mean: Float64Array; variance: Float64Array } {
  const tokens = Array.from({ length }, (_, i) => i).filter((i) => mask?.[i] !== 2);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const column = tokens.map((i) => data[i * channels + c]);
    if (column.length > 0) mean[c] = column.reduce((sum, x) => sum + x, 0) / column.length;
    if (column.length > ddof)
      variance[c] = column.reduce((sum, x) => sum + (x - mean[c]) ** 2, 0) / (column.length - ddof);
  }
  return { mean, variance };
}
