import { rangeError, typeError } from './errors.js';
import { type Reference, readReference } from './methods/method.js';
import { onHost } from './operand.js';
import { readArray, readInteger, readNumber } from './ops/call.js';
import { readOptions } from './options.js';
import type { Tensor } from './tensor.js';

/** Options of {@link rotaryDecay}. */
export interface RotaryDecayOptions {
  /** How many distances: 0 to length - 1, at most 2^20. */
  readonly length: number;
  /** Channels of a head, even, at most 1024; all of them are rotated. */
  readonly headDim: number;
  /** Pair f turns by `base^(-2f / headDim)` radians a position; 10000 by default. */
  readonly base?: number;
  /** Radians a position for each pair, `[headDim / 2]`, instead of a base: the model's own `inv_freq`. */
  readonly frequencies?: Float32Array | Tensor<'float32'>;
}

/** Options of {@link gravityCorrection}. */
export interface GravityCorrectionOptions extends RotaryDecayOptions {
  /** The least decay that is divided by, above 0 and up to 1: no factor passes `1 / floor`. Default 0.1. */
  readonly floor?: number;
  /** `'authors'`: see {@link gravityCorrection}. Default `'paper'`. */
  readonly reference?: Reference;
}

/**
 * What a rotary embedding (Su et al. 2021, arXiv 2104.09864) leaves of a product at each distance: of a query and a key
 * of ones, `decay[d] = B(d) / B(0) = mean_f cos(d theta_f)`. It is 1 at distance 0, falls with the distance, and further
 * out swings about 0: with a headDim of 128 and a base of 10000 it is first at or under 0 at a distance of 1707.
 *
 * Computed in float64, a cosine for each distance and pair.
 *
 * @returns `[length]`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`
 */
export function rotaryDecay(options: RotaryDecayOptions): Float32Array {
  const { length, frequencies } = readRotary(readOptions(options));
  return Float32Array.from({ length }, (_, d) => decayAt(d, frequencies));
}

/**
 * The factors that even out {@link rotaryDecay}, for `distanceScale` of `attentionScores` and `attention`: the text-visual
 * attention gravity correction of SparseVLM (Zhang et al. 2024, arXiv 2410.04417), without which text favours the visual
 * tokens that stand next to it.
 *
 * `factor[d] = 1 / max(decay[d], floor)`: 1 at distance 0, and from `1` to `1 / floor` at any.
 *
 * `reference: 'authors'` divides as their code does, by `B(d) = sum_f 2 cos(d theta_f) / sqrt(headDim)`, neither
 * normalised nor held above a floor. All logits are then smaller by `sqrt(headDim)`, and the softmax flatter. Where B is
 * not above 0, at a headDim of 128 from a distance of 1707 on, logits change their sign, and near its zeros they grow
 * without bound. It is for comparing with their results; long contexts need the default.
 *
 * @returns `[length]`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`
 */
export function gravityCorrection(options: GravityCorrectionOptions): Float32Array {
  const { floor, reference = 'paper', ...rotary } = readOptions(options);
  const isAuthors = readReference(reference) === 'authors';
  const least = readNumber('options.floor', floor, 0.1);
  if (!(least > 0 && least <= 1)) throw rangeError('options.floor', 'a number above 0, at most 1', floor);
  if (isAuthors && floor !== undefined)
    throw typeError('options.floor', "left out with reference 'authors', which has none", floor);
  const { length, frequencies } = readRotary(rotary);
  const atZero = Math.sqrt(2 * frequencies.length);
  return Float32Array.from({ length }, (_, d) => {
    const decay = decayAt(d, frequencies);
    return isAuthors ? 1 / (atZero * decay) : 1 / Math.max(decay, least);
  });
}

function decayAt(distance: number, frequencies: ArrayLike<number>): number {
  let sum = 0;
  for (let f = 0; f < frequencies.length; f++) sum += Math.cos(distance * frequencies[f]!);
  return sum / frequencies.length;
}

function readRotary({ length, headDim, base, frequencies }: RotaryDecayOptions): {
  length: number;
  frequencies: ArrayLike<number>;
} {
  const distances = readInteger('options.length', length ?? Number.NaN, 0);
  if (distances < 1 || distances > 2 ** 20)
    throw rangeError('options.length', 'an integer from 1 to 2^20', length);
  const channels = readInteger('options.headDim', headDim ?? Number.NaN, 0);
  if (channels < 2 || channels > 1024 || channels % 2 !== 0)
    throw rangeError('options.headDim', 'an even integer from 2 to 1024', headDim);
  const radix = readNumber('options.base', base, 10_000);
  if (!(radix > 0 && radix < Number.POSITIVE_INFINITY))
    throw rangeError('options.base', 'a finite number above 0', base);
  const given = readArray('options.frequencies', frequencies, ['float32']);
  if (given === undefined) {
    const turns = Float64Array.from({ length: channels / 2 }, (_, f) => radix ** ((-2 * f) / channels));
    return { length: distances, frequencies: turns };
  }
  if (base !== undefined) throw typeError('options.base', 'left out where options.frequencies are', base);
  const { data, dims } = onHost('options.frequencies', given);
  if (dims.length !== 1 || data.length !== channels / 2) {
    const expected = `[${channels / 2}], half of options.headDim`;
    throw rangeError('options.frequencies.dims', expected, dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const wild = data.findIndex((frequency) => !Number.isFinite(frequency));
  if (wild >= 0) throw rangeError(`options.frequencies[${wild}]`, 'a finite number', data[wild]);
  return { length: distances, frequencies: data };
}
