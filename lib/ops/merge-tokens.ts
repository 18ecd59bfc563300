import type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  OnDevice,
} from '../device-tensor.js';
import { readOperand } from '../operand.js';
import { elementCount, type FloatTensor, type FloatType, reshape, type Tensor } from '../tensor.js';
import type { TokenMap } from '../token-map.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readBoolean,
  readChoice,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';
import { checkLeadingDims, placeMap, readMap, readWeights } from './map-inputs.js';

/** How the members of a slot become one token. */
export type MergeReduce = 'mean' | 'sum' | 'max' | 'norm';

/** Options of {@link mergeTokens}. */
export interface MergeTokensOptions<T extends FloatTensor = FloatTensor> extends CommonOptions {
  /** Token sizes, float32 `[B,N]` (or `[B,Hkv,N]` with a map per head); 1 by default. */
  weights?: Tensor<'float32'> | Float32Array | undefined;
  /**
   * With w the size of a token and m the map's weight for it, `'mean'` (default): `sum(w*m*x) / sum(w*m)`;
   * `'sum'`: `sum(w*m*x)`; `'max'`: elementwise; `'norm'`: the mean's direction at the largest member's norm.
   */
  reduce?: MergeReduce;
  /** Rows one after another, without padding. */
  packed?: boolean;
  /** Tensors to fill. */
  out?: { tokens?: T; sizes?: Tensor<'float32'> };
}

/** The result of {@link mergeTokens}. */
export interface MergedTokens<T extends FloatTensor = FloatTensor> {
  /** `[B,M,C]` (`[B,Hkv,M,C]` with a map per head), zero-padded to the longest row; `[slots,C]` when packed. */
  readonly tokens: T;
  /** `[B,M]` or `[slots]`: the token sizes in each slot added up, the map's weights apart; 0 in padding. */
  readonly sizes: Tensor<'float32'>;
  /** Slots of each row, when padded. */
  readonly lengths?: Int32Array;
  /** Where each row begins, `[R+1]`, when packed. */
  readonly offsets?: Int32Array;
}

function prepare(
  x: AnyTensor<FloatType>,
  map: TokenMap,
  options: AnyOptions<MergeTokensOptions>,
): Invocation<AnyResult<MergedTokens>> {
  const given = readOperand('x', x, floatTypes);
  const tokens = withRank('x', given, Math.max(2, given.dims.length));
  const readable = readMap(map);
  const leading = given.dims.slice(0, -2);
  checkLeadingDims('x', leading, readable);
  const [length, channels] = tokens.dims.slice(-2);
  const packed = readBoolean('options.packed', options.packed, false);
  const rows = elementCount(leading);
  const { inputs, slots, longest, ...placed } = placeMap(readable, given.data);

  const dims = packed ? [slots] : [...leading, longest];
  const flat = packed ? [slots] : [rows, longest];
  const merged = outputFor(options.out, 'tokens', tokens.type, [...dims, channels], tokens.data);
  const sizes = outputFor(options.out, 'sizes', 'float32', dims, tokens.data);
  const offsets =
    packed && placed.rowOffsets === undefined
      ? outputFor(undefined, 'offsets', 'int32', [rows + 1], tokens.data)
      : undefined;
  return {
    operation: 'mergeTokens',
    inputs: [reshape(tokens, [rows, length, channels]), ...inputs, readWeights(options.weights, length)],
    outputs: [withDims(merged, [...flat, channels]), withDims(sizes, flat), offsets],
    numbers: [
      placed.rows,
      placed.inputLength,
      readChoice('options.reduce', options.reduce, ['mean', 'sum', 'max', 'norm'], 'mean'),
      packed ? 1 : 0,
    ],
    result: () =>
      ({
        tokens: merged.shown,
        sizes: sizes.shown,
        ...(packed ? { offsets: placed.rowOffsets ?? offsets?.shown } : { lengths: placed.lengths() }),
      }) as AnyResult<MergedTokens>,
  };
}

/** {@link mergeTokens} of tensors on a device, where the result stays. */
export function mergeTokens<T extends FloatType>(
  x: DeviceTensor<T>,
  map: TokenMap,
  options?: DeviceOptions<MergeTokensOptions<Tensor<T>>>,
): Promise<OnDevice<MergedTokens<Tensor<T>>>>;
/**
 * Makes each slot of a map out of its members, in one pass with float32 between. A slot of one member is that
 * member bit for bit, unless its sum is asked for and its weight is not 1. A member of weight 0 takes no part
 * in means and sums; a slot whose weights add up to 0 has no mean and becomes zeros.
 *
 * @param x `[B,N,C]`, or `[B,Hkv,N,C]` with a map per head; float32, float16 or bfloat16
 * @param map over the rows of x
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` (also for a map that is no {@link TokenMap}), RangeError
 *   `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function mergeTokens<T extends FloatTensor>(
  x: T,
  map: TokenMap,
  options?: MergeTokensOptions<T>,
): Promise<MergedTokens<T>>;
export async function mergeTokens(
  x: AnyTensor<FloatType>,
  map: TokenMap,
  options?: AnyOptions<MergeTokensOptions>,
): Promise<AnyResult<MergedTokens>> {
  const given = readOptions(options);
  return runAsync(prepare(x, map, given), readSignal(given));
}

/** {@link mergeTokensSync} of tensors on a device, where the result stays: checks and enqueues. */
export function mergeTokensSync<T extends FloatType>(
  x: DeviceTensor<T>,
  map: TokenMap,
  options?: DeviceOptions<MergeTokensOptions<Tensor<T>>>,
): OnDevice<MergedTokens<Tensor<T>>>;
/** {@link mergeTokens}, at once on the calling thread. */
export function mergeTokensSync<T extends FloatTensor>(
  x: T,
  map: TokenMap,
  options?: MergeTokensOptions<T>,
): MergedTokens<T>;
export function mergeTokensSync(
  x: AnyTensor<FloatType>,
  map: TokenMap,
  options?: AnyOptions<MergeTokensOptions>,
): AnyResult<MergedTokens> {
  return runSync(prepare(x, map, readOptions(options)));
}
