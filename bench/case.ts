// What a benchmark is: one operation on one shape, with the work it cannot do without.
import type { DataTypeMap, FloatType, Tensor } from 'tokensieve';
import { toFloat16 } from '../test/support/float16.js';
import { seeded } from '../test/support/random.js';

/** One operation on one shape. */
export interface Case {
  readonly operation: string;
  readonly shape: string;
  /** The kernels that run, as the list in native/kernels/kernels.h names them. */
  readonly kernels: readonly string[];
  /** Floating-point operations of the formula; 0 where nothing is computed, only compared or moved. */
  readonly flops: number;
  /** Bytes of the inputs, each counted once. */
  readonly read: number;
  /** Bytes of the outputs. */
  readonly written: number;
  /** Makes inputs, and returns the call: each time on the next of several inputs, its outputs used again. */
  readonly prepare: () => () => void;
}

/** A case in the words of its operation's file; `setup` makes the outputs, `input` one set of inputs. */
export interface CaseDefinition<Input> extends Omit<Case, 'prepare'> {
  readonly setup: () => { input: () => Input; run: (input: Input) => unknown };
}

export function defineCase<Input>({ setup, ...rest }: CaseDefinition<Input>): Case {
  const prepare = (): (() => void) => {
    const { input, run } = setup();
    const inputs = Array.from({ length: inputCount(rest.read) }, input);
    let next = 0;
    return () => {
      run(inputs[next]);
      next = (next + 1) % inputs.length;
    };
  };
  return { ...rest, prepare };
}

/**
 * How many inputs of so many bytes take turns. A branch predictor learns one input by heart, and even a few short
 * ones; large inputs it cannot, and many of those would only move the case to a slower cache.
 */
export function inputCount(bytes: number): number {
  return Math.max(1, Math.min(8, Math.floor(2 ** 23 / bytes)));
}

/** Memory that the calls of a prepared case go through: all inputs, and the outputs. */
export function workingSet({ read, written }: Pick<Case, 'read' | 'written'>): number {
  return inputCount(read) * read + written;
}

export const caseName = ({ operation, shape }: Case): string => `${operation} ${shape}`;

const count = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

// A prime number of normal deviates, used over and over: no row of a tensor equals another, and the largest
// tensors are made in milliseconds.
const deviates = ((): Float32Array => {
  const random = seeded(1);
  return Float32Array.from({ length: 65_521 }, () => random.normal());
})();
let nextDeviate = 0;

/** Normally distributed numbers. */
export function normal(dims: readonly number[]): Tensor<'float32'> {
  const data = new Float32Array(count(dims));
  for (let at = 0; at < data.length; ) {
    const piece = deviates.subarray(nextDeviate, nextDeviate + data.length - at);
    data.set(piece, at);
    at += piece.length;
    nextDeviate = (nextDeviate + piece.length) % deviates.length;
  }
  return { type: 'float32', data, dims };
}

/** The same, in a type. */
export function normalOf<T extends FloatType>(type: T, dims: readonly number[]): Tensor<T> {
  return toType(type, normal(dims).data, dims);
}

/** Numbers in a type: bfloat16 is the upper half of each float32. */
export function toType<T extends FloatType>(type: T, data: Float32Array, dims: readonly number[]): Tensor<T> {
  const stored = {
    float32: () => data,
    float16: () => Uint16Array.from(data, toFloat16),
    bfloat16: () => Uint16Array.from(new Uint32Array(data.buffer), (bits) => bits >>> 16),
  };
  return { type, data: stored[type]() as unknown as DataTypeMap[T], dims };
}

const constructors = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
};

/** A tensor to fill. */
export function empty<T extends FloatType | 'int32'>(type: T, dims: readonly number[]): Tensor<T> {
  return { type, data: new constructors[type](count(dims)) as unknown as DataTypeMap[T], dims };
}
