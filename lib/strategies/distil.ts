import { rangeError, typeError } from '../errors.js';
import { readInteger, readOptions } from '../options.js';
import { proportionalBias } from '../proportional-bias.js';
import type { Tokens } from '../sieve-inputs.js';
import { step } from '../steps.js';
import { bytesOf, type FloatTensor, type FloatType, readTensor, zeros } from '../tensor.js';
import { unbudgeted } from './amounts.js';
import type { DenseStrategy } from './strategy.js';

const floatTypes: readonly FloatType[] = ['float32', 'float16', 'bfloat16'];

/** Options of {@link distil}. All tensors are of the type of `hidden`. */
export interface DistilOptions {
  /** Q `[M,H*D]`: what each new token asks for; the heads of a query side by side. */
  readonly queries: FloatTensor;
  /** W_K `[C,H*D]`; without it the keys are the tokens themselves, and C is H*D. */
  readonly keyWeight?: FloatTensor;
  /** W_V `[C,C']`; without it the values are the tokens themselves, and C' is C. */
  readonly valueWeight?: FloatTensor;
  /** H, 1 by default: each head sees its own part of the channels of queries, keys and values. */
  readonly heads?: number;
  /** Multiplies the products; `1 / sqrt(D)` by default. */
  readonly scale?: number;
  /** Adds log(size) to a token's logits, so that a merged one counts for all that it is made of; true by default. */
  readonly proportional?: boolean;
}

/**
 * Distillation, equation (7) of arXiv 2505.18227: `X' = softmax(Q (X W_K)^T / sqrt(D)) (X W_V)`, the attention of M
 * given queries over all tokens, as in a Q-Former or a Perceiver. The queries and weights are a model's, learned
 * with it. They alone decide how many tokens there will be, so there is no budget, and no scores are needed.
 *
 * This is the dense case of a strategy: the sieve gives tokens and no map. A dropped token is not attended to. A
 * protected one is attended to as any other, and stays besides, in front of the new tokens; then C' must be C. A
 * row that has no tokens gives zeros.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` or `ERR_TOKENSIEVE_SHAPE` naming the
 * option; from the sieve, the same naming `inputs.hidden` where it does not fit them
 */
export function distil(options: DistilOptions): DenseStrategy {
  const layer = readLayer(options);
  const { queries, keyWeight, valueWeight, heads, scale, proportional } = layer;
  const [made, width] = queries.dims;
  return function* (decision) {
    const tokens = unbudgeted(decision, 'distil');
    const { hidden, batch, length, mask, sizes } = tokens;
    checkHidden(hidden, layer);
    const keys = keyWeight ? yield* step.matmul(hidden, keyWeight, {}) : hidden;
    const values = valueWeight ? yield* step.matmul(hidden, valueWeight, {}) : hidden;
    const channels = values.dims[2];
    const { output } = yield* step.attention(
      { ...repeated(queries, tokens), dims: [batch, made, heads, width / heads] },
      { ...keys, dims: [batch, length, heads, width / heads] },
      { ...values, dims: [batch, length, heads, channels / heads] },
      {
        layout: 'bnhd',
        ...(scale !== undefined && { scale }),
        ...(mask && { mask }),
        ...(proportional && sizes && { bias: proportionalBias(sizes) }),
      },
    );
    return { distilled: { ...output, dims: [batch, made, channels] } };
  };
}

type Layer = DistilOptions & Required<Pick<DistilOptions, 'heads' | 'proportional'>>;

function readLayer(options: DistilOptions): Layer {
  const { heads = 1, scale, proportional = true, ...given } = readOptions(options);
  const queries = readMatrix('options.queries', given.queries);
  const weightOf = (name: 'keyWeight' | 'valueWeight') =>
    given[name] === undefined ? undefined : readMatrix(`options.${name}`, given[name]);
  const [keyWeight, valueWeight] = [weightOf('keyWeight'), weightOf('valueWeight')];
  readInteger('options.heads', heads, 1);
  if (scale !== undefined && typeof scale !== 'number') throw typeError('options.scale', 'a number', scale);
  if (scale !== undefined && !Number.isFinite(scale))
    throw rangeError('options.scale', 'a finite number', scale);
  if (typeof proportional !== 'boolean')
    throw typeError('options.proportional', 'true or false', proportional);

  const [made, width] = queries.dims;
  if (made === 0 || width === 0 || width % heads !== 0) {
    const expected = `[M,H*D], M from 1 and H = ${heads}`;
    throw rangeError('options.queries.dims', expected, queries.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  if (keyWeight && keyWeight.dims[1] !== width) {
    const expected = `[C,${width}], as options.queries`;
    throw rangeError('options.keyWeight.dims', expected, keyWeight.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  if (valueWeight && valueWeight.dims[1] % heads !== 0) {
    const expected = `[C,C'], C' a multiple of ${heads} heads`;
    throw rangeError('options.valueWeight.dims', expected, valueWeight.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  return {
    queries,
    ...(keyWeight && { keyWeight }),
    ...(valueWeight && { valueWeight }),
    ...(scale !== undefined && { scale }),
    heads,
    proportional,
  };
}

function readMatrix(path: string, value: unknown): FloatTensor {
  const read = readTensor(path, value, floatTypes);
  if (read.dims.length === 2) return read;
  throw rangeError(`${path}.dims`, 'of 2 dimensions', read.dims, 'ERR_TOKENSIEVE_SHAPE');
}

/** Tokens have the type of the queries and weights, and the channels that these start from. */
function checkHidden({ type, dims }: FloatTensor, { queries, keyWeight, valueWeight, heads }: Layer): void {
  for (const [name, matrix] of Object.entries({ queries, keyWeight, valueWeight }))
    if (matrix && matrix.type !== type)
      throw typeError('inputs.hidden.type', `'${matrix.type}', as options.${name}`, type);
  const channels = dims[2];
  const source = keyWeight ? 'keyWeight' : 'queries';
  const starts = {
    [source]: keyWeight?.dims[0] ?? queries.dims[1],
    valueWeight: valueWeight?.dims[0] ?? channels,
  };
  for (const [name, count] of Object.entries(starts)) {
    if (count === channels) continue;
    const expected = `of ${count} channels, as options.${name}`;
    throw rangeError('inputs.hidden.dims', expected, dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  if (!valueWeight && channels % heads !== 0) {
    const expected = `of channels that ${heads} heads divide`;
    throw rangeError('inputs.hidden.dims', expected, dims, 'ERR_TOKENSIEVE_SHAPE');
  }
}

/** The queries again for each row, in the array class of its tokens. */
function repeated(queries: FloatTensor, { batch, hidden }: Tokens): FloatTensor {
  const all = zeros(hidden.type, [batch, ...queries.dims], hidden.data);
  const [to, from] = [bytesOf(all), bytesOf(queries)];
  for (let row = 0; row < batch; row++) to.set(from, row * from.length);
  return all;
}
