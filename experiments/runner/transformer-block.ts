import { attentionSync, layerNormSync, matmulSync, type Tensor } from 'tokensieve';

export type Activation = 'relu' | 'tanh';

/** y = x W + b, W as [in, out]. */
export interface Linear {
  readonly weight: Tensor<'float32'>;
  readonly bias: Tensor<'float32'>;
}

/** `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last dimension. */
export interface LayerNorm {
  readonly weight: Tensor<'float32'>;
  readonly bias: Tensor<'float32'>;
  readonly epsilon: number;
}

/** The weights of one pre-norm transformer block. */
export interface Block {
  readonly heads: number;
  /** Factor on the query-key products. */
  readonly scale: number;
  readonly attentionNorm: LayerNorm;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  /** Brings the residual stream to the width of the output where the block widens it. */
  readonly residual?: Linear;
  readonly feedForwardNorm: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;
}

/** What stands between a block's attention and its feed-forward part: all that a token reduction may look at. */
export interface Attended {
  /** [B, N, C], the residual stream after the attention was added. */
  readonly hidden: Tensor<'float32'>;
  /** [B, N, H, D], as the attention saw them. */
  readonly q: Tensor<'float32'>;
  readonly k: Tensor<'float32'>;
  readonly v: Tensor<'float32'>;
  readonly scale: number;
}

/**
 * The attention half of a block.
 *
 * @param x [B, N, C]
 * @param sizes [B, M], how many tokens each stands for: log(size) is added to its logits, so that a merged
 *   token draws the attention that its members would have drawn ("proportional attention", ToMe)
 */
export function attend(block: Block, x: Tensor<'float32'>, sizes?: Tensor<'float32'>): Attended {
  const [batch, length] = x.dims;
  const { heads, scale } = block;
  const normed = layerNormSync(x, block.attentionNorm);
  const [q, k, v] = [block.query, block.key, block.value].map((projection) => {
    const { type, data } = linear(normed, projection);
    return { type, data, dims: [batch, length, heads, data.length / (batch * length * heads)] };
  });
  const bias = sizes && { ...sizes, data: sizes.data.map(Math.log) };
  const { output } = attentionSync(q, k, v, { scale, layout: 'bnhd', ...(bias && { bias }) });
  const joined: Tensor<'float32'> = {
    type: 'float32',
    data: output.data,
    dims: [batch, length, block.output.weight.dims[0]],
  };
  const mixed = linear(joined, block.output);
  addTo(mixed, block.residual ? linear(x, block.residual) : x);
  return { hidden: mixed, q, k, v, scale };
}

/** The feed-forward half of a block, on [B, N, C]. */
export function feedForward(block: Block, x: Tensor<'float32'>): Tensor<'float32'> {
  const y = linear(linear(layerNormSync(x, block.feedForwardNorm), block.expand, 'relu'), block.contract);
  addTo(y, x);
  return y;
}

/** A linear layer on the last dimension; all rows are one matrix product. */
export function linear(
  x: Tensor<'float32'>,
  { weight, bias }: Linear,
  activation?: Activation,
): Tensor<'float32'> {
  const [from, to] = weight.dims;
  const rows = x.data.length / from;
  const flat: Tensor<'float32'> = { type: 'float32', data: x.data, dims: [rows, from] };
  const y = matmulSync(flat, weight, { bias: bias.data, ...(activation && { activation }) });
  return { type: 'float32', data: y.data, dims: [...x.dims.slice(0, -1), to] };
}

function addTo({ data: sum }: Tensor<'float32'>, { data }: Tensor<'float32'>): void {
  for (let i = 0; i < sum.length; i++) sum[i] += data[i];
}
