// Weights of small learned parts, checked: linear layers and the normalization before them.
import { rangeError, typeError } from './errors.js';
import { onHost } from './operand.js';
import { readArray } from './ops/call.js';
import { type FloatTensor, type FloatType, readList, readTensor, type Tensor } from './tensor.js';

/** A linear layer. */
export interface LinearLayer {
  /** `[out,in]`, as of torch.nn.Linear. */
  readonly weight: FloatTensor;
  /** `[out]`; none by default. */
  readonly bias?: Tensor<'float32'> | Float32Array;
}

/** The weights of DynamicViT's predictor, whose dims are named as `C`, `D`, `H`: `inputs.predictor`. */
export interface PredictorWeights {
  /** Layer normalization over the C channels of hidden: float32 `[C]` each; epsilon is 1e-5 by default. */
  readonly norm: {
    readonly weight: Tensor<'float32'> | Float32Array;
    readonly bias: Tensor<'float32'> | Float32Array;
    readonly epsilon?: number;
  };
  /** `[D,C]`, D even: half of what it gives is of the token, half is averaged over all. */
  readonly input: LinearLayer;
  /** Three in the paper, `[D/2,D]`, `[D/4,D/2]` and `[2,D/4]`; each reads what the one before gives, the last gives 2. */
  readonly output: readonly LinearLayer[];
}

/** A linear layer as ops take it. */
export interface ReadLinear {
  readonly weight: FloatTensor;
  readonly bias: Tensor<'float32'> | undefined;
}

/** {@link PredictorWeights}, checked. */
export interface ReadPredictor {
  readonly norm: {
    readonly weight: Tensor<'float32'>;
    readonly bias: Tensor<'float32'>;
    readonly epsilon: number;
  };
  readonly input: ReadLinear;
  readonly output: readonly ReadLinear[];
}

const floatTypes: readonly FloatType[] = ['float32', 'float16', 'bfloat16'];

/** Checks a linear layer; `inputs` is how many numbers it is to read, any by default. */
export function readLinear(path: string, layer: unknown, inputs?: number): ReadLinear {
  if (typeof layer !== 'object' || layer === null) throw typeError(path, 'an object { weight, bias }', layer);
  const { weight: given, bias } = layer as LinearLayer;
  const weight = readTensor(`${path}.weight`, given, floatTypes);
  if (weight.dims.length !== 2 || weight.dims[1] !== (inputs ?? weight.dims[1]))
    throw rangeError(`${path}.weight.dims`, `[out,${inputs ?? 'in'}]`, weight.dims, 'ERR_TOKENSIEVE_SHAPE');
  return { weight, bias: bias === undefined ? undefined : readVector(`${path}.bias`, bias, weight.dims[0]) };
}

/** Checks the weights of a predictor that reads so many channels. */
export function readPredictor(path: string, value: unknown, channels: number): ReadPredictor {
  if (typeof value !== 'object' || value === null)
    throw typeError(path, 'an object { norm, input, output }', value);
  const { norm, input: given, output } = value as PredictorWeights;
  if (typeof norm !== 'object' || norm === null)
    throw typeError(`${path}.norm`, 'an object { weight, bias }', norm);
  const { epsilon = 1e-5 } = norm;
  if (typeof epsilon !== 'number') throw typeError(`${path}.norm.epsilon`, 'a number', epsilon);
  const input = readLinear(`${path}.input`, given, channels);
  const [width] = input.weight.dims;
  if (width % 2 !== 0)
    throw rangeError(
      `${path}.input.weight.dims`,
      `[D,${channels}], D even`,
      input.weight.dims,
      'ERR_TOKENSIEVE_SHAPE',
    );
  let inputs = width;
  const layers = readList(`${path}.output`, 'an array of layers', output, 2 ** 10).map((layer, i) => {
    const read = readLinear(`${path}.output[${i}]`, layer, inputs);
    [inputs] = read.weight.dims;
    return read;
  });
  if (layers.length === 0 || inputs !== 2)
    throw rangeError(`${path}.output`, 'layers of which the last gives 2', output, 'ERR_TOKENSIEVE_SHAPE');
  return {
    norm: {
      weight: readVector(`${path}.norm.weight`, norm.weight, channels),
      bias: readVector(`${path}.norm.bias`, norm.bias, channels),
      epsilon,
    },
    input,
    output: layers,
  };
}

function readVector(path: string, value: unknown, length: number): Tensor<'float32'> {
  const read = readArray(path, value, ['float32']);
  if (read === undefined) throw typeError(path, 'a float32 tensor', value);
  const vector = onHost(path, read);
  if (vector.dims.length === 1 && vector.dims[0] === length) return vector;
  throw rangeError(`${path}.dims`, `[${length}]`, vector.dims, 'ERR_TOKENSIEVE_SHAPE');
}
