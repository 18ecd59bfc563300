// Makes tensors of every type from plain numbers, at any place in their buffer, and reads them back.
import { allocate, type DataType, type DataTypeMap, type FloatType, type Tensor } from 'tokensieve';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './float16.js';
import type { Random } from './random.js';

/** Numbers in float64 with a shape: what every reference takes and gives. */
export interface Values {
  readonly data: Float64Array;
  readonly dims: readonly number[];
}

export const floatTypes = ['float32', 'float16', 'bfloat16'] as const satisfies readonly FloatType[];

type Numbers = ArrayLike<number>;

const constructors = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
};

const encoders = {
  float32: (x: number) => x,
  float16: toFloat16,
  bfloat16: toBfloat16,
  int32: (x: number) => x,
  int64: (x: number) => BigInt(x),
  uint8: (x: number) => x,
};

export function count(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function values(data: Numbers, dims: readonly number[]): Values {
  return { data: Float64Array.from(data), dims };
}

/**
 * A tensor of the given numbers. `offset` elements stand before it in its buffer and one after it, so that an odd
 * offset makes the data start off every vector boundary.
 */
export function tensorOf<T extends DataType>(
  type: T,
  numbers: Numbers,
  dims: readonly number[],
  offset = 0,
): Tensor<T> {
  const Constructor = constructors[type];
  const length = count(dims);
  const whole = new Constructor(offset + length + 1);
  const data = whole.subarray(offset, offset + length);
  const encode = encoders[type];
  for (let i = 0; i < length; i++) data[i] = encode(numbers[i]);
  return { type, data: data as unknown as DataTypeMap[T], dims: [...dims] };
}

/** A float32 tensor in the memory that another starts at, past `start` elements. */
export function viewOf({ data }: Tensor, start: number, dims: readonly number[]): Tensor<'float32'> {
  const byteOffset = data.byteOffset + start * Float32Array.BYTES_PER_ELEMENT;
  return {
    type: 'float32',
    data: new Float32Array(data.buffer as ArrayBuffer, byteOffset, count(dims)),
    dims,
  };
}

/** An int32 tensor in the memory of another of as wide elements, past `start` of them. */
export function intsAt({ data }: Tensor, start: number, dims: readonly number[]): Tensor<'int32'> {
  const byteOffset = data.byteOffset + start * Int32Array.BYTES_PER_ELEMENT;
  return { type: 'int32', data: new Int32Array(data.buffer as ArrayBuffer, byteOffset, count(dims)), dims };
}

/** `[length,C]` tokens, each a copy of one of x `[N,C]`. */
export function repeatedTokens<T extends FloatType>(
  { type, data, dims: [, channels] }: Tensor<T>,
  length: number,
  sourceOf: (i: number) => number,
): Tensor<T> {
  const copies = emptyTensor(type, [length, channels]);
  for (let i = 0; i < length; i++) {
    const start = sourceOf(i) * channels;
    copies.data.set(data.subarray(start, start + channels) as never, i * channels);
  }
  return copies;
}

/** The same tensor at the same place of a copy of its buffer. */
export function copyOf<T extends Tensor>(tensor: T): T {
  const { buffer, byteOffset, length } = tensor.data;
  const View = tensor.data.constructor as new (...view: [ArrayBufferLike, number, number]) => T['data'];
  return { ...tensor, data: new View(buffer.slice(0), byteOffset, length) };
}

/** The same tensor in shared memory. */
export function sharedCopyOf<T extends Tensor>(tensor: T): T {
  const shared = allocate(tensor.type, tensor.dims);
  (shared.data as Uint8Array).set(tensor.data as Uint8Array);
  return shared as T;
}

/** A tensor of zeros. */
export function emptyTensor<T extends DataType>(type: T, dims: readonly number[]): Tensor<T> {
  return tensorOf(type, new Uint8Array(count(dims)), dims);
}

/** Normally distributed numbers, rounded to the type they are stored in. */
export function randomTensor<T extends FloatType>(
  random: Random,
  type: T,
  dims: readonly number[],
  { deviation = 1, offset = 0 }: { deviation?: number; offset?: number } = {},
): Tensor<T> {
  const numbers = new Float64Array(count(dims));
  for (let i = 0; i < numbers.length; i++) numbers[i] = random.normal() * deviation;
  return tensorOf(type, numbers, dims, offset);
}

/** The numbers that a tensor stores. */
export function decode(tensor: Tensor): Values {
  const { type, data, dims } = tensor;
  if (type === 'float16' && data instanceof Uint16Array) return values(Array.from(data, fromFloat16), dims);
  if (type === 'bfloat16') return values(Array.from(data as Uint16Array, fromBfloat16), dims);
  if (type === 'int64') return values(Array.from(data as BigInt64Array, Number), dims);
  return values(data as Float32Array, dims);
}

/** The same numbers with dimensions 1 and 2 exchanged: `[B,H,N,D]` as `[B,N,H,D]` and back. */
export function swapHeads({ data, dims }: Values): Values {
  const [batch, heads, tokens, channels] = dims;
  const swapped = new Float64Array(data.length);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let n = 0; n < tokens; n++)
        for (let c = 0; c < channels; c++)
          swapped[((b * tokens + n) * heads + h) * channels + c] =
            data[((b * heads + h) * tokens + n) * channels + c];
  return { data: swapped, dims: [batch, tokens, heads, channels] };
}
