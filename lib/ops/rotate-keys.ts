import type { AnyOptions, AnyTensor, DeviceOptions, DeviceTensor, InEitherPlace } from '../device-tensor.js';
import { rangeError } from '../errors.js';
import { type Operand, readOperand } from '../operand.js';
import { elementCount, type FloatTensor, type FloatType, reshape, type Tensor } from '../tensor.js';
import { arrayLength, arrayName } from '../typed-array.js';
import { swap } from './attention-options.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readArray,
  readBoolean,
  readChoice,
  readInteger,
  readIntegers,
  readNumber,
  readOptions,
  readRequiredArray,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';

/** Where tokens stand: `[N]`, `[B,N]` or `[B,Hkv,N]`; with sections `[S,N]`, `[S,B,N]` or `[S,B,Hkv,N]`. */
export type Positions = Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array;

/** Options of {@link rotateKeys}. */
export interface RotateKeysOptions<T extends FloatTensor = FloatTensor> extends CommonOptions {
  /** Pair i turns by `base^(-2i / rotaryDim)` radians a position; 10000 by default. */
  base?: number;
  /** Radians a position for each pair, `[rotaryDim / 2]`, instead of a base: the model's own `inv_freq`. */
  frequencies?: Float32Array | Tensor<'float32'>;
  /** How many of the first channels are rotated, even; all by default. */
  rotaryDim?: number;
  /** Pairs (2i, 2i + 1) instead of (i, i + rotaryDim / 2), the halves of Hugging Face's models. Default false. */
  interleaved?: boolean;
  /** M-RoPE: so many pairs follow each row of positions, such as `[16, 24, 24]` for time, height and width. */
  sections?: readonly number[] | Int32Array | Tensor<'int32'>;
  /** `[B]`: tokens of each batch item; those after them are copied as they are. */
  lengths?: Int32Array | undefined;
  /** Order of the dims of k and of the result: `[B,Hkv,N,D]` or `[B,N,Hkv,D]`. Default `'bhnd'`. */
  layout?: 'bhnd' | 'bnhd';
  /** A tensor to fill. */
  out?: { keys: T };
}

const positionTypes = ['int32', 'int64'] as const;

function prepare(
  k: AnyTensor<FloatType>,
  from: InEitherPlace<Positions>,
  to: InEitherPlace<Positions>,
  options: AnyOptions<RotateKeysOptions>,
): Invocation<AnyTensor<FloatType>> {
  const given = readOperand('k', k, floatTypes);
  const swapped = readChoice('options.layout', options.layout, ['bhnd', 'bnhd'], 'bhnd') === 1;
  const four = withRank('k', given, 4);
  const dims = swapped ? swap(four.dims) : four.dims;
  const sections = readSections(options.sections);
  const out = outputFor(options.out, 'keys', given.type, given.dims, given.data);
  return {
    operation: 'rotateKeys',
    inputs: [
      { tensor: reshape(four, dims), swapped },
      readPositions('from', from, dims, sections),
      readPositions('to', to, dims, sections),
      readArray('options.frequencies', options.frequencies, ['float32']),
      sections,
      readArray('options.lengths', options.lengths, ['int32']),
    ],
    outputs: [withDims(out, dims, swapped)],
    numbers: [
      readNumber('options.base', options.base, 10_000),
      readRotaryDim(options.rotaryDim, dims[3]),
      readBoolean('options.interleaved', options.interleaved, false) ? 1 : 0,
    ],
    result: () => out.shown,
  };
}

/** The channels to rotate; whether they are even and not too many is for the C interface to say. */
function readRotaryDim(value: unknown, depth: number): number {
  const rotaryDim = readInteger('options.rotaryDim', value, depth);
  if (value !== undefined && rotaryDim < 1)
    throw rangeError('options.rotaryDim', 'an even integer from 2', value);
  return rotaryDim;
}

/** Positions, a bare array with the least of the dims that it can have. */
function readPositions(
  path: string,
  value: unknown,
  [batch, heads, length]: readonly number[],
  sections: Operand<'int32'> | undefined,
): Operand<'int32' | 'int64'> {
  const lead = sections === undefined ? [] : [sections.dims[0]];
  const count = arrayName(value) === undefined ? 0 : arrayLength(value);
  const candidates = [[length], [batch, length], [batch, heads, length]].map((dims) => [...lead, ...dims]);
  const dims = candidates.find((candidate) => elementCount(candidate) === count);
  return readRequiredArray(path, value, positionTypes, dims);
}

function readSections(value: unknown): Operand<'int32'> | undefined {
  if (!Array.isArray(value)) return readArray('options.sections', value, ['int32']);
  return readIntegers('options.sections', value, 'an integer from 0');
}

/** {@link rotateKeys} of tensors on a device, where the result stays. */
export function rotateKeys<T extends FloatType>(
  k: DeviceTensor<T>,
  from: InEitherPlace<Positions>,
  to: InEitherPlace<Positions>,
  options?: DeviceOptions<RotateKeysOptions<Tensor<T>>>,
): Promise<DeviceTensor<T>>;
/**
 * Keys turned from the rotary position they were computed at to another, as when tokens before them are gone (Su et al.
 * 2021, arXiv 2104.09864; StreamingLLM, Xiao et al. 2024, arXiv 2309.17453). Pair i of a token's channels turns by
 * `(to - from) * frequency_i` radians. With `sections`, M-RoPE (Qwen2-VL, Wang et al. 2024, arXiv 2409.12191): the
 * first pairs follow the first row of positions, the next the second, and so on.
 *
 * Whole turns are taken off exactly, in 64-bit fractions of a turn, so a far shift costs no accuracy: an element's error
 * is at most `8u` of the length of its pair, u = 2^-24, and one rounding to a 16-bit type, up to a million positions and
 * beyond. The frequencies of a base are those of float64; a model that computes them in float32 differs at far
 * positions, so give its own. A token whose positions are the same is copied bit for bit.
 *
 * @param k `[B,Hkv,N,D]` (leading 1s may be left out), float32, float16 or bfloat16
 * @param from where each key stands, {@link Positions} from -2^31 to 2^31 - 1
 * @param to where it shall stand
 * @returns the dims and type of k
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function rotateKeys<T extends FloatTensor>(
  k: T,
  from: Positions,
  to: Positions,
  options?: RotateKeysOptions<T>,
): Promise<T>;
export async function rotateKeys(
  k: AnyTensor<FloatType>,
  from: InEitherPlace<Positions>,
  to: InEitherPlace<Positions>,
  options?: AnyOptions<RotateKeysOptions>,
): Promise<AnyTensor<FloatType>> {
  const given = readOptions(options);
  return runAsync(prepare(k, from, to, given), readSignal(given));
}

/** {@link rotateKeysSync} of tensors on a device, where the result stays: checks and enqueues. */
export function rotateKeysSync<T extends FloatType>(
  k: DeviceTensor<T>,
  from: InEitherPlace<Positions>,
  to: InEitherPlace<Positions>,
  options?: DeviceOptions<RotateKeysOptions<Tensor<T>>>,
): DeviceTensor<T>;
/** {@link rotateKeys}, at once on the calling thread. */
export function rotateKeysSync<T extends FloatTensor>(
  k: T,
  from: Positions,
  to: Positions,
  options?: RotateKeysOptions<T>,
): T;
export function rotateKeysSync(
  k: AnyTensor<FloatType>,
  from: InEitherPlace<Positions>,
  to: InEitherPlace<Positions>,
  options?: AnyOptions<RotateKeysOptions>,
): AnyTensor<FloatType> {
  return runSync(prepare(k, from, to, readOptions(options)));
}
