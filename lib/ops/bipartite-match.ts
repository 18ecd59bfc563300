import { types } from 'node:util';
import { memoryOf } from '../device-memory.js';
import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
} from '../device-tensor.js';
import { rangeError, typeError } from '../errors.js';
import { isHost, type Operand, readOperand, sharedTensor } from '../operand.js';
import type { FloatTensor, FloatType, Tensor } from '../tensor.js';
import { adoptDeviceMap, adoptTokenMap, type TokenMap } from '../token-map.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  type Output,
  outputAt,
  readArray,
  readInteger,
  readNumber,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';

/** Which tokens may be merged into (destinations); the others are sources. */
export type BipartitePartition =
  /** Odd places are destinations. */
  | 'alternate'
  /**
   * `[h,w]` tokens in blocks of `[sy,sx]`: one destination a block, the first cell or, with a seed, one drawn
   * for each block and alike for every batch item. Cells past the last whole block are sources.
   */
  | { grid: readonly [number, number]; stride: readonly [number, number]; seed?: number }
  /** r sources drawn for each batch item, which all merge (r must be given). */
  | { random: number }
  /** The last of every k tokens is a destination, and so is what is left at the end. */
  | { every: number };

/** Options of {@link bipartiteMatch}. */
export interface BipartiteMatchOptions extends CommonOptions {
  /** How many tokens to merge away; as many as may be by default. */
  r?: number;
  /** Merge only at this cosine or above. */
  threshold?: number;
  /** uint8 `[B,N]` or `[N]`: 1 is neither merged away nor merged into, 2 is no token. */
  mask?: Tensor<'uint8'> | Uint8Array | undefined;
  /** `[B]`: tokens of each batch item; those after them are dropped. */
  lengths?: Int32Array | undefined;
  /** `'alternate'` by default. */
  partition?: BipartitePartition;
  /** Arrays that the map is made of: `B*N + 1` offsets and `B*N` members of room, `[B]` and `[B,N]` exactly. */
  out?: { outputLengths?: Int32Array; offsets?: Int32Array; members?: Int32Array; assignment?: Int32Array };
}

function prepare(
  metric: AnyTensor<FloatType>,
  options: AnyOptions<BipartiteMatchOptions>,
): Invocation<TokenMap> {
  const features = withRank('metric', readOperand('metric', metric, floatTypes), 3);
  const [items, N] = features.dims;
  const partition = readPartition(options.partition ?? 'alternate');
  if (partition.kind === 2 && options.r === undefined) throw typeError('options.r', 'an integer', options.r);
  const threshold = readNumber('options.threshold', options.threshold, Number.NaN);
  if (options.threshold !== undefined && Number.isNaN(threshold))
    throw rangeError('options.threshold', 'a number', threshold);
  const outputLengths = outputArray(options.out, 'outputLengths', items, features.data);
  const offsets = outputArray(options.out, 'offsets', items * N + 1, features.data);
  const members = outputArray(options.out, 'members', items * N, features.data);
  const assignment = outputArray(options.out, 'assignment', items * N, features.data);
  // Where the matching itself stays on the device, the host is told what no row passes.
  const longest = isHost(features) ? undefined : new BigInt64Array([BigInt(N)]);
  return {
    operation: 'bipartiteMatch',
    inputs: [
      features,
      readArray('options.mask', options.mask, ['uint8'], maskDims(options.mask, items, N)),
      readArray('options.lengths', options.lengths, ['int32']),
    ],
    outputs: [outputLengths, offsets, members, withDims(assignment, [items, N]), longest && bound(longest)],
    numbers: [
      partition.kind,
      readInteger('options.r', options.r, Number.POSITIVE_INFINITY),
      threshold,
      ...partition.grid,
      ...partition.stride,
      partition.seed,
      partition.every,
    ],
    result: () => {
      const arrays = [outputLengths, offsets, members, assignment];
      if (longest !== undefined) {
        const [onDevice, ends, tokens, owners] = arrays.map(ownTensor);
        return adoptDeviceMap({
          rowDims: [items],
          inputLength: N,
          longest: Number(longest[0]),
          outputLengths: onDevice,
          offsets: ends,
          members: tokens,
          assignment: owners,
        });
      }
      const [lengths, allEnds, allMembers, owners] = arrays.map(({ tensor }) => tensor.data as Int32Array);
      const slots = lengths.reduce((sum, length) => sum + length, 0);
      const ends = allEnds.subarray(0, slots + 1);
      return adoptTokenMap({
        rowDims: [items],
        inputLength: N,
        outputLengths: lengths,
        offsets: ends,
        members: allMembers.subarray(0, ends[slots]),
        weights: undefined,
        assignment: owners,
        isPartition: true,
      });
    },
  };
}

/** A bare mask is one row for all, unless it is as long as all rows. */
function maskDims(mask: unknown, items: number, N: number): number[] {
  return types.isUint8Array(mask) && mask.length !== N ? [items, N] : [N];
}

/** A field of the map's own type, which is a bare array. */
function outputArray(out: unknown, field: string, length: number, like: Operand['data']): Output<'int32'> {
  if (out !== undefined && (typeof out !== 'object' || out === null))
    throw typeError('options.out', 'an object', out);
  const path = `options.out.${field}`;
  const data = (out as Record<string, unknown> | undefined)?.[field];
  if (data === undefined || memoryOf(data) !== undefined)
    return outputAt(path, data, 'int32', [length], like);
  if (!types.isInt32Array(data)) throw typeError(path, 'an Int32Array', data);
  return outputAt(path, { type: 'int32', data, dims: [data.length] }, 'int32', [length], like);
}

/** The bound that the C interface writes on the host. */
function bound(data: BigInt64Array): Output<'int64'> {
  const tensor: Tensor<'int64'> = { type: 'int64', data, dims: [1] };
  return { tensor, shown: tensor, given: false, misfit: undefined, swapped: false };
}

/** An output for the map to have: one that the caller gave stays the caller's too. */
function ownTensor({ tensor, shown, given }: Output<'int32'>): DeviceTensor<'int32'> {
  return given ? sharedTensor(tensor) : (shown as DeviceTensor<'int32'>);
}

interface PartitionNumbers {
  readonly kind: number;
  readonly grid: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly seed: number;
  readonly every: number;
}

/** Checks a partition, as numbers. */
export function readPartition(value: unknown): PartitionNumbers {
  const none: PartitionNumbers = { kind: 0, grid: [0, 0], stride: [1, 1], seed: -1, every: 1 };
  if (value === 'alternate') return none;
  if (typeof value === 'object' && value !== null) {
    const { grid, stride, seed, random, every } = value as Record<string, unknown>;
    const path = 'options.partition';
    if (grid !== undefined) {
      return {
        ...none,
        kind: 1,
        grid: readPair(`${path}.grid`, grid),
        stride: readPair(`${path}.stride`, stride),
        seed: seed === undefined ? -1 : readSeed(`${path}.seed`, seed),
      };
    }
    if (random !== undefined) return { ...none, kind: 2, seed: readSeed(`${path}.random`, random) };
    if (every !== undefined) return { ...none, kind: 3, every: readInteger(`${path}.every`, every, 1) };
  }
  throw typeError('options.partition', "'alternate', { grid, stride }, { random } or { every }", value);
}

function readPair(path: string, value: unknown): [number, number] {
  if (!Array.isArray(value) || value.length !== 2) throw typeError(path, 'two integers', value);
  return [readInteger(`${path}[0]`, value[0] ?? null, 0), readInteger(`${path}[1]`, value[1] ?? null, 0)];
}

/** Seeds cross as numbers, of which a negative one means none. */
function readSeed(path: string, value: unknown): number {
  const seed = readInteger(path, value, 0);
  if (seed < 0 || !Number.isSafeInteger(seed))
    throw rangeError(path, `an integer from 0 to ${Number.MAX_SAFE_INTEGER}`, seed);
  return seed;
}

/** {@link bipartiteMatch} of tokens on a device: the map stays there. */
export function bipartiteMatch(
  metric: FloatDeviceTensor,
  options?: DeviceOptions<BipartiteMatchOptions>,
): Promise<TokenMap>;
/**
 * Bipartite soft matching (Bolya et al., Token Merging, 2023): each source token goes to its most similar
 * destination by cosine, and the r sources with the greatest similarity merge into theirs. Equal similarities
 * go to the lower index; the cosine with a zero vector is 0; one that is NaN is below everything.
 *
 * More than may merge is clamped: to `min(floor((N - p) / 2), free sources)` for `'alternate'`, N being the
 * tokens not dropped and p those kept (mask 1), to the free tokens but one for `{ random }`, and to the free
 * sources else. Slots are, in positional order, the sources that stay and then the destinations; when nothing
 * merges, every token in its order.
 *
 * Random choices are SplitMix64's, the same on every machine: see `tsv_bipartite_match` in tokensieve.h.
 *
 * @param metric `[B,N,C]`, float32, float16 or bfloat16: what similarity is measured on, such as keys averaged
 *   over heads
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`,
 *   `ERR_TOKENSIEVE_OVERLAP`
 */
export function bipartiteMatch(metric: FloatTensor, options?: BipartiteMatchOptions): Promise<TokenMap>;
export async function bipartiteMatch(
  metric: AnyTensor<FloatType>,
  options?: AnyOptions<BipartiteMatchOptions>,
): Promise<TokenMap> {
  const given = readOptions(options);
  return runAsync(prepare(metric, given), readSignal(given));
}

/** {@link bipartiteMatchSync} of tokens on a device: the map stays there: checks and enqueues. */
export function bipartiteMatchSync(
  metric: FloatDeviceTensor,
  options?: DeviceOptions<BipartiteMatchOptions>,
): TokenMap;
/** {@link bipartiteMatch}, at once on the calling thread. */
export function bipartiteMatchSync(metric: FloatTensor, options?: BipartiteMatchOptions): TokenMap;
export function bipartiteMatchSync(
  metric: AnyTensor<FloatType>,
  options?: AnyOptions<BipartiteMatchOptions>,
): TokenMap {
  return runSync(prepare(metric, readOptions(options)));
}
