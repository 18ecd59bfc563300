import { types } from 'node:util';
import { rangeError, typeError } from './errors.js';
import { type Halting, readHalting } from './halting.js';
import { type PredictorWeights, type ReadPredictor, readPredictor } from './linear-layer.js';
import type { Steps } from './steps.js';
import {
  copyArray,
  type DataTypeMap,
  type FloatTensor,
  type FloatType,
  readList,
  readTensor,
  type Tensor,
  zeros,
} from './tensor.js';

/** What a sieve reduces, and what its criterion and strategy may read. Only `hidden` is always needed. */
export interface SieveInputs {
  /** `[B,N,C]`, or `[N,C]` for one row: the tokens themselves, float32, float16 or bfloat16. */
  readonly hidden: FloatTensor;
  /** `[B,H,Nq,D]`: queries of this layer's attention. Leading 1-dims may be left out, here and below. */
  readonly q?: FloatTensor | undefined;
  /** `[B,Hkv,N,D]`: its keys. */
  readonly k?: FloatTensor | undefined;
  /** `[B,Hkv,N,Dv]`: its values. */
  readonly v?: FloatTensor | undefined;
  /** `'bnhd'` where q, k and v are `[B,N,H,D]`; `'bhnd'` by default. */
  readonly layout?: 'bhnd' | 'bnhd' | undefined;
  /** `[B,N,D]`: features to compare tokens by, in place of what a merging method would take. */
  readonly metric?: FloatTensor | undefined;
  /** `[B,N,C]`: of a loss, by hidden. */
  readonly gradients?: FloatTensor | undefined;
  /** `[B,H,Nq,D]`: queries of an earlier layer, for methods that look at two. */
  readonly shallowQ?: FloatTensor | undefined;
  /** `[B,Hkv,N,D]`: keys of that layer. */
  readonly shallowK?: FloatTensor | undefined;
  /** `[B,N,D]`: the tokens in the space they share with text, such as CLIP's. */
  readonly imageEmbeds?: FloatTensor | undefined;
  /** `[B,T,D]`, or `[T,D]` for one row: the text in that space. */
  readonly textEmbeds?: FloatTensor | undefined;
  /** uint8 `[B,T]` or `[T]`: 2 drops a text token; none by default. */
  readonly textMask?: Uint8Array | Tensor<'uint8'> | undefined;
  /** `[h,w]`, or `[t,h,w]` for video: how the free tokens of each row lie, line by line, frame by frame. */
  readonly grid?: readonly number[] | undefined;
  /** What `avit` left of the layer before; none for the first. */
  readonly halting?: Halting | undefined;
  /** Weights of a predictor of importance, for methods that have learned one. */
  readonly predictor?: PredictorWeights | undefined;
  /** float32 `[B,N]`: importance known already; the criterion is then not asked. */
  readonly scores?: Tensor<'float32'> | undefined;
  /** uint8 `[B,N]` or `[N]`: 0 free, 1 keep, 2 drop. */
  readonly mask?: Uint8Array | Tensor<'uint8'> | undefined;
  /** `[B]`: tokens of each row, where the rest is padding; the same as a mask of 2 behind them. */
  readonly lengths?: Int32Array | undefined;
  /** float32 `[B,N]` or `[N]`: how many original tokens each stands for; 1 by default. */
  readonly sizes?: Float32Array | Tensor<'float32'> | undefined;
  /**
   * int32 or int64 `[B,N]` or `[N]`: where each token stands; 0 to N - 1 by default. M-RoPE: `[S,B,N]`, S rows of
   * positions such as time, height and width; `[S,N]` where hidden is `[N,C]`.
   */
  readonly positions?: Int32Array | BigInt64Array | Tensor<'int32' | 'int64'> | undefined;
  /** Which layer this is, counted from 0: what a schedule over layers goes by. */
  readonly layer?: number | undefined;
}

/** Tokens of one row. */
export interface RowTokens {
  /** N of the counting rules: those not masked 2. */
  readonly tokens: number;
  /** Those masked 1, which stay. */
  readonly kept: number;
}

/** The inputs of a sieve, checked and brought to one form; B = 1 where a leading dim was left out. */
export interface Tokens {
  readonly batch: number;
  /** Whether `hidden` came as `[N,C]`. */
  readonly isSingle: boolean;
  /** N, masked tokens included. */
  readonly length: number;
  /** `[B,N,C]` */
  readonly hidden: FloatTensor;
  /** `[B,H,Nq,D]`, or `[B,Nq,H,D]` by layout. */
  readonly q: FloatTensor | undefined;
  readonly k: FloatTensor | undefined;
  readonly v: FloatTensor | undefined;
  readonly layout: 'bhnd' | 'bnhd';
  /** `[B,N,D]` */
  readonly metric: FloatTensor | undefined;
  /** `[B,N,C]` */
  readonly gradients: FloatTensor | undefined;
  /** As q and k, of an earlier layer. */
  readonly shallowQ: FloatTensor | undefined;
  readonly shallowK: FloatTensor | undefined;
  /** `[B,N,D]` */
  readonly imageEmbeds: FloatTensor | undefined;
  /** `[B,T,D]` */
  readonly textEmbeds: FloatTensor | undefined;
  /** `[B * T]`; undefined where every text token counts. */
  readonly textMask: Uint8Array | undefined;
  /** `[h,w]` or `[t,h,w]`, integers from 1. */
  readonly grid: readonly number[] | undefined;
  readonly halting: Halting | undefined;
  readonly predictor: ReadPredictor | undefined;
  /** `[B,N]` */
  readonly scores: Tensor<'float32'> | undefined;
  /** `[B * N]`, what lengths and protection add to it included; undefined where every token is free. */
  readonly mask: Uint8Array | undefined;
  readonly rows: readonly RowTokens[];
  /** `[B,N]` */
  readonly sizes: Tensor<'float32'> | undefined;
  /** `[B,N]`, or `[S,B,N]` for M-RoPE. */
  readonly positions: Tensor<'int32' | 'int64'>;
  readonly layer: number | undefined;
  /** Of tokens that are segments of others: those, and what cuts features `[B,N,D]` of theirs as the tokens were. */
  readonly within?: { readonly whole: Tokens; cut(features: FloatTensor): Steps<FloatTensor> };
}

/** Tokens that always stay, as if masked 1: so many first and last of those not dropped. */
export interface Protection {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}

const floatTypes: readonly FloatType[] = ['float32', 'float16', 'bfloat16'];

/** Checks what a sieve was handed; every error names `inputs.` and the field. */
export function readInputs(inputs: SieveInputs, protect: Protection = {}): Tokens {
  if (typeof inputs !== 'object' || inputs === null) throw typeError('inputs', 'an object', inputs);
  const { layout = 'bhnd', layer } = inputs;
  if (layout !== 'bhnd' && layout !== 'bnhd') throw typeError('inputs.layout', "'bhnd' or 'bnhd'", layout);
  if (layer !== undefined && typeof layer !== 'number') throw typeError('inputs.layer', 'an integer', layer);
  if (layer !== undefined && !(Number.isSafeInteger(layer) && layer >= 0))
    throw rangeError('inputs.layer', 'an integer from 0', layer);

  const given = readTensor('inputs.hidden', inputs.hidden, floatTypes);
  const hidden = withRank('inputs.hidden', given, 3);
  const [batch, length] = hidden.dims;
  const mask = readMask(inputs, batch, length, protect);
  return {
    batch,
    isSingle: given.dims.length === 2,
    length,
    hidden,
    q: readHeads('inputs.q', inputs.q, layout, batch),
    k: readHeads('inputs.k', inputs.k, layout, batch, length),
    v: readHeads('inputs.v', inputs.v, layout, batch, length),
    layout,
    metric: readFeatures('inputs.metric', inputs.metric, batch, length),
    gradients: readFeatures('inputs.gradients', inputs.gradients, batch, length, hidden.dims[2]),
    shallowQ: readHeads('inputs.shallowQ', inputs.shallowQ, layout, batch),
    shallowK: readHeads('inputs.shallowK', inputs.shallowK, layout, batch, length),
    ...readShared(inputs, batch, length),
    grid: readGrid(inputs.grid),
    halting: readHalting(inputs.halting, hidden),
    predictor:
      inputs.predictor === undefined
        ? undefined
        : readPredictor('inputs.predictor', inputs.predictor, hidden.dims[2]),
    scores: readPerToken('inputs.scores', inputs.scores, ['float32'], batch, length),
    mask: mask.some((state) => state !== 0) ? mask : undefined,
    rows: Array.from({ length: batch }, (_, row) =>
      countTokens(mask.subarray(row * length, (row + 1) * length)),
    ),
    sizes: readSizes(inputs.sizes, batch, length),
    positions: readPositions(inputs.positions, batch, length, given.dims.length === 2),
    layer,
  };
}

/** The field of the inputs that a part of the sieve reads, or an error that says who needs it. */
export function required(
  tokens: Tokens,
  name: 'q' | 'k' | 'v' | 'metric' | 'gradients' | 'shallowQ' | 'shallowK' | 'imageEmbeds' | 'textEmbeds',
  reader: string,
): FloatTensor {
  const value = tokens[name];
  if (value === undefined) throw typeError(`inputs.${name}`, `a tensor, which ${reader} reads`, value);
  return value;
}

function readFeatures(
  path: string,
  value: unknown,
  batch: number,
  length: number,
  channels?: number,
): FloatTensor | undefined {
  if (value === undefined) return undefined;
  const read = withRank(path, readTensor(path, value, floatTypes), 3);
  const [rows, tokens, width] = read.dims;
  if (rows === batch && tokens === length && width === (channels ?? width)) return read;
  const expected = `[${batch},${length},${channels ?? 'D'}], as inputs.hidden`;
  throw rangeError(`${path}.dims`, expected, read.dims, 'ERR_TOKENSIEVE_SHAPE');
}

/** Queries have a length of their own; keys and values that of the tokens. */
function readHeads(
  path: string,
  value: unknown,
  layout: 'bhnd' | 'bnhd',
  batch: number,
  length?: number,
): FloatTensor | undefined {
  if (value === undefined) return undefined;
  const read = withRank(path, readTensor(path, value, floatTypes), 4);
  const tokens = read.dims[layout === 'bnhd' ? 1 : 2];
  if (read.dims[0] === batch && (length === undefined || tokens === length)) return read;
  const expected = length === undefined ? `of batch ${batch}` : `of batch ${batch} and ${length} tokens`;
  throw rangeError(`${path}.dims`, `${expected}, as inputs.hidden`, read.dims, 'ERR_TOKENSIEVE_SHAPE');
}

/** A tensor with the leading 1-dims it left out put back. */
function withRank(path: string, read: FloatTensor, rank: 3 | 4): FloatTensor {
  if (read.dims.length < 2 || read.dims.length > rank)
    throw rangeError(`${path}.dims`, `2 to ${rank} dimensions`, read.dims, 'ERR_TOKENSIEVE_SHAPE');
  const ones = new Array<number>(rank - read.dims.length).fill(1);
  return { ...read, dims: [...ones, ...read.dims] };
}

const arrays = {
  float32: types.isFloat32Array,
  int32: types.isInt32Array,
  int64: types.isBigInt64Array,
  uint8: types.isUint8Array,
};

/** One value a token, as a private copy of dims [B,N]; what stands for one row is repeated for all. */
function readPerToken<T extends keyof typeof arrays>(
  path: string,
  value: unknown,
  allowed: readonly T[],
  batch: number,
  length: number,
): Tensor<T> | undefined {
  if (value === undefined) return undefined;
  const bare = allowed.find((type) => arrays[type](value));
  const { type, data }: { type: T; data: DataTypeMap[T] } =
    bare === undefined ? readTensor(path, value, allowed) : { type: bare, data: value as DataTypeMap[T] };
  const own = copyArray<DataTypeMap[keyof typeof arrays]>(path, data) as DataTypeMap[T];
  if (own.length === batch * length) return { type, data: own, dims: [batch, length] };
  if (own.length !== length) {
    const expected = `[${batch},${length}] or [${length}]`;
    throw rangeError(path, expected, data, 'ERR_TOKENSIEVE_SHAPE');
  }
  const all = zeros(type, [batch, length]);
  for (let row = 0; row < batch; row++) all.data.set(own as never, row * length);
  return all;
}

function readSizes(value: unknown, batch: number, length: number): Tensor<'float32'> | undefined {
  const sizes = readPerToken('inputs.sizes', value, ['float32'], batch, length);
  const bad = sizes ? sizes.data.findIndex((size) => !(size >= 0 && size < Number.POSITIVE_INFINITY)) : -1;
  if (bad !== -1) throw rangeError(`inputs.sizes[${bad}]`, 'a finite number from 0', sizes?.data[bad]);
  return sizes;
}

/** The features that tokens share with text, and the text. */
function readShared(
  { imageEmbeds, textEmbeds, textMask }: SieveInputs,
  batch: number,
  length: number,
): Pick<Tokens, 'imageEmbeds' | 'textEmbeds' | 'textMask'> {
  const image = readFeatures('inputs.imageEmbeds', imageEmbeds, batch, length);
  if (textEmbeds === undefined) {
    if (textMask !== undefined)
      throw typeError('inputs.textMask', 'left out without inputs.textEmbeds', textMask);
    return { imageEmbeds: image, textEmbeds: undefined, textMask: undefined };
  }
  const text = withRank('inputs.textEmbeds', readTensor('inputs.textEmbeds', textEmbeds, floatTypes), 3);
  const [rows, words] = text.dims;
  if (rows !== batch || (image && image.dims[2] !== text.dims[2])) {
    const expected = `[${batch},T,${image?.dims[2] ?? 'D'}], as the image's`;
    throw rangeError('inputs.textEmbeds.dims', expected, text.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const mask = readPerToken('inputs.textMask', textMask, ['uint8'], batch, words)?.data;
  const bad = mask ? mask.findIndex((state) => state > 2) : -1;
  if (bad !== -1) throw rangeError(`inputs.textMask[${bad}]`, '0, 1 or 2', mask?.[bad]);
  return {
    imageEmbeds: image,
    textEmbeds: text,
    textMask: mask?.some((state) => state === 2) ? mask : undefined,
  };
}

/** Checks a grid; that it has as many cells as there are free tokens is for who reads it, see `gridOf`. */
function readGrid(value: unknown): readonly number[] | undefined {
  return value === undefined ? undefined : readSides('inputs.grid', value);
}

/** Checks the sides of a grid. */
export function readSides(path: string, value: unknown): readonly number[] {
  const sides = readList(path, 'an array [h,w] or [t,h,w]', value, 3);
  if (sides.length < 2) throw rangeError(path, '[h,w] or [t,h,w]', value, 'ERR_TOKENSIEVE_SHAPE');
  return sides.map((side, i) => {
    if (typeof side !== 'number') throw typeError(`${path}[${i}]`, 'an integer', side);
    if (!Number.isSafeInteger(side) || side < 1) throw rangeError(`${path}[${i}]`, 'an integer from 1', side);
    return side;
  });
}

/** `[B,N]` or `[S,B,N]`, a private copy. */
function readPositions(
  value: unknown,
  batch: number,
  length: number,
  isSingle: boolean,
): Tensor<'int32' | 'int64'> {
  const sections = sectionsOf(value, isSingle);
  if (sections === undefined)
    return (
      readPerToken('inputs.positions', value, ['int32', 'int64'], batch, length) ??
      ascendingPositions(batch, length)
    );
  const read = readTensor('inputs.positions', value, ['int32', 'int64']);
  const data = copyArray('inputs.positions', read.data);
  if (data.length !== sections * batch * length || read.dims[read.dims.length - 1] !== length) {
    const expected = isSingle ? `[S,${length}]` : `[S,${batch},${length}]`;
    throw rangeError('inputs.positions.dims', expected, read.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  return { ...read, data, dims: [sections, batch, length] };
}

/** Rows of positions that an M-RoPE tensor has; undefined for anything else. */
function sectionsOf(value: unknown, isSingle: boolean): number | undefined {
  if (typeof value !== 'object' || value === null || !('dims' in value) || !Array.isArray(value.dims))
    return undefined;
  const { dims } = value as { dims: readonly unknown[] };
  const hasSections = dims.length === 3 || (dims.length === 2 && isSingle && dims[0] !== 1);
  return hasSections && typeof dims[0] === 'number' ? dims[0] : undefined;
}

function ascendingPositions(batch: number, length: number): Tensor<'int32'> {
  const data = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) for (let i = 0; i < length; i++) data[row * length + i] = i;
  return { type: 'int32', data, dims: [batch, length] };
}

/** The tri-state mask of all tokens, with padding and protection written in. */
function readMask(inputs: SieveInputs, batch: number, length: number, protect: Protection): Uint8Array {
  const given = readPerToken('inputs.mask', inputs.mask, ['uint8'], batch, length);
  const mask = given?.data ?? new Uint8Array(batch * length);
  const bad = mask.findIndex((state) => state > 2);
  if (bad !== -1) throw rangeError(`inputs.mask[${bad}]`, '0, 1 or 2', mask[bad]);

  const lengths = readLengths(inputs.lengths, batch, length);
  const { first = 0, last = 0 } = protect;
  for (let row = 0; row < batch; row++) {
    const tokens = mask.subarray(row * length, (row + 1) * length);
    if (lengths) tokens.fill(2, lengths[row]);
    if (first + last > 0) keepEnds(tokens, first, last);
  }
  return mask;
}

/** Masks with 1 the first and last tokens of those not dropped. */
function keepEnds(mask: Uint8Array, first: number, last: number): void {
  for (let i = 0, left = first; i < mask.length && left > 0; i++) {
    if (mask[i] === 2) continue;
    mask[i] = 1;
    left--;
  }
  for (let i = mask.length - 1, left = last; i >= 0 && left > 0; i--) {
    if (mask[i] === 2) continue;
    mask[i] = 1;
    left--;
  }
}

function readLengths(value: unknown, batch: number, length: number): Int32Array | undefined {
  if (value === undefined) return undefined;
  if (!types.isInt32Array(value)) throw typeError('inputs.lengths', 'an Int32Array', value);
  const own = copyArray('inputs.lengths', value);
  if (own.length !== batch) throw rangeError('inputs.lengths', `[${batch}]`, value, 'ERR_TOKENSIEVE_SHAPE');
  const bad = own.findIndex((tokens) => tokens < 0 || tokens > length);
  if (bad !== -1) throw rangeError(`inputs.lengths[${bad}]`, `an integer from 0 to ${length}`, own[bad]);
  return own;
}

function countTokens(mask: Uint8Array): RowTokens {
  let tokens = 0;
  let kept = 0;
  for (const state of mask) {
    if (state !== 2) tokens++;
    if (state === 1) kept++;
  }
  return { tokens, kept };
}
