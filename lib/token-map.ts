import { types } from 'node:util';
import type { DeviceTensor } from './device-tensor.js';
import { rangeError, TokenSieveError, typeError } from './errors.js';
import type { Ragged } from './ragged.js';
import { sparseProduct } from './sparse-product.js';
import { copyArray, readTensor, type Tensor } from './tensor.js';
import {
  checkSlots,
  type MapFields,
  readAssignment,
  readKept,
  readMapFields,
  withoutOnes,
} from './token-map-fields.js';

/** What {@link TokenMap.from} takes: the fields of a map, of which the last three may be left out. */
export interface TokenMapFields {
  readonly rowDims: readonly number[];
  readonly inputLength: number;
  readonly outputLengths: Int32Array;
  readonly offsets: Int32Array;
  readonly members: Int32Array;
  /** All ones where absent. */
  readonly weights?: Float32Array | undefined;
  /** Where absent, each token belongs to the first slot that holds it. */
  readonly assignment?: Int32Array | undefined;
  /** Worked out from the slots; where given, it must agree with them. */
  readonly isPartition?: boolean | undefined;
}

/** Options of {@link TokenMap.fromAssignment}. */
export interface AssignmentOptions {
  /** `[B]` or `[B,Hkv]`; by default the leading dims of a tensor, and one row for a bare array. */
  readonly rowDims?: readonly number[] | undefined;
  /** Slots of each row; by default one more than the greatest the row names. */
  readonly outputLengths?: Int32Array | undefined;
  /** A weight for each input token, laid out as the assignment; all ones by default. */
  readonly weights?: Float32Array | undefined;
}

/**
 * A map around arrays known to be right, taken over without copy or check: for results of kernels.
 *
 * @internal
 */
export let adoptTokenMap: (fields: MapFields) => TokenMap;

/**
 * Whether a value is a map that was made here, and so holds together; an object with its prototype need not.
 *
 * @internal
 */
export let isTokenMap: (value: unknown) => value is TokenMap;

/**
 * A map whose arrays lie on a device.
 *
 * @internal
 */
export let adoptDeviceMap: (fields: DeviceMapFields) => TokenMap;

/**
 * The arrays of a map that was made on a device; undefined for any other.
 *
 * @internal
 */
export let deviceFieldsOf: (map: TokenMap) => DeviceMapFields | undefined;

/**
 * What a map on a device is made of, with room for all that there could be; every token weighs 1 and is in one slot at
 * most.
 *
 * @internal
 */
export interface DeviceMapFields extends Record<ArrayField, DeviceTensor<'int32'>> {
  readonly rowDims: readonly number[];
  readonly inputLength: number;
  /** No row has more slots. */
  readonly longest: number;
}

const arrayFields = ['outputLengths', 'offsets', 'members', 'assignment'] as const;
type ArrayField = (typeof arrayFields)[number];

/** What the host has still to download of a map. */
let stillThere: (map: TokenMap) => DeviceMapFields | undefined;

/** What only this file can hand to the constructor. */
const own = Symbol('own');

/**
 * How fewer tokens are made of many: for each row (a batch item, or a key/value head of one) a sparse matrix
 * that says which input tokens each output slot is made of. Pruning (one member a slot), merging, fusing and
 * pooling all make one; moving, restoring and composing all read one.
 *
 * Data only, and immutable: {@link TokenMap.from}, {@link TokenMap.fromKept} and
 * {@link TokenMap.fromAssignment} copy and check what they are given. Its arrays are for reading.
 */
export class TokenMap {
  /** `[B]`, or `[B,Hkv]` for a map per head; the product is R, the number of rows. */
  readonly rowDims: readonly number[];
  /** N, the input tokens of every row. */
  readonly inputLength: number;
  /** `[R]`: the output slots of each row. */
  readonly outputLengths!: Int32Array;
  /** `[slots + 1]`: where the members of each slot begin; the slots of all rows, row after row. */
  readonly offsets!: Int32Array;
  /** Input tokens, numbered within their row, ascending within a slot; every slot has at least one. */
  readonly members!: Int32Array;
  /** A weight for each member, or undefined where all are one. */
  readonly weights: Float32Array | undefined;
  /** `[R * N]`: the slot, numbered within its row, that owns each input token; -1 if none. */
  readonly assignment!: Int32Array;
  /** Whether every input token is in at most one slot. */
  readonly isPartition: boolean;

  /** Only what the constructor has made has it. */
  readonly #isWhole = true;
  #onDevice: DeviceMapFields | undefined;
  #downloaded: Record<ArrayField, Int32Array> | undefined;

  private constructor(fields: MapFields | DeviceMapFields, key: symbol) {
    if (key !== own) throw typeError('TokenMap', 'made by from, fromKept or fromAssignment', fields);
    this.rowDims = Object.freeze([...fields.rowDims]);
    this.inputLength = fields.inputLength;
    if ('longest' in fields) {
      this.#onDevice = fields;
      this.weights = undefined;
      this.isPartition = true;
      for (const name of arrayFields)
        Object.defineProperty(this, name, { get: () => this.#read(name), enumerable: true });
    } else {
      this.outputLengths = fields.outputLengths;
      this.offsets = fields.offsets;
      this.members = fields.members;
      this.weights = fields.weights;
      this.assignment = fields.assignment;
      this.isPartition = fields.isPartition;
    }
    Object.freeze(this);
  }

  static {
    adoptTokenMap = (fields) => new TokenMap(fields, own);
    adoptDeviceMap = (fields) => new TokenMap(fields, own);
    deviceFieldsOf = (map) => map.#onDevice;
    stillThere = (map) => {
      if (!isTokenMap(map)) throw typeError('map', 'a TokenMap', map);
      return map.#downloaded === undefined ? map.#onDevice : undefined;
    };
    isTokenMap = (value): value is TokenMap =>
      typeof value === 'object' && value !== null && #isWhole in value;
  }

  /**
   * A map from its fields, copied and checked in time linear in their length.
   *
   * @throws TypeError `ERR_TOKENSIEVE_TYPE` for a field of the wrong type; RangeError `ERR_TOKENSIEVE_SHAPE`
   * for lengths that do not fit together; RangeError `ERR_TOKENSIEVE_RANGE` for an empty slot, a member that is
   * no token or out of order, a weight that is not finite, an owner that does not hold its token, or an
   * `isPartition` that is not so
   */
  static from(fields: TokenMapFields): TokenMap {
    return new TokenMap(readMapFields(fields), own);
  }

  /**
   * The map of pruning: the i-th slot of a row is made of the row's i-th index alone.
   *
   * @param indices int32 or int64 `[B,K]` or `[B,Hkv,K]` (`[K]` is one row), in any order, none twice in a
   * row; a bare array of one row; or a {@link Ragged} of `[B]` rows
   * @param inputLength N, the number of tokens that were chosen from
   * @throws TypeError `ERR_TOKENSIEVE_TYPE`; RangeError `ERR_TOKENSIEVE_SHAPE` or `ERR_TOKENSIEVE_RANGE`
   */
  static fromKept(
    indices: Tensor<'int32' | 'int64'> | Ragged | Int32Array | BigInt64Array,
    inputLength: number,
  ): TokenMap {
    const kept = readKept(indices, inputLength);
    const offsets = Int32Array.from({ length: kept.members.length + 1 }, (_, slot) => slot);
    return new TokenMap({ ...kept, offsets, weights: undefined, isPartition: true }, own);
  }

  /**
   * The map of a clustering: every input token names the one slot that it goes to, or -1 for none.
   *
   * @param assignment int32 `[B,N]` or `[B,Hkv,N]` (`[N]` is one row), or a bare array of R * N
   * @throws TypeError `ERR_TOKENSIEVE_TYPE`; RangeError `ERR_TOKENSIEVE_SHAPE`; RangeError
   * `ERR_TOKENSIEVE_RANGE` for a slot that is not there or that no token goes to
   */
  static fromAssignment(assignment: Int32Array | Tensor<'int32'>, options: AssignmentOptions = {}): TokenMap {
    const { tokenWeights, ...fields } = readAssignment(assignment, options);
    const { offsets, members, weights } = slotsOf(fields.assignment, fields.outputLengths, tokenWeights);
    return new TokenMap(
      { ...fields, offsets, members, weights: withoutOnes(weights), isPartition: true },
      own,
    );
  }

  /**
   * Brings a map that an operation made on a device to the host, where its arrays can be read then and not before:
   * reading them throws `ERR_TOKENSIEVE_ON_DEVICE`. Operations on that device go on using it there. Any other map is on
   * the host already.
   *
   * @returns the map itself
   * @throws TokenSieveError `ERR_TOKENSIEVE_DISPOSED`, `ERR_TOKENSIEVE_CUDA`, `ERR_TOKENSIEVE_MEMORY`; besides, the error
   *   of any work before it that the device found wrong
   */
  async download(): Promise<this> {
    const there = stillThere(this);
    if (there !== undefined) {
      const copies = arrayFields.map((name) => there[name].download());
      this.#downloaded = cutToLength(await Promise.all(copies));
    }
    return this;
  }

  /** {@link download}, at once: waits on the calling thread. */
  downloadSync(): this {
    const there = stillThere(this);
    if (there !== undefined)
      this.#downloaded = cutToLength(arrayFields.map((name) => there[name].downloadSync()));
    return this;
  }

  /** Releases what a map has on a device, when the work enqueued by now has run; on the host it does nothing. */
  [Symbol.dispose](): void {
    if (!isTokenMap(this) || this.#onDevice === undefined) return;
    for (const name of arrayFields) this.#onDevice[name].dispose();
  }

  #read(name: ArrayField): Int32Array {
    if (this.#downloaded !== undefined) return this.#downloaded[name];
    throw new TokenSieveError(
      'ERR_TOKENSIEVE_ON_DEVICE',
      `map.${name} lies on a device: await map.download() first`,
    );
  }

  /**
   * The lowest member of each slot of a row: a pruned row's kept tokens, or the tokens at whose places a
   * merged row's slots stand.
   *
   * @param row from 0 to R - 1; with rowDims `[B,Hkv]` it is `b * Hkv + h`
   * @returns `[outputLengths[row]]`
   * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`
   */
  kept(row: number): Int32Array {
    const rows = this.outputLengths.length;
    if (typeof row !== 'number') throw typeError('row', 'an integer', row);
    if (!Number.isInteger(row) || row < 0 || row >= rows)
      throw rangeError('row', `an integer from 0 to ${rows - 1}`, row);
    checkSlots('map', this);
    const first = this.outputLengths.subarray(0, row).reduce((sum, length) => sum + length, 0);
    const kept = new Int32Array(this.outputLengths[row]);
    return kept.map((_, slot) => this.members[this.offsets[first + slot]]);
  }

  /**
   * The token weight in each slot: the sum over its members, the map's own weights apart. Without weights it
   * is the number of members.
   *
   * @param weights token sizes of R * N elements, or of B * N for a map per head; all 1 by default
   * @returns `[slots]`: the slots of all rows, row after row
   * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_SHAPE`
   */
  sizes(weights?: Float32Array | Tensor<'float32'>): Float32Array {
    checkSlots('map', this);
    const sizes = new Float32Array(this.offsets.length - 1);
    const { offsets } = this;
    if (weights === undefined) {
      for (let slot = 0; slot < sizes.length; slot++) sizes[slot] = offsets[slot + 1] - offsets[slot];
      return sizes;
    }
    const given = types.isFloat32Array(weights) ? weights : readTensor('weights', weights, ['float32']).data;
    const data = copyArray('weights', given);
    const N = this.inputLength;
    const rows = this.outputLengths.length;
    const items = this.rowDims[0];
    if (data.length !== rows * N && data.length !== items * N)
      throw rangeError('weights', `of ${rows * N} elements`, data, 'ERR_TOKENSIEVE_SHAPE');
    const rowsPerItem = data.length === rows * N ? 1 : rows / items;
    for (let row = 0, slot = 0; row < rows; row++) {
      const item = Math.floor(row / rowsPerItem) * N;
      for (const end = slot + this.outputLengths[row]; slot < end; slot++) {
        let sum = 0;
        for (let m = this.offsets[slot]; m < this.offsets[slot + 1]; m++) sum += data[item + this.members[m]];
        sizes[slot] = sum;
      }
    }
    return sizes;
  }

  /**
   * This map and then another that takes its output: the sparse matrix product, so that reducing by the
   * result is reducing by both. Weights multiply, and add up where a token reaches a slot in several ways;
   * owners are followed through. Time and memory go with the members, never with N x M.
   *
   * @param next a map over the same rows, whose input length is the longest row of this one's output; slots
   * that a shorter row lacks are padding, which it may not use
   * @throws TypeError `ERR_TOKENSIEVE_TYPE`; RangeError `ERR_TOKENSIEVE_SHAPE` or `ERR_TOKENSIEVE_RANGE`
   */
  compose(next: TokenMap): TokenMap {
    checkComposable(this, next);
    const { weights, ...slots } = sparseProduct(this, next);
    if (!weights.every(Number.isFinite))
      throw rangeError(
        'next.weights',
        'weights whose products with the map before it are finite',
        next.weights,
      );
    const N = this.inputLength;
    return adoptTokenMap({
      rowDims: this.rowDims,
      inputLength: N,
      outputLengths: next.outputLengths,
      ...slots,
      weights: withoutOnes(weights),
      assignment: followed(this, next),
    });
  }
}

/** The arrays of a map that was downloaded, in the order of their names, without the room that it did not need. */
function cutToLength(arrays: readonly Tensor<'int32'>[]): Record<ArrayField, Int32Array> {
  const [outputLengths, offsets, members, assignment] = arrays.map(({ data }) => data);
  const slots = outputLengths.reduce((sum, length) => sum + length, 0);
  const ends = offsets.subarray(0, slots + 1);
  return { outputLengths, offsets: ends, members: members.subarray(0, ends[slots]), assignment };
}

/** `[R * N]`: the slot of the second map that each token of the first ends in. */
function followed(first: TokenMap, next: TokenMap): Int32Array {
  const { assignment, inputLength } = first;
  const slots = new Int32Array(assignment.length);
  for (let row = 0, place = 0; place < slots.length; row++)
    for (const end = place + inputLength; place < end; place++)
      slots[place] =
        assignment[place] === -1 ? -1 : next.assignment[row * next.inputLength + assignment[place]];
  return slots;
}

/** Token lists of slots from slots of tokens: a counting sort, which leaves members ascending. */
function slotsOf(
  assignment: Int32Array,
  outputLengths: Int32Array,
  tokenWeights: Float32Array | undefined,
): Pick<MapFields, 'offsets' | 'members' | 'weights'> {
  const rows = outputLengths.length;
  const N = rows === 0 ? 0 : assignment.length / rows;
  const firstSlots = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) firstSlots[row + 1] = firstSlots[row] + outputLengths[row];

  const offsets = new Int32Array(firstSlots[rows] + 1);
  for (let row = 0, place = 0; row < rows; row++)
    for (const end = place + N; place < end; place++)
      if (assignment[place] !== -1) offsets[firstSlots[row] + assignment[place] + 1]++;
  for (let slot = 0; slot < offsets.length - 1; slot++) {
    if (offsets[slot + 1] === 0) {
      const row = firstSlots.findLastIndex((first) => first <= slot);
      const expected = `one that gives a token to every slot (slot ${slot - firstSlots[row]} of row ${row} has none)`;
      throw rangeError('assignment', expected, assignment);
    }
    offsets[slot + 1] += offsets[slot];
  }

  const members = new Int32Array(offsets[offsets.length - 1]);
  const weights = tokenWeights && new Float32Array(members.length);
  const filled = offsets.slice(0, -1);
  for (let row = 0, place = 0; row < rows; row++)
    for (let i = 0; i < N; i++, place++) {
      if (assignment[place] === -1) continue;
      const at = filled[firstSlots[row] + assignment[place]]++;
      members[at] = i;
      if (weights && tokenWeights) weights[at] = tokenWeights[place];
    }
  return { offsets, members, weights };
}

function checkComposable(map: TokenMap, next: unknown): asserts next is TokenMap {
  if (!isTokenMap(next)) throw typeError('next', 'a TokenMap', next);
  if (next.rowDims.length !== map.rowDims.length || next.rowDims.some((dim, i) => dim !== map.rowDims[i])) {
    const expected = `[${map.rowDims.join(', ')}], the rows of the map before it`;
    throw rangeError('next.rowDims', expected, next.rowDims, 'ERR_TOKENSIEVE_SHAPE');
  }
  checkSlots('map', map);
  checkSlots('next', next);
  const rows = map.outputLengths.length;
  const longest = map.outputLengths.reduce((most, length) => Math.max(most, length), 0);
  if (rows > 0 && next.inputLength !== longest) {
    const expected = `${longest}, the output length of the map before it`;
    throw rangeError('next.inputLength', expected, next.inputLength, 'ERR_TOKENSIEVE_SHAPE');
  }
  for (let row = 0, slot = 0; row < rows; row++) {
    for (const end = slot + next.outputLengths[row]; slot < end; slot++) {
      const last = next.offsets[slot + 1] - 1;
      if (next.members[last] >= map.outputLengths[row]) {
        const expected = `a slot of row ${row}, which has ${map.outputLengths[row]}`;
        throw rangeError(`next.members[${last}]`, expected, next.members[last]);
      }
    }
  }
}
