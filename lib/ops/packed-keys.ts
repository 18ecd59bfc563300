import { typeError } from '../errors.js';
import { holds, readList, type Tensor } from '../tensor.js';
import { arrayLength } from '../typed-array.js';

/** What {@link packKeys} makes. The bytes have a form of their own, which other versions may not read. */
export interface PackedKeys {
  readonly type: 'packed-keys';
  readonly data: Uint8Array;
  /** Dims of the keys, `[B,Hkv,N,D]`. */
  readonly keyDims: readonly number[];
}

/** Packed keys as the addon takes them, or nothing where the value is something else. */
export function readPackedKeys(value: unknown): { bytes: Tensor<'uint8'>; dims: number[] } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const packed = value as { [K in keyof PackedKeys]?: unknown };
  if (packed.type !== 'packed-keys') return undefined;
  const { data, keyDims } = packed;
  if (!holds('uint8', data)) throw typeError('k.data', 'the Uint8Array that packKeys made', data);
  const shape = readList('k.keyDims', 'an array of integers', keyDims, 4);
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || (dim as number) < 0)
      throw typeError('k.keyDims', 'an array of integers', keyDims);
  }
  const bytes = { type: 'uint8', data: data as Uint8Array, dims: [arrayLength(data)] } as const;
  return { bytes, dims: shape as number[] };
}
