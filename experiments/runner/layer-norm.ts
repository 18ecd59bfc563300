import type { Tensor } from 'tokensieve';

export interface LayerNorm {
  readonly scale: Tensor<'float32'>;
  readonly bias: Tensor<'float32'>;
  readonly epsilon: number;
}

/** `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the last dimension, sums in double precision. */
export function layerNorm(x: Tensor<'float32'>, { scale, bias, epsilon }: LayerNorm): Tensor<'float32'> {
  const channels = scale.data.length;
  const [input, factors, offsets] = [x.data, scale.data, bias.data];
  const data = new Float32Array(input.length);
  for (let row = 0; row < data.length; row += channels) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += input[row + c];
    const mean = sum / channels;
    let squares = 0;
    for (let c = 0; c < channels; c++) squares += (input[row + c] - mean) ** 2;
    const inverse = 1 / Math.sqrt(squares / channels + epsilon);
    for (let c = 0; c < channels; c++)
      data[row + c] = (input[row + c] - mean) * inverse * factors[c] + offsets[c];
  }
  return { type: 'float32', data, dims: x.dims };
}
