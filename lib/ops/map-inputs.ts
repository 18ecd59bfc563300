// A TokenMap on its way to the C interface.
import { rangeError, typeError } from '../errors.js';
import type { DataType, Tensor } from '../tensor.js';
import { isTokenMap, type TokenMap } from '../token-map.js';

/** Checks that a map is one; its fields were checked when it was made. */
export function readMap(value: unknown): TokenMap {
  if (isTokenMap(value)) return value;
  throw typeError('map', 'a TokenMap', value);
}

/** The map's arrays in the order of the adapters: output lengths, offsets, members, weights, assignment. */
export function mapInputs(map: TokenMap): (Tensor | undefined)[] {
  const { outputLengths, offsets, members, weights, assignment } = map;
  return [
    vector('int32', outputLengths),
    vector('int32', offsets),
    vector('int32', members),
    weights && vector('float32', weights),
    vector('int32', assignment),
  ];
}

/** Slots of the longest row. */
export function longestRow(map: TokenMap): number {
  return map.outputLengths.reduce((most, length) => Math.max(most, length), 0);
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

function vector<T extends DataType>(type: T, data: Tensor<T>['data']): Tensor<T> {
  return { type, data, dims: [data.length] };
}
