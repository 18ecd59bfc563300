// Reading what a TokenMap is made from: own copies first, then every relation that a map promises.
import { types } from 'node:util';
import { rangeError, typeError } from './errors.js';
import { isRagged, type Ragged, readRagged } from './ragged.js';
import { copyArray, elementCount, readList, readTensor, type Tensor } from './tensor.js';
import type { AssignmentOptions, TokenMapFields } from './token-map.js';

const maxInt32 = 0x7fffffff;

/** The fields of a map with nothing left open. */
export interface MapFields {
  readonly rowDims: readonly number[];
  readonly inputLength: number;
  readonly outputLengths: Int32Array;
  readonly offsets: Int32Array;
  readonly members: Int32Array;
  readonly weights: Float32Array | undefined;
  readonly assignment: Int32Array;
  readonly isPartition: boolean;
}

/** Copies and checks the fields given to `TokenMap.from`, and works out those left open. */
export function readMapFields(fields: TokenMapFields): MapFields {
  if (typeof fields !== 'object' || fields === null) throw typeError('fields', 'an object', fields);
  const rowDims = readRowDims('fields.rowDims', fields.rowDims);
  const inputLength = readInteger('fields.inputLength', fields.inputLength);
  const outputLengths = readOutputLengths('fields.outputLengths', fields.outputLengths, rowDims);
  const members = copyInt32('fields.members', fields.members);
  const offsets = copyInt32('fields.offsets', fields.offsets);
  const weights = readWeights('fields.weights', fields.weights, members.length);
  const slots = { inputLength, outputLengths, offsets, members };
  checkTokens('fields.inputLength', inputLength, outputLengths.length);
  checkSlots('fields', slots);
  return {
    rowDims,
    ...slots,
    weights: withoutOnes(weights),
    ...readOwnership(slots, fields.assignment, fields.isPartition),
  };
}

/** The kept tokens of `TokenMap.fromKept` as rows of single-member slots. */
export function readKept(
  indices: Tensor<'int32' | 'int64'> | Ragged | Int32Array | BigInt64Array,
  inputLength: number,
): Pick<MapFields, 'rowDims' | 'inputLength' | 'outputLengths' | 'members' | 'assignment'> {
  const N = readInteger('inputLength', inputLength);
  const { rowDims, outputLengths, members, path } = readIndices(indices, N);
  checkTokens('inputLength', N, outputLengths.length);
  const assignment = new Int32Array(outputLengths.length * N).fill(-1);
  for (let row = 0, at = 0; row < outputLengths.length; row++) {
    for (let slot = 0; slot < outputLengths[row]; slot++, at++) {
      const token = members[at];
      if (token < 0 || token >= N) throw rangeError(`${path}[${at}]`, `an integer from 0 to ${N - 1}`, token);
      if (assignment[row * N + token] !== -1)
        throw rangeError(`${path}[${at}]`, 'a token not chosen before', token);
      assignment[row * N + token] = slot;
    }
  }
  return { rowDims, inputLength: N, outputLengths, members, assignment };
}

function readIndices(
  indices: Tensor<'int32' | 'int64'> | Ragged | Int32Array | BigInt64Array,
  inputLength: number,
): { rowDims: number[]; outputLengths: Int32Array; members: Int32Array; path: string } {
  if (isRagged(indices)) {
    const { indices: kept, offsets } = readRagged('indices', indices, inputLength);
    const outputLengths = offsets.slice(1).map((end, row) => end - offsets[row]);
    const rowDims = [outputLengths.length];
    return { rowDims, outputLengths, members: kept.data, path: 'indices.indices.data' };
  }
  if (types.isInt32Array(indices) || types.isBigInt64Array(indices)) {
    const outputLengths = Int32Array.of(indices.length);
    return { rowDims: [1], outputLengths, members: toInt32(indices), path: 'indices' };
  }
  const { data, dims } = readTensor('indices', indices, ['int32', 'int64']);
  if (dims.length < 1 || dims.length > 3)
    throw rangeError('indices.dims', '[K], [B,K] or [B,Hkv,K]', dims, 'ERR_TOKENSIEVE_SHAPE');
  const rowDims = dims.length === 1 ? [1] : readRowDims('indices.dims', dims.slice(0, -1));
  const outputLengths = new Int32Array(elementCount(rowDims)).fill(dims[dims.length - 1]);
  return { rowDims, outputLengths, members: toInt32(data), path: 'indices.data' };
}

/** An index outside int32 becomes -1, which no range holds. */
function toInt32(indices: Int32Array | BigInt64Array): Int32Array {
  const copy = copyArray('indices', indices);
  if (types.isInt32Array(copy)) return copy;
  return Int32Array.from(copy, (index) => (index >= 0n && index <= maxInt32 ? Number(index) : -1));
}

/** What `TokenMap.fromAssignment` works from. */
export interface AssignmentFields {
  readonly rowDims: readonly number[];
  readonly inputLength: number;
  readonly outputLengths: Int32Array;
  readonly assignment: Int32Array;
  readonly tokenWeights: Float32Array | undefined;
}

/** Copies and checks the arguments of `TokenMap.fromAssignment`, each owner included. */
export function readAssignment(
  source: Int32Array | Tensor<'int32'>,
  options: AssignmentOptions,
): AssignmentFields {
  if (typeof options !== 'object' || options === null) throw typeError('options', 'an object', options);
  const bare = types.isInt32Array(source);
  const given = bare
    ? { data: source, dims: [1, source.length] }
    : readTensor('assignment', source, ['int32']);
  if (given.dims.length < 1 || given.dims.length > 3)
    throw rangeError('assignment.dims', '[N], [B,N] or [B,Hkv,N]', given.dims, 'ERR_TOKENSIEVE_SHAPE');
  const leading = given.dims.length === 1 ? [1] : given.dims.slice(0, -1);
  const rowDims = options.rowDims === undefined ? leading : readRowDims('options.rowDims', options.rowDims);
  const assignment = copyArray('assignment', given.data);
  const rows = elementCount(rowDims);
  const inputLength = rows === 0 ? 0 : assignment.length / rows;
  if (!Number.isInteger(inputLength) || rows * inputLength !== assignment.length) {
    const expected = `dims whose ${rows} rows divide the assignment's ${assignment.length} elements`;
    throw rangeError('options.rowDims', expected, rowDims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const outputLengths =
    options.outputLengths === undefined
      ? slotsNamed(assignment, rows)
      : readOutputLengths('options.outputLengths', options.outputLengths, rowDims);
  const longest = outputLengths.findIndex((length) => length > inputLength);
  if (longest !== -1) {
    const expected = `at most ${inputLength}, one slot a token`;
    throw rangeError(`options.outputLengths[${longest}]`, expected, outputLengths[longest]);
  }
  const tokenWeights = readWeights('options.weights', options.weights, assignment.length);
  for (let row = 0, i = 0; row < rows; row++)
    for (const end = i + inputLength, last = outputLengths[row] - 1; i < end; i++)
      if (assignment[i] < -1 || assignment[i] > last)
        throw rangeError(`assignment[${i}]`, `an integer from -1 to ${last}`, assignment[i]);
  return { rowDims, inputLength, outputLengths, assignment, tokenWeights };
}

/** One more than the greatest slot that each row names. */
function slotsNamed(assignment: Int32Array, rows: number): Int32Array {
  const inputLength = assignment.length / rows;
  const outputLengths = new Int32Array(rows);
  for (let i = 0; i < assignment.length; i++) {
    if (assignment[i] >= inputLength)
      throw rangeError(`assignment[${i}]`, `an integer from -1 to ${inputLength - 1}`, assignment[i]);
    const row = Math.floor(i / inputLength);
    outputLengths[row] = Math.max(outputLengths[row], assignment[i] + 1);
  }
  return outputLengths;
}

/** All ones are written as no weights, so that equal maps have equal fields. */
export function withoutOnes(weights: Float32Array | undefined): Float32Array | undefined {
  return weights?.every((weight) => weight === 1) ? undefined : weights;
}

function readRowDims(path: string, dims: unknown): number[] {
  const list = readList(path, 'an array of integers', dims, 2);
  const rowDims = list.map((dim, i) => readInteger(`${path}[${i}]`, dim));
  if (rowDims.length < 1) throw rangeError(path, '[B] or [B,Hkv]', rowDims, 'ERR_TOKENSIEVE_SHAPE');
  if (elementCount(rowDims) > maxInt32)
    throw rangeError(path, `dims of at most ${maxInt32} rows`, rowDims, 'ERR_TOKENSIEVE_SHAPE');
  return rowDims;
}

function readOutputLengths(path: string, value: unknown, rowDims: readonly number[]): Int32Array {
  const lengths = copyInt32(path, value);
  const rows = elementCount(rowDims);
  if (lengths.length !== rows)
    throw rangeError(path, `of ${rows} elements, one a row`, value, 'ERR_TOKENSIEVE_SHAPE');
  const negative = lengths.findIndex((length) => length < 0);
  if (negative !== -1) throw rangeError(`${path}[${negative}]`, 'an integer from 0', lengths[negative]);
  return lengths;
}

function readWeights(path: string, value: unknown, length: number): Float32Array | undefined {
  if (value === undefined) return undefined;
  if (!types.isFloat32Array(value)) throw typeError(path, 'a Float32Array', value);
  const weights = copyArray(path, value);
  if (weights.length !== length)
    throw rangeError(path, `of ${length} elements`, value, 'ERR_TOKENSIEVE_SHAPE');
  const bad = weights.findIndex((weight) => !Number.isFinite(weight));
  if (bad !== -1) throw rangeError(`${path}[${bad}]`, 'a finite number', weights[bad]);
  return weights;
}

// Owners alone take 1 GB then: a slip of N should end in an error, not in all the memory there is.
const mostTokens = 2 ** 28;

/** Tokens are numbered, and owned, over all rows. */
function checkTokens(path: string, inputLength: number, rows: number): void {
  if (inputLength * rows > mostTokens) {
    const expected = `at most ${Math.floor(mostTokens / rows)} for ${rows} rows`;
    throw rangeError(path, expected, inputLength, 'ERR_TOKENSIEVE_SHAPE');
  }
}

type Slots = Pick<MapFields, 'inputLength' | 'outputLengths' | 'offsets' | 'members'>;

/** Checks what every map promises of its slots, in time linear in its members. */
export function checkSlots(path: string, { inputLength: N, outputLengths, offsets, members }: Slots): void {
  const negative = outputLengths.findIndex((length) => length < 0);
  if (negative !== -1)
    throw rangeError(`${path}.outputLengths[${negative}]`, 'an integer from 0', outputLengths[negative]);
  const slots = outputLengths.reduce((sum, length) => sum + length, 0);
  if (offsets.length !== slots + 1)
    throw rangeError(`${path}.offsets`, `of ${slots + 1} elements`, offsets, 'ERR_TOKENSIEVE_SHAPE');
  if (offsets[0] !== 0) throw rangeError(`${path}.offsets[0]`, '0', offsets[0]);
  if (offsets[slots] !== members.length) {
    const expected = `${members.length}, the number of members`;
    throw rangeError(`${path}.offsets[${slots}]`, expected, offsets[slots], 'ERR_TOKENSIEVE_SHAPE');
  }
  for (let slot = 0; slot < slots; slot++) {
    const end = offsets[slot + 1];
    if (end <= offsets[slot] || end > members.length) {
      const expected = `from ${offsets[slot] + 1}, so that the slot has a member, to ${members.length}`;
      throw rangeError(`${path}.offsets[${slot + 1}]`, expected, end);
    }
    for (let m = offsets[slot], least = 0; m < end; m++) {
      if (members[m] < least || members[m] >= N)
        throw rangeError(`${path}.members[${m}]`, `an integer from ${least} to ${N - 1}`, members[m]);
      least = members[m] + 1;
    }
  }
}

/** Each token's owner: as given, where that slot holds it; else the first slot that does. */
function readOwnership(
  { inputLength: N, outputLengths, offsets, members }: Slots,
  given: unknown,
  claim: unknown,
): Pick<MapFields, 'assignment' | 'isPartition'> {
  const length = outputLengths.length * N;
  const owners = given === undefined ? undefined : copyInt32('fields.assignment', given);
  if (owners && owners.length !== length)
    throw rangeError('fields.assignment', `of ${length} elements`, given, 'ERR_TOKENSIEVE_SHAPE');

  const first = new Int32Array(length).fill(-1);
  const held = new Uint8Array(length);
  let isPartition = true;
  for (let row = 0, slot = 0; row < outputLengths.length; row++) {
    for (let s = 0; s < outputLengths[row]; s++, slot++) {
      for (let m = offsets[slot]; m < offsets[slot + 1]; m++) {
        const token = row * N + members[m];
        if (first[token] === -1) first[token] = s;
        else isPartition = false;
        if (owners?.[token] === s) held[token] = 1;
      }
    }
  }
  const stray = owners ? owners.findIndex((owner, token) => owner !== -1 && held[token] === 0) : -1;
  if (stray !== -1)
    throw rangeError(`fields.assignment[${stray}]`, '-1 or a slot that holds the token', owners?.[stray]);
  if (claim !== undefined && typeof claim !== 'boolean')
    throw typeError('fields.isPartition', 'a boolean', claim);
  if (claim !== undefined && claim !== isPartition)
    throw rangeError('fields.isPartition', `${isPartition}, as the slots are`, claim);
  return { assignment: owners ?? first, isPartition };
}

function copyInt32(path: string, value: unknown): Int32Array {
  if (!types.isInt32Array(value)) throw typeError(path, 'an Int32Array', value);
  return copyArray(path, value);
}

function readInteger(path: string, value: unknown): number {
  if (typeof value !== 'number') throw typeError(path, 'an integer', value);
  if (!Number.isInteger(value) || value < 0 || value > maxInt32)
    throw rangeError(path, `an integer from 0 to ${maxInt32}`, value);
  return value;
}
