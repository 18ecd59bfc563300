import type { Tensor } from 'tokensieve';

export interface LayerNorm {
  readonly scale: Tensor<'float32'>;
  readonly bias: Tensor<'float32'>;
  readonly epsilon: number;
}

/** `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the last dimension, sums in double precision. */
export function layerNorm(x: Tensor<'float32'>, { scale, bias, epsilon }: LayerNorm): Tensor<'float32'> {
  const channels = scale.data.length;
  const data = new Float32Array(x.data.length);
  for (let row = 0; row < data.length; row += channels) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += x.data[row + c];
    const mean = sum / channels;
    let squares = 0;
    for (let c = 0; c < channels; c++) {
      const centred = x.data[row + c] - mean;
      squares += centred * centred;
    }
    const factor = 1 / Math.sqrt(squares / channels + epsilon);
    for (let c = 0; c < channels; c++)
      data[row + c] = (x.data[row + c] - mean) * factor * scale.data[c] + bias.data[c];
  }
  return { type: 'float32', data, dims: x.dims };
}
