// A TokenMap on its way to the C interface.
import type { DeviceTensor } from '../device-tensor.js';
import { rangeError, typeError } from '../errors.js';
import { type Operand, operandOf, sharedTensor } from '../operand.js';
import { type DataType, elementCount, reshape, type Tensor } from '../tensor.js';
import { deviceFieldsOf, isTokenMap, type TokenMap } from '../token-map.js';
import { readArray } from './call.js';

/** A map as an operation reads it: on the tokens' device if it was made there, else on the host. */
export interface PlacedMap {
  /** The map's arrays in the order of the adapters: output lengths, offsets, members, weights, assignment. */
  readonly inputs: readonly (Operand | undefined)[];
  readonly rows: number;
  readonly inputLength: number;
  /** Slots of the longest row, or no fewer where the host does not know them; and of all rows. */
  readonly longest: number;
  readonly slots: number;
  /** The slots of each row, and where each begins, for the caller; the latter undefined where the device knows them. */
  readonly lengths: () => Int32Array | DeviceTensor<'int32'>;
  readonly rowOffsets: Int32Array | undefined;
}

/** Checks that a map is one; its fields were checked when it was made. */
export function readMap(value: unknown): TokenMap {
  if (isTokenMap(value)) return value;
  throw typeError('map', 'a TokenMap', value);
}

/** The map for tokens whose data is given. */
export function placeMap(map: TokenMap, tokens: Operand['data']): PlacedMap {
  const { inputLength } = map;
  const rows = elementCount(map.rowDims);
  const onDevice = ArrayBuffer.isView(tokens) ? undefined : deviceFieldsOf(map);
  if (onDevice !== undefined) {
    const { outputLengths, offsets, members, assignment, longest } = onDevice;
    const lengths = operandOf(outputLengths);
    return {
      inputs: [lengths, operandOf(offsets), operandOf(members), undefined, operandOf(assignment)],
      rows,
      inputLength,
      longest,
      slots: rows * longest,
      lengths: () => sharedTensor(lengths),
      rowOffsets: undefined,
    };
  }
  const { outputLengths, offsets, members, weights, assignment } = map;
  return {
    inputs: [
      vector('int32', outputLengths),
      vector('int32', offsets),
      vector('int32', members),
      weights && vector('float32', weights),
      vector('int32', assignment),
    ],
    rows: outputLengths.length,
    inputLength,
    longest: outputLengths.reduce((most, length) => Math.max(most, length), 0),
    slots: offsets.length - 1,
    lengths: () => outputLengths.slice(),
    rowOffsets: beginnings(outputLengths),
  };
}

/** Where each row begins, and where the last ends. */
function beginnings(lengths: Int32Array): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, row) => {
    offsets[row + 1] = offsets[row] + length;
  });
  return offsets;
}

/** The leading dims of tokens must be the rows of the map, apart from leading 1s. */
export function checkLeadingDims(path: string, leading: readonly number[], map: TokenMap): void {
  const given = withoutOnes(leading);
  const rows = withoutOnes(map.rowDims);
  if (given.length !== rows.length || given.some((dim, i) => dim !== rows[i])) {
    const expected = `[${leading.join(', ')}], the leading dims of ${path}`;
    throw rangeError('map.rowDims', expected, map.rowDims, 'ERR_TOKENSIEVE_SHAPE');
  }
}

function withoutOnes(dims: readonly number[]): readonly number[] {
  const first = dims.findIndex((dim) => dim !== 1);
  return first === -1 ? [] : dims.slice(first);
}

/** `options.weights`, one a token, as rows of which the C interface says whether they fit. */
export function readWeights(value: unknown, length: number): Operand<'float32'> | undefined {
  const weights = readArray('options.weights', value, ['float32']);
  if (weights === undefined) return undefined;
  const { dims } = weights;
  const count = elementCount(dims);
  const bare = ArrayBuffer.isView(value) && length > 0 && count % length === 0;
  const last = bare ? length : (dims.at(-1) ?? 0);
  return reshape(weights, [bare ? count / length : elementCount(dims.slice(0, -1)), last]);
}

function vector<T extends DataType>(type: T, data: Tensor<T>['data']): Tensor<T> {
  return { type, data, dims: [data.length] };
}
