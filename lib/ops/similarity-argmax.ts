import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  FloatDeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import { readOperand } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readArray,
  readChoice,
  readInteger,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { readMetric, type SimilarityMetric } from './similarity-metric.js';
import { readTokenMask } from './token-rows.js';

/** Options of {@link similarityArgmax}. */
export interface SimilarityArgmaxOptions extends CommonOptions {
  /** `'cosine'` by default. */
  metric?: SimilarityMetric;
  /**
   * How many of the most similar tokens: 1 by default, and no more than there are candidates. Where candidates differ
   * from token to token it is no more than b has tokens, and places that no candidate is left for have index -1 and
   * value -Infinity.
   */
  k?: number;
  /**
   * Which tokens of b the token i of a may choose: `'all'` by default, `'others'` than token i, those `'later'` or those
   * `'earlier'`, which takes half of the time. All but `'all'` need as many tokens in b as in a.
   */
  candidates?: 'all' | 'others' | 'later' | 'earlier';
  /** float32 `[B,Nb]` or `[Nb]`, finite: what is compared, and the value, is `scale[j] * s + bias[j]`; 1 by default. */
  scale?: Tensor<'float32'> | Float32Array | undefined;
  /** float32 `[B,Nb]` or `[Nb]`, finite: added after `scale`; 0 by default. */
  bias?: Tensor<'float32'> | Float32Array | undefined;
  /** uint8 `[B,Na]` or `[Na]`: 2 asks nothing for that token. */
  aMask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** uint8 `[B,Nb]` or `[Nb]`: 2 is no candidate. A kept token (1) is a candidate like any other. */
  bMask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** `[B]`: tokens of b in each batch item; those after them are no candidates. */
  lengths?: Int32Array | undefined;
  /**
   * `'fast'` finds what may be the most similar from tokens rounded to 8 bits, and compares that exactly: for a k of 1,
   * on x86 processors with AVX-512 VNNI, 2.6 to 2.8 times as fast at 577 x 577 x 1024, 2880 x 2880 x 64 and
   * 4096 x 256 x 384 (one thread of an AMD EPYC of the fourth generation), up to 3.8 times on 4096 tokens of a model.
   * Values stay those of the tokens chosen. The same token was chosen for 99.4 to 100 % of random, clustered and
   * outlier-channel tokens, and for 99.2 to 100 % of a sentence encoder's keys and hidden states; where tokens of a
   * cluster differ by a tenth of what clusters do, for 93 %, at the cost of 0.002 % of the cosine (0.3 % of the squared
   * distance). Everything else is computed exactly, as are batch items with tokens that are not finite, or whose size is
   * near the ends of float32, and calls with `scale`, `bias` or `candidates`. Default `'exact'`.
   */
  precision?: 'exact' | 'fast';
  /** Tensors to fill. */
  out?: { indices?: Tensor<'int32'>; values?: Tensor<'float32'> };
}

/** The result of {@link similarityArgmax}. */
export interface SimilarityArgmax {
  /** `[B,Na]`, or `[B,Na,k]` for a k other than 1: places in b. */
  readonly indices: Tensor<'int32'>;
  /** The similarities there, float32. */
  readonly values: Tensor<'float32'>;
}

function prepare(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options: AnyOptions<SimilarityArgmaxOptions>,
): Invocation<AnyResult<SimilarityArgmax>> {
  const given = readOperand('a', a, floatTypes);
  const tokens = withRank('a', given, 3);
  const candidates = withRank('b', readOperand('b', b, floatTypes), 3);
  const k = readInteger('options.k', options.k, 1);
  // A k that there can not be is refused before a result of that size would be made.
  const count = k >= 1 && k <= candidates.dims[1] ? k : 0;
  const dims = [...given.dims.slice(0, -1), ...(k === 1 ? [] : [count])];
  const indices = outputFor(options.out, 'indices', 'int32', dims, given.data);
  const values = outputFor(options.out, 'values', 'float32', dims, given.data);
  const flat = [tokens.dims[0], tokens.dims[1], k === 1 ? 1 : count];
  return {
    operation: 'similarityArgmax',
    inputs: [
      tokens,
      candidates,
      readTokenMask('options.aMask', options.aMask, tokens.dims.slice(0, -1)),
      readTokenMask('options.bMask', options.bMask, candidates.dims.slice(0, -1)),
      readArray('options.lengths', options.lengths, ['int32']),
      readArray('options.scale', options.scale, ['float32'], candidates.dims.slice(0, -1)),
      readArray('options.bias', options.bias, ['float32'], candidates.dims.slice(0, -1)),
    ],
    outputs: [withDims(indices, flat), withDims(values, flat)],
    numbers: [
      k,
      readMetric(options.metric),
      readChoice('options.precision', options.precision, ['exact', 'fast'], 'exact'),
      readChoice('options.candidates', options.candidates, ['all', 'others', 'later', 'earlier'], 'all'),
    ],
    result: () => ({ indices: indices.shown, values: values.shown }) as AnyResult<SimilarityArgmax>,
  };
}

/** {@link similarityArgmax} of tensors on a device, where the result stays. */
export function similarityArgmax(
  a: FloatDeviceTensor,
  b: FloatDeviceTensor,
  options?: DeviceOptions<SimilarityArgmaxOptions>,
): Promise<OnDevice<SimilarityArgmax>>;
/**
 * For each token of a, the k tokens of b most like it, best first; equal similarities go to the lower index, and NaN
 * is chosen only when nothing else is left. The matrix of similarities is never stored.
 *
 * Each value is the similarity with the token it stands for, summed in float64. Which tokens are the most similar is
 * decided in float32: two that differ by no more than its rounding may change places. For `'l2'` that rounding is of
 * the size of the tokens about their middle, so an offset that all share does no harm; `scale` multiplies it. A product
 * past the range of float32 counts as infinite. A dropped token of a, or one without candidates, has index -1 and value
 * -Infinity.
 *
 * @param a `[B,Na,C]` (leading 1s may be left out), float32, float16 or bfloat16
 * @param b `[B,Nb,C]`, of any float type
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (a k that an item has no candidates
 *   for, a scale or bias that is not finite), `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function similarityArgmax(
  a: FloatTensor,
  b: FloatTensor,
  options?: SimilarityArgmaxOptions,
): Promise<SimilarityArgmax>;
export async function similarityArgmax(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options?: AnyOptions<SimilarityArgmaxOptions>,
): Promise<AnyResult<SimilarityArgmax>> {
  const given = readOptions(options);
  return runAsync(prepare(a, b, given), readSignal(given));
}

/** {@link similarityArgmaxSync} of tensors on a device, where the result stays: checks and enqueues. */
export function similarityArgmaxSync(
  a: FloatDeviceTensor,
  b: FloatDeviceTensor,
  options?: DeviceOptions<SimilarityArgmaxOptions>,
): OnDevice<SimilarityArgmax>;
/** {@link similarityArgmax}, at once on the calling thread. */
export function similarityArgmaxSync(
  a: FloatTensor,
  b: FloatTensor,
  options?: SimilarityArgmaxOptions,
): SimilarityArgmax;
export function similarityArgmaxSync(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options?: AnyOptions<SimilarityArgmaxOptions>,
): AnyResult<SimilarityArgmax> {
  return runSync(prepare(a, b, readOptions(options)));
}
