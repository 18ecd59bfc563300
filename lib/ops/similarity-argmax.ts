import { type FloatTensor, readTensor, type Tensor } from '../tensor.js';
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
  /** How many of the most similar tokens: 1 by default, and no more than there are candidates. */
  k?: number;
  /** uint8 `[B,Na]` or `[Na]`: 2 asks nothing for that token. */
  aMask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** uint8 `[B,Nb]` or `[Nb]`: 2 is no candidate. A kept token (1) is a candidate like any other. */
  bMask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** `[B]`: tokens of b in each batch item; those after them are no candidates. */
  lengths?: Int32Array | undefined;
  /** `'fast'` is there for reduced precision; it is computed exactly for now. */
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
  a: FloatTensor,
  b: FloatTensor,
  options: SimilarityArgmaxOptions,
): Invocation<SimilarityArgmax> {
  const given = readTensor('a', a, floatTypes);
  const tokens = withRank('a', given, 3);
  const candidates = withRank('b', readTensor('b', b, floatTypes), 3);
  const k = readInteger('options.k', options.k, 1);
  // A k that there can not be is refused before a result of that size would be made.
  const count = k >= 1 && k <= candidates.dims[1] ? k : 0;
  const dims = [...given.dims.slice(0, -1), ...(k === 1 ? [] : [count])];
  const indices = outputFor(options.out, 'indices', 'int32', dims);
  const values = outputFor(options.out, 'values', 'float32', dims);
  const flat = [tokens.dims[0], tokens.dims[1], k === 1 ? 1 : count];
  return {
    operation: 'similarityArgmax',
    inputs: [
      tokens,
      candidates,
      readTokenMask('options.aMask', options.aMask, tokens.dims.slice(0, -1)),
      readTokenMask('options.bMask', options.bMask, candidates.dims.slice(0, -1)),
      readArray('options.lengths', options.lengths, ['int32']),
    ],
    outputs: [withDims(indices, flat), withDims(values, flat)],
    numbers: [
      k,
      readMetric(options.metric),
      readChoice('options.precision', options.precision, ['exact', 'fast'], 'exact'),
    ],
    result: () => ({ indices: indices.tensor, values: values.tensor }),
  };
}

/**
 * For each token of a, the k tokens of b most like it, best first; equal similarities go to the lower index, and NaN
 * is chosen only when nothing else is left. The matrix of similarities is never stored.
 *
 * Each value is the similarity with the token it stands for, summed in float64. Which tokens are the most similar is
 * decided in float32: two that differ by no more than its rounding may change places. For `'l2'` that rounding is of
 * the size of the tokens about their middle, so an offset that all share does no harm. A product past the range of
 * float32 counts as infinite. A dropped token of a has index -1 and value -Infinity.
 *
 * @param a `[B,Na,C]` (leading 1s may be left out), float32, float16 or bfloat16
 * @param b `[B,Nb,C]`, of any float type
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` (a k that an item has no candidates
 *   for), `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export async function similarityArgmax(
  a: FloatTensor,
  b: FloatTensor,
  options?: SimilarityArgmaxOptions,
): Promise<SimilarityArgmax> {
  const given = readOptions(options);
  return runAsync(prepare(a, b, given), readSignal(given));
}

/** {@link similarityArgmax}, at once on the calling thread. */
export function similarityArgmaxSync(
  a: FloatTensor,
  b: FloatTensor,
  options?: SimilarityArgmaxOptions,
): SimilarityArgmax {
  return runSync(prepare(a, b, readOptions(options)));
}
