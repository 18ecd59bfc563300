import { memoryOf } from '../device-memory.js';
import type { AnyOptions, AnyTensor } from '../device-tensor.js';
import { rangeError, typeError } from '../errors.js';
import { type FloatOperand, type Operand, readOperand } from '../operand.js';
import { type FloatTensor, type FloatType, reshape, type Tensor } from '../tensor.js';
import { arrayName } from '../typed-array.js';
import {
  type CommonOptions,
  floatTypes,
  type Placed,
  readArray,
  readBoolean,
  readChoice,
  readInteger,
  readNumber,
  readRequiredArray,
  withRank,
} from './call.js';
import { type PackedKeys, readPackedKeys } from './packed-keys.js';

/** Which queries are scored. `{ last: w }`: a window of the w last ones. */
export type QuerySelection = 'all' | 'first' | 'last' | { last: number } | Int32Array | BigInt64Array;

/** Which keys are scored and pooled; the softmax is over all. */
export type KeySelection = { first: number } | { last: number };

/** How heads become one row of scores, or stay. `{ group }`: one row for each key head. */
export type HeadReduction = 'mean' | 'sum' | 'max' | 'none' | 'group' | { group: 'mean' | 'sum' | 'max' };

/** Options shared by {@link attentionScores} and {@link attention}. */
export interface AttentionOptions extends CommonOptions {
  /** Multiplies the products; `1 / sqrt(D)` by default. */
  scale?: number;
  /** Each query sees the keys up to its own place; the last query stands at the last key. Default false. */
  causal?: boolean;
  /** Keys a query sees up to its own place, its own included; all by default. */
  window?: number;
  /** uint8 `[B,N]` or `[N]`: 2 drops the key (0 and 1 are seen). */
  mask?: Tensor<'uint8'> | Uint8Array;
  /** uint8 `[B,Nq]` or `[Nq]`: 2 drops the query. */
  queryMask?: Tensor<'uint8'> | Uint8Array;
  /** int32 `[B]`: real tokens before the padding, of keys, and of queries too when Nq = N. */
  lengths?: Tensor<'int32'> | Int32Array;
  /** float32 `[B,N]` or `[N]`, added to the logits, such as log(size). At or under -1e30 the key is masked. */
  bias?: Tensor<'float32'> | Float32Array;
  /** Logits become `softcap * tanh(logit / softcap)` before the bias; none by default. */
  softcap?: number;
  /**
   * float32 `[L]`, L at least 1, finite: the product of a query at `p_i` with a key at `p_j` is multiplied by
   * `distanceScale[min(|p_i - p_j|, L - 1)]`, before the soft cap. `gravityCorrection` makes one that evens out what
   * rotary embeddings take from far keys. Computed exactly at any precision.
   */
  distanceScale?: Tensor<'float32'> | Float32Array;
  /**
   * int32 or int64 `[B,N]` or `[N]`, from -2^31 to 2^31 - 1: where the keys stand, for `distanceScale`; 0 to N - 1 by
   * default. It moves nothing else: `causal` and `window` go by index.
   */
  positions?: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array;
  /** `[B,Nq]` or `[Nq]`, as `positions`: where the queries stand; by default, for Nq up to N, with the last Nq keys. */
  queryPositions?: Tensor<'int32' | 'int64'> | Int32Array | BigInt64Array;
  /** The queries that are scored; all by default. */
  queries?: QuerySelection;
  /** The keys that are scored; all by default. */
  keys?: KeySelection;
  /** Over the chosen queries; `'observed'` divides by those that see the key. Default `'mean'`. */
  reduce?: 'mean' | 'sum' | 'max' | 'observed';
  /** Smooths scores along the keys: stride 1, odd kernel; `avg` pads with 0, `max` with -Infinity. */
  pool?: { kernel: number; mode?: 'avg' | 'max' };
  /** Default `'mean'`. */
  heads?: HeadReduction;
  /** float32 log-sum-exp of each row, `[B,H,chosen]`, when it is known. */
  lse?: Tensor<'float32'> | Float32Array;
  /** Also give each row's entropy, in nats. Default false. */
  entropy?: boolean;
  /**
   * `'fast'` rounds queries and keys to 8 bits, for scores that only rank tokens: {@link attentionScores} with neither
   * softcap, distanceScale nor entropy, on x86 processors with AVX-512 VNNI. Everything else is computed exactly, and so
   * is everything on a device. Default `'exact'`.
   *
   * What it changes, by `npm run accuracy`: of the best quarter of the tokens it finds 99.4 and 99.8 % in the two layers
   * of the demo's sentence encoder, 99.0 % or more on synthetic heads (normal, clustered, outlier channels, attention
   * sinks; logits deviating by 1 and by 3); what it finds has 0.9999 of the exact scores' sum. Relative errors of scores
   * are 1e-3 to 1e-2 in the mean, 0.1 at most. Speed beside exact: README, "How fast".
   */
  precision?: 'exact' | 'fast';
  /** Order of the dims of q, k, v and output: `[B,H,N,D]` or `[B,N,H,D]`. Default `'bhnd'`. */
  layout?: 'bhnd' | 'bnhd';
}

/** What both attention operations read from their arguments, in the addon's order. */
export interface AttentionCall {
  readonly q: FloatOperand;
  readonly batch: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly depth: number;
  /** Queries that are scored. */
  readonly chosen: number;
  /** The last dim of v; 0 without it. */
  readonly valueDepth: number;
  /** Dims of the scores. */
  readonly scoreDims: readonly number[];
  /** The dims of a result as the caller sees them: leading 1s that q leaves out are left out too. */
  readonly ranked: (dims: readonly number[]) => readonly number[];
  readonly swapped: boolean;
  readonly inputs: readonly (Operand | Placed | undefined)[];
  readonly numbers: readonly number[];
}

const headNames = ['mean', 'sum', 'max', 'none', 'group-mean', 'group-sum', 'group-max'] as const;

/** Reads what q, k, the values and the options say; relations between them are for the C interface. */
export function readAttention(
  q: AnyTensor<FloatType>,
  k: AnyTensor<FloatType> | PackedKeys,
  v: AnyTensor<FloatType> | undefined,
  options: AnyOptions<AttentionOptions & { values?: FloatTensor }>,
  everyQuery: boolean,
): AttentionCall {
  const layout = readChoice('options.layout', options.layout, ['bhnd', 'bnhd'], 'bhnd');
  const swapped = layout === 1;
  const four = (path: string, value: unknown, read = readOperand(path, value, floatTypes)): FloatOperand => {
    const tensor = withRank(path, read, 4);
    return swapped ? reshape(tensor, swap(tensor.dims)) : tensor;
  };
  const given = readOperand('q', q, floatTypes);
  const query = four('q', q, given);
  const missing = 4 - given.dims.length;
  const packed = readPackedKeys(k);
  const key = packed ? undefined : four('k', k);
  const values = everyQuery ? four('v', v) : undefined;
  const weighing =
    !everyQuery && options.values !== undefined ? four('options.values', options.values) : undefined;
  const [batch = 0, heads = 0, queries = 0, depth = 0] = query.dims;
  const [, keyHeads = 0, keys = 0] = packed?.dims ?? key?.dims ?? [];

  const selection = readQueries(options.queries, queries);
  const scored = readKeys(options.keys, keys);
  const head = readHeads(options.heads);
  const pool = readPool(options.pool);
  const softcap = readPositive('options.softcap', options.softcap);
  const scale = readNumber('options.scale', options.scale, Number.NaN);
  if (options.scale !== undefined && Number.isNaN(scale))
    throw rangeError('options.scale', 'a finite number', scale);
  const window = readInteger('options.window', options.window, 0);
  if (options.window !== undefined && window < 1)
    throw rangeError('options.window', 'an integer from 1', window);
  const lseRows = everyQuery ? queries : selection.chosen;
  const lse = readArray('options.lse', options.lse, ['float32'], [batch, heads, lseRows]);
  const place = (tensor: FloatOperand | undefined): Placed | undefined =>
    tensor === undefined ? undefined : { tensor, swapped };
  const scoreRows = head < 3 ? [] : [head === 3 ? heads : keyHeads];
  return {
    q: query,
    batch,
    heads,
    keyHeads,
    queries,
    depth,
    chosen: selection.chosen,
    valueDepth: values?.dims[3] ?? 0,
    scoreDims: [batch, ...scoreRows, scored.count],
    ranked: (dims) => withoutOnes(dims, missing),
    swapped,
    inputs: [
      place(query),
      place(key),
      place(values ?? weighing),
      readArray('options.mask', options.mask, ['uint8'], [batch, keys]),
      readArray('options.queryMask', options.queryMask, ['uint8'], [batch, queries]),
      readArray('options.lengths', options.lengths, ['int32']),
      readArray('options.bias', options.bias, ['float32'], [batch, keys]),
      lse === undefined ? undefined : withRank('options.lse', lse, 3),
      selection.list,
      packed?.bytes,
      readArray('options.distanceScale', options.distanceScale, ['float32']),
      readArray('options.positions', options.positions, ['int32', 'int64'], [batch, keys]),
      readArray('options.queryPositions', options.queryPositions, ['int32', 'int64'], [batch, queries]),
    ],
    numbers: [
      scale,
      softcap,
      window,
      selection.count,
      scored.given,
      pool.kernel,
      readBoolean('options.causal', options.causal, false) ? 1 : 0,
      selection.kind,
      scored.kind,
      readChoice('options.reduce', options.reduce, ['mean', 'sum', 'max', 'observed'], 'mean'),
      head,
      pool.mode,
      readChoice('options.precision', options.precision, ['exact', 'fast'], 'exact'),
      weighing !== undefined || (everyQuery && options.values !== undefined) ? 1 : 0,
    ],
  };
}

/** Dims without up to `most` leading 1s; the last stays. */
function withoutOnes(dims: readonly number[], most: number): readonly number[] {
  const first = dims.findIndex((dim, i) => dim !== 1 || i === most || i === dims.length - 1);
  return dims.slice(first);
}

/** Exchanges dims 1 and 2. */
export const swap = ([a = 1, b = 1, c = 1, d = 1]: readonly number[]): number[] => [a, c, b, d];

function readPositive(path: string, value: unknown): number {
  const number = readNumber(path, value, 0);
  if (value !== undefined && !(number > 0)) throw rangeError(path, 'a number above 0', value);
  return number;
}

function readQueries(
  value: unknown,
  queries: number,
): { kind: number; count: number; chosen: number; list?: Operand<'int32' | 'int64'> } {
  if (value === undefined || value === 'all') return { kind: 0, count: 0, chosen: queries };
  if (value === 'first') return { kind: 1, count: 0, chosen: 1 };
  if (value === 'last') return { kind: 2, count: 1, chosen: 1 };
  if (arrayName(value) !== undefined || memoryOf(value) !== undefined) {
    const list = readRequiredArray('options.queries', value, ['int32', 'int64']);
    return { kind: 3, count: 0, chosen: list.dims[0], list };
  }
  const { last } = readRecord('options.queries', value, "'all', 'first', 'last', { last } or an Int32Array");
  const count = readInteger('options.queries.last', last ?? Number.NaN, 0);
  return { kind: 2, count, chosen: sane(count, queries) };
}

function readKeys(
  value: KeySelection | undefined,
  keys: number,
): { kind: number; given: number; count: number } {
  if (value === undefined) return { kind: 0, given: 0, count: keys };
  const { first, last } = readRecord('options.keys', value, '{ first } or { last }');
  if ((first === undefined) === (last === undefined)) {
    throw typeError('options.keys', '{ first } or { last }', value);
  }
  const kind = first !== undefined ? 1 : 2;
  const given = readInteger(`options.keys.${kind === 1 ? 'first' : 'last'}`, first ?? last, 0);
  return { kind, given, count: sane(given, keys) };
}

// Room for a result; when the count is out of range, the C interface says so before it looks at the room.
const sane = (count: number, limit: number): number => Math.max(0, Math.min(count, limit));

function readHeads(value: HeadReduction | undefined): number {
  if (typeof value === 'object' && value !== null) {
    return 4 + readChoice('options.heads.group', value.group, ['mean', 'sum', 'max'], 'mean');
  }
  const name = value === 'group' ? 'group-mean' : (value ?? 'mean');
  const place = headNames.indexOf(name);
  if (place < 0 || (place > 3 && value !== 'group')) {
    throw typeError('options.heads', "'mean', 'sum', 'max', 'none', 'group' or { group }", value);
  }
  return place;
}

function readPool(value: AttentionOptions['pool']): { kernel: number; mode: number } {
  if (value === undefined) return { kernel: 0, mode: 0 };
  const { kernel, mode } = readRecord('options.pool', value, '{ kernel, mode }');
  const size = readInteger('options.pool.kernel', kernel ?? Number.NaN, 0);
  if (size < 1) throw rangeError('options.pool.kernel', 'an odd integer from 1', size);
  return { kernel: size, mode: readChoice('options.pool.mode', mode, ['avg', 'max'], 'avg') };
}

function readRecord(path: string, value: unknown, expected: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw typeError(path, expected, value);
  }
  return value as Record<string, unknown>;
}
