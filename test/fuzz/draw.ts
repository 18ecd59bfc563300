// Random arguments that are right, in guarded memory.
import type { DataType, FloatTensor, FloatType, Tensor } from 'tokensieve';
import { toBfloat16, toFloat16 } from '../support/float16.js';
import { type Random, seeded } from '../support/random.js';
import { count, floatTypes } from '../support/tensors.js';
import { type AnyArray, type BufferKind, type GuardedMemory, guardedMemory } from './memory.js';

/** How large calls are: a few tokens, or enough for every operation to be cut into several tasks. */
export type Scale = 'small' | 'large';

/** What recipes make arguments from. Equal seeds give equal arguments. */
export interface Draw extends Random {
  readonly scale: Scale;
  readonly memory: GuardedMemory;
  /** An integer from `low` to `high`. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<const T>(list: readonly T[]): T;
  batch(): number;
  /** A number of tokens, at least 1. */
  tokens(): number;
  channels(): number;
  /** Query heads, and the key heads they are a multiple of. */
  heads(): [number, number];
  floatType(): FloatType;
  numbers<T extends DataType>(type: T, dims: readonly number[], value: () => number): Tensor<T>;
  /** Normally distributed; float32 unless said otherwise. */
  floats<T extends FloatType = 'float32'>(dims: readonly number[], type?: T): Tensor<T>;
  /** A tensor of any float type. */
  anyFloats(dims: readonly number[]): FloatTensor;
  float32(length: number, value?: () => number): Float32Array;
  int32(length: number, value: () => number): Int32Array;
  /** `[B * N]` of 0, 1 and 2, in which each row has a free token. */
  mask(batch: number, length: number): Uint8Array;
  /** `[B]` from 1 to N. */
  lengths(batch: number, length: number): Int32Array;
  /** Each property with a chance of a third. */
  some<T extends object>(makers: { readonly [K in keyof T]: () => T[K] }): Partial<T>;
}

const classes = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
};

const encoders: Readonly<Record<DataType, (x: number) => number | bigint>> = {
  float32: (x) => x,
  float16: toFloat16,
  bfloat16: toBfloat16,
  int32: (x) => x,
  int64: (x) => BigInt(x),
  uint8: (x) => x,
};

const anyKind: readonly BufferKind[] = [
  'plain',
  'plain',
  'plain',
  'plain',
  'shared',
  'resizable',
  'growable',
];

export function drawing(seed: number, scale: Scale = 'small', kinds = anyKind): Draw {
  const random = seeded(seed);
  const memory = guardedMemory();
  const isSmall = scale === 'small';
  const between = (low: number, high: number): number => low + random.integer(high - low + 1);
  const chance = (probability: number): boolean => random.uniform() < probability;
  const pick = <const T>(list: readonly T[]): T => list[random.integer(list.length)];
  const array = <T extends DataType>(type: T, length: number): Tensor<T>['data'] => {
    const made: AnyArray = memory.array(classes[type], length, pick(kinds), random.integer(4));
    return made as Tensor<T>['data'];
  };
  const numbers = <T extends DataType>(type: T, dims: readonly number[], value: () => number): Tensor<T> => {
    const data = array(type, count(dims));
    const encode = encoders[type];
    for (let i = 0; i < data.length; i++) data[i] = encode(value());
    return { type, data, dims: [...dims] };
  };
  const floatType = (): FloatType => pick(floatTypes);
  return {
    ...random,
    scale,
    memory,
    between,
    chance,
    pick,
    batch: () => (isSmall ? between(1, 3) : 2),
    tokens: () => (isSmall ? between(1, 12) : between(500, 640)),
    channels: () => (isSmall ? between(1, 20) : pick([48, 64])),
    heads: () =>
      isSmall
        ? pick([
            [1, 1],
            [2, 1],
            [2, 2],
            [4, 2],
          ])
        : [4, 2],
    floatType,
    numbers,
    floats: (dims, type) => numbers(type ?? ('float32' as NonNullable<typeof type>), dims, random.normal),
    anyFloats: (dims) => numbers(floatType(), dims, random.normal),
    float32: (length, value = random.normal) => numbers('float32', [length], value).data,
    int32: (length, value) => numbers('int32', [length], value).data,
    mask: (batch, length) => {
      const { data } = numbers('uint8', [batch * length], () => pick([0, 0, 0, 0, 1, 2]));
      for (let row = 0; row < batch; row++) data[row * length + random.integer(length)] = 0;
      return data;
    },
    lengths: (batch, length) => numbers('int32', [batch], () => between(1, length)).data,
    some: <T extends object>(makers: { readonly [K in keyof T]: () => T[K] }): Partial<T> => {
      const chosen: Partial<T> = {};
      for (const key of Object.keys(makers) as (keyof T)[]) if (chance(1 / 3)) chosen[key] = makers[key]();
      return chosen;
    },
  };
}
