// Layer normalization over the last dimension.
import type { Values } from '../support/tensors.js';

export interface LayerNormReference {
  readonly weight?: ArrayLike<number>;
  readonly bias?: ArrayLike<number>;
  readonly epsilon?: number;
}

/** x `[...,C]`; a row without variance becomes the bias. */
export function layerNorm(
  { data, dims }: Values,
  { weight, bias, epsilon = 1e-5 }: LayerNormReference = {},
): Float64Array {
  const channels = dims[dims.length - 1];
  const normed = new Float64Array(data.length);
  for (let row = 0; row < data.length; row += channels) {
    const token = data.subarray(row, row + channels);
    const mean = token.reduce((sum, x) => sum + x, 0) / channels;
    const variance = token.reduce((sum, x) => sum + (x - mean) ** 2, 0) / channels;
    const deviation = Math.sqrt(variance + epsilon);
    for (let c = 0; c < channels; c++) {
      const unit = deviation === 0 ? 0 : (token[c] - mean) / deviation;
      normed[row + c] = unit * (weight?.[c] ?? 1) + (bias?.[c] ?? 0);
    }
  }
  return normed;
}
