// What adaptive halting hands on from layer to layer.
import { rangeError, typeError } from './errors.js';
import { copyArray, type FloatTensor, readTensor, type Tensor } from './tensor.js';
import { isTokenMap, type TokenMap } from './token-map.js';

/** What tokens have come to by a layer, as `avit` leaves it for the next; to be handed on as it is. */
export interface Halting {
  /** From the N tokens before the first layer to those that are left. */
  readonly map: TokenMap;
  /** float32 `[B,M]`: the sum of halting scores of each token left; 1 for one that halted and stays as it is protected. */
  readonly cumulative: Tensor<'float32'>;
  /** `[B,N,C]` of the type of hidden: for each token the sum of its states so far, each times its halting weight. */
  readonly output: FloatTensor;
  /** float32 `[B,N]`: the layers that each token has been through, and behind its last one the remainder. */
  readonly ponder: Tensor<'float32'>;
}

/** Checks `inputs.halting` for hidden `[B,M,C]`. */
export function readHalting(value: unknown, hidden: FloatTensor): Halting | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null)
    throw typeError('inputs.halting', 'what avit left of the layer before', value);
  const { map, cumulative, output, ponder } = value as Halting;
  if (!isTokenMap(map)) throw typeError('inputs.halting.map', 'a TokenMap', map);
  const [batch, length, channels] = hidden.dims;
  const longest = map.outputLengths.reduce((most, tokens) => Math.max(most, tokens), 0);
  if (map.rowDims.length !== 1 || map.rowDims[0] !== batch || longest !== length)
    throw rangeError(
      'inputs.halting.map',
      `of ${batch} rows and ${length} tokens`,
      map,
      'ERR_TOKENSIEVE_SHAPE',
    );
  const before = map.inputLength;
  return {
    map,
    cumulative: readNumbers('inputs.halting.cumulative', cumulative, [batch, length]),
    output: withDims('inputs.halting.output', readTensor('inputs.halting.output', output, [hidden.type]), [
      batch,
      before,
      channels,
    ]),
    ponder: readNumbers('inputs.halting.ponder', ponder, [batch, before]),
  };
}

function readNumbers(path: string, value: unknown, dims: readonly number[]): Tensor<'float32'> {
  const read = withDims(path, readTensor(path, value, ['float32']), dims);
  return { ...read, data: copyArray(path, read.data) };
}

function withDims<T extends Tensor>(path: string, tensor: T, dims: readonly number[]): T {
  if (tensor.dims.length === dims.length && tensor.dims.every((dim, i) => dim === dims[i])) return tensor;
  throw rangeError(`${path}.dims`, `[${dims}]`, tensor.dims, 'ERR_TOKENSIEVE_SHAPE');
}
