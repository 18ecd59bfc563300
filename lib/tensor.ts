import { memoryOf } from './device-memory.js';
import { rangeError, TokenSieveError, typeError } from './errors.js';
import type { Operand } from './operand.js';
import { arrayLength, arrayName, viewOf } from './typed-array.js';

/** Element types, named as in ONNX Runtime; `bfloat16` is this package's addition. */
export type DataType = 'float32' | 'float16' | 'bfloat16' | 'int32' | 'int64' | 'uint8';

/** The element types that float operations take. They accumulate in float32 whatever the input. */
export type FloatType = 'float32' | 'float16' | 'bfloat16';

/** The array class that holds each element type. `Float16Array` exists from Node 24 on. */
export interface DataTypeMap {
  float32: Float32Array;
  float16: Uint16Array | Float16Array;
  bfloat16: Uint16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
}

/**
 * Dense, row-major data with a shape. Structural: tensors of onnxruntime-common and transformers.js
 * fit as they are, and results of this package have the same shape.
 */
export interface Tensor<T extends DataType = DataType> {
  readonly type: T;
  readonly data: DataTypeMap[T];
  readonly dims: readonly number[];
  /** Where the data lives: here `'cpu'`, whatever lies elsewhere is a `DeviceTensor`. */
  readonly location?: string;
}

/** A tensor of any float type. */
export type FloatTensor = Tensor<FloatType>;

const Float16 = (globalThis as { Float16Array?: Float16ArrayConstructor }).Float16Array;

const arrayNames: Readonly<Record<DataType, readonly string[]>> = {
  float32: ['Float32Array'],
  float16: ['Uint16Array', 'Float16Array'],
  bfloat16: ['Uint16Array'],
  int32: ['Int32Array'],
  int64: ['BigInt64Array'],
  uint8: ['Uint8Array'],
};

/** Whether a value is an array that holds elements of a type. */
export function holds(type: DataType, data: unknown): boolean {
  const name = arrayName(data);
  return name !== undefined && arrayNames[type].includes(name);
}

// An empty tensor is as long as it says, whatever that is: rows without tokens are still gone through.
const mostOfNothing = 2 ** 24;

const arrayClasses = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
};

/**
 * A tensor's elements under other dims. A literal, since V8 gives a spread copy a hidden class of its own once it has
 * seen a few shapes, and every later read of it then misses the caches: that was half of a short call's time.
 */
export function reshape<T extends Operand>({ type, data }: T, dims: readonly number[]): T {
  return { type, data, dims } as T;
}

/** Number of elements of a shape. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/**
 * Checks that a value is a tensor of one of the given types with data that matches its dims, and returns
 * it as read: each property once, so that a getter cannot change its mind between check and use.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`; TokenSieveError `ERR_TOKENSIEVE_ON_DEVICE`
 *   for a device tensor
 */
export function readTensor<T extends DataType>(path: string, value: unknown, types: readonly T[]): Tensor<T> {
  if (typeof value !== 'object' || value === null)
    throw typeError(path, 'a tensor { type, data, dims }', value);
  const { type, location } = value as { [K in keyof Tensor]?: unknown };
  if (!types.includes(type as T))
    throw typeError(`${path}.type`, types.map((t) => `'${t}'`).join(' or '), type);
  if (location !== undefined && location !== 'cpu') throw elsewhereError(path, value, location);
  const { data, dims } = value as { [K in keyof Tensor]?: unknown };
  if (!holds(type as T, data))
    throw typeError(`${path}.data`, `a ${arrayNames[type as T].join(' or ')} for type '${type}'`, data);
  const shape = readDims(`${path}.dims`, dims);
  const length = arrayLength(data);
  if (elementCount(shape) !== length) {
    throw rangeError(
      `${path}.dims`,
      `a shape of ${length} elements, the length of the data`,
      shape,
      'ERR_TOKENSIEVE_SHAPE',
    );
  }
  if (length === 0 && elementCount(shape.filter((dim) => dim > 0)) > mostOfNothing) {
    const expected = `a shape of at most ${mostOfNothing} rows or columns of nothing`;
    throw rangeError(`${path}.dims`, expected, shape, 'ERR_TOKENSIEVE_SHAPE');
  }
  return { type: type as T, data: data as DataTypeMap[T], dims: shape };
}

/** What does not lie on the host cannot be read there. */
function elsewhereError(path: string, value: object, location: unknown): Error {
  return memoryOf(value) === undefined
    ? typeError(`${path}.location`, "'cpu'", location)
    : onDeviceError(path);
}

/** The error of a device tensor where the host reads. */
export function onDeviceError(path: string): TokenSieveError {
  const message = `${path} lies on a device, and is read on the host here: await ${path}.download() first`;
  return new TokenSieveError('ERR_TOKENSIEVE_ON_DEVICE', message);
}

function readDims(path: string, dims: unknown): number[] {
  const shape = readList(path, 'an array of integers', dims, 8);
  for (const [i, dim] of shape.entries()) {
    if (typeof dim !== 'number') throw typeError(`${path}[${i}]`, 'an integer', dim);
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw rangeError(`${path}[${i}]`, 'an integer from 0', dim, 'ERR_TOKENSIEVE_SHAPE');
  }
  return (shape as number[]).map((dim) => dim + 0); // -0 is 0
}

/**
 * The elements of an array, each read once. One longer than any that could be meant is refused before it is read, so
 * that nobody waits for four billion holes.
 */
export function readList(path: string, expected: string, value: unknown, most: number): unknown[] {
  if (!Array.isArray(value)) throw typeError(path, expected, value);
  const { length } = value;
  if (length > most) throw rangeError(path, `at most ${most} elements`, length, 'ERR_TOKENSIEVE_SHAPE');
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) list.push(value[i]);
  return list;
}

const copied = { Float32Array, Int32Array, BigInt64Array, Uint8Array };

/** A private copy, in plain memory, of an array whose own memory may be gone by now. */
export function copyArray<A extends Float32Array | Int32Array | BigInt64Array | Uint8Array>(
  path: string,
  array: A,
): A {
  const Copy = copied[arrayName(array) as keyof typeof copied] as unknown as new (array: A) => A;
  try {
    return new Copy(array);
  } catch (cause) {
    throw goneError(path, cause);
  }
}

/** Elements of an array as an array of their own in the same memory, which may be gone by now. */
export function viewArray<A extends DataTypeMap[DataType]>(
  path: string,
  array: A,
  start: number,
  end: number,
): A {
  try {
    return viewOf(array, start, end);
  } catch (cause) {
    throw goneError(path, cause);
  }
}

/** The error of an array whose memory is gone. */
export function goneError(path: string, cause: unknown): TokenSieveError {
  const message = `the buffer of ${path} was transferred away`;
  return new TokenSieveError('ERR_TOKENSIEVE_DETACHED', message, { cause });
}

/** Whether float16 elements are in a `Float16Array`, or came from one to a device. */
export function hasFloat16Array(like: unknown): boolean {
  return (
    arrayName(like) === 'Float16Array' || (like as { isFloat16Array?: unknown })?.isFloat16Array === true
  );
}

/** Bytes of an element. */
export function elementBytes(type: DataType): number {
  return arrayClasses[type].BYTES_PER_ELEMENT;
}

/** A new tensor of zeros; a float16 one uses a `Float16Array` where `like` does, an array or memory on a device. */
export function zeros<T extends DataType>(type: T, dims: readonly number[], like?: unknown): Tensor<T> {
  const useFloat16 = type === 'float16' && Float16 !== undefined && hasFloat16Array(like);
  const Constructor = useFloat16 ? (Float16 as unknown as Float32ArrayConstructor) : arrayClasses[type];
  const count = elementCount(dims);
  try {
    return { type, data: new Constructor(count) as unknown as DataTypeMap[T], dims: [...dims] };
  } catch (cause) {
    throw new TokenSieveError('ERR_TOKENSIEVE_MEMORY', `no memory for ${count} elements of ${type}`, {
      cause,
    });
  }
}

// More elements than this can not be addressed, and no operation takes a longer dim.
const mostElements = 2 ** 40;
const longestDim = 2 ** 31 - 1;

/**
 * A tensor of zeros in a `SharedArrayBuffer`. Asynchronous operations copy what could be transferred away while they
 * run; shared memory cannot be, so they read it where it is: leave it alone until they have ended.
 *
 * @param type float16 and bfloat16 come as `Uint16Array`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`; TokenSieveError `ERR_TOKENSIEVE_MEMORY`
 *   when there is not so much memory
 */
export function allocate<T extends DataType>(type: T, dims: readonly number[]): Tensor<T> {
  const shape = readNewDims(type, dims);
  const count = elementCount(shape);
  const bytes = count * arrayClasses[type].BYTES_PER_ELEMENT;
  const Constructor = arrayClasses[type] as unknown as new (memory: SharedArrayBuffer) => DataTypeMap[T];
  try {
    return { type, data: new Constructor(new SharedArrayBuffer(bytes)), dims: shape };
  } catch (cause) {
    const message = `no memory for a tensor of type ${type} and dims [${shape.join(', ')}]`;
    throw new TokenSieveError('ERR_TOKENSIEVE_MEMORY', message, { cause });
  }
}

/** Checks the type and the dims of a tensor that is to be; `path` is before their names. */
export function readNewDims(type: DataType, dims: readonly number[], path = ''): number[] {
  if (typeof type !== 'string' || !Object.hasOwn(arrayClasses, type)) {
    const names = Object.keys(arrayClasses).map((name) => `'${name}'`);
    throw typeError(`${path}type`, names.join(' or '), type);
  }
  const shape = readDims(`${path}dims`, dims);
  if (elementCount(shape) > mostElements || shape.some((dim) => dim > longestDim)) {
    const expected = `dims up to ${longestDim}, of at most 2^40 elements together`;
    throw rangeError(`${path}dims`, expected, shape, 'ERR_TOKENSIEVE_SHAPE');
  }
  return shape;
}

/** The memory that a tensor's data stands in, for copies that must not convert. */
export function bytesOf({ data }: Tensor): Uint8Array {
  try {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  } catch (cause) {
    throw goneError('a tensor', cause);
  }
}
