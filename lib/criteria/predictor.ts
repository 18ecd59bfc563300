import { rangeError } from '../errors.js';
import { toFloat32 } from '../float-numbers.js';
import { type LinearLayer, readLinear } from '../linear-layer.js';
import { readOptions, readWord } from '../options.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { type FloatTensor, readList, type Tensor } from '../tensor.js';
import type { Criterion } from './criterion.js';

/** A linear layer and what follows it. */
export interface PredictorLayer extends LinearLayer {
  /** None by default. */
  readonly activation?: 'gelu' | 'geluTanh' | 'relu' | 'tanh';
}

/** Options of {@link predictor}. */
export interface PredictorOptions {
  /** One or more; the first reads C channels. */
  readonly layers: readonly PredictorLayer[];
  /** `'sigmoid'` of one output, the default, or `'softmax'` over two, of which the first is to keep. */
  readonly output?: 'sigmoid' | 'softmax';
}

const activations = ['gelu', 'geluTanh', 'relu', 'tanh'] as const;

/**
 * A learned predictor, equation (4) of arXiv 2505.18227: `S = M_phi(X)` in `[0,1]`, M a multilayer perceptron on the
 * hidden state of each token, of weights that were trained elsewhere. What lies between its layers has the type of
 * `hidden`.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_SHAPE` naming the layer
 */
export function predictor(options: PredictorOptions): Criterion {
  const { layers, output = 'sigmoid' } = readOptions(options);
  readWord('options.output', output, ['sigmoid', 'softmax']);
  const read = readLayers(layers, output === 'sigmoid' ? 1 : 2);
  return function* (tokens) {
    const { batch, length } = tokens;
    const outputs = yield* run(read, tokens);
    const scores = new Float32Array(batch * length);
    for (let i = 0; i < scores.length; i++) {
      const logit = output === 'sigmoid' ? outputs[i] : outputs[2 * i] - outputs[2 * i + 1];
      scores[i] = 1 / (1 + Math.exp(-logit));
    }
    return { type: 'float32', data: scores, dims: [batch, length] };
  };
}

interface ReadLayer {
  readonly weight: FloatTensor;
  readonly options: {
    readonly bias?: Tensor<'float32'>;
    readonly activation?: (typeof activations)[number];
  };
}

function readLayers(layers: unknown, outputs: number): ReadLayer[] {
  const list = readList('options.layers', 'an array of layers', layers, 2 ** 10);
  if (list.length === 0) throw rangeError('options.layers', 'at least one layer', layers);
  const read = list.map((layer, i) => readLayer(`options.layers[${i}]`, layer));
  read.forEach(({ weight }, i) => {
    const expected = read[i + 1]?.weight.dims[1] ?? outputs;
    if (weight.dims[0] !== expected)
      throw rangeError(
        `options.layers[${i}].weight.dims`,
        `[${expected},in], as what follows reads ${expected}`,
        weight.dims,
        'ERR_TOKENSIEVE_SHAPE',
      );
  });
  return read;
}

function readLayer(path: string, layer: unknown): ReadLayer {
  const { weight, bias } = readLinear(path, layer);
  const { activation } = layer as PredictorLayer;
  if (activation !== undefined) readWord(`${path}.activation`, activation, activations);
  return { weight, options: { ...(bias && { bias }), ...(activation && { activation }) } };
}

/** What the last layer gives, row after row. */
function* run(layers: readonly ReadLayer[], { batch, length, hidden }: Tokens): Steps<Float32Array> {
  const channels = hidden.dims[2];
  const reads = layers[0].weight.dims[1];
  if (reads !== channels)
    throw rangeError(
      'options.layers[0].weight.dims',
      `[out,${channels}], as inputs.hidden has channels`,
      layers[0].weight.dims,
      'ERR_TOKENSIEVE_SHAPE',
    );
  let x: FloatTensor = { ...hidden, dims: [batch * length, channels] };
  for (const { weight, options } of layers)
    x = yield* step.matmul(x, weight, { ...options, transposeB: true });
  return toFloat32(x);
}
