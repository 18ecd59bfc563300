// The package's operations under their names. With TOKENSIEVE_TEST_DEVICE=cuda each call uploads the tensors that it is
// about, runs on the device and downloads its results into the form that the CPU gives, so that a test of an operation
// is one of both. Arguments that are no tensors are handed on as they are: they must be refused alike.
import assert from 'node:assert/strict';
import { isArrayBufferView } from 'node:util/types';
import * as tokensieve from 'tokensieve';
import { type DeviceTensor, type Tensor, TokenMap } from 'tokensieve';
import { isOnDevice, testDevice } from './device.js';

type Operations = Pick<
  typeof tokensieve,
  | 'attention'
  | 'attentionScores'
  | 'attentionScoresSync'
  | 'attentionSync'
  | 'bipartiteMatch'
  | 'bipartiteMatchSync'
  | 'channelMoments'
  | 'channelMomentsSync'
  | 'dppGreedy'
  | 'dppGreedySync'
  | 'farthestPoint'
  | 'farthestPointSync'
  | 'gatherChannels'
  | 'gatherChannelsSync'
  | 'gatherTokens'
  | 'gatherTokensSync'
  | 'knnDensity'
  | 'knnDensitySync'
  | 'layerNorm'
  | 'layerNormSync'
  | 'matmul'
  | 'matmulSync'
  | 'mergeTokens'
  | 'mergeTokensSync'
  | 'pairedSimilarity'
  | 'pairedSimilaritySync'
  | 'poolScores'
  | 'poolScoresSync'
  | 'restoreTokens'
  | 'restoreTokensSync'
  | 'rotateKeys'
  | 'rotateKeysSync'
  | 'sampleCdf'
  | 'sampleCdfSync'
  | 'selectThreshold'
  | 'selectThresholdSync'
  | 'similarityArgmax'
  | 'similarityArgmaxSync'
  | 'similarityReduce'
  | 'similarityReduceSync'
  | 'tokenNorms'
  | 'tokenNormsSync'
  | 'topK'
  | 'topKSync'
>;

type AnyCall = (...args: unknown[]) => unknown;
type Fields = Record<string, unknown>;

/** The places of the options that are tensors an operation is about, rather than what to do with them. */
const principalOptions = ['values', 'dropped', 'residual'];

/** How many of the first arguments are such tensors: one, but for these. */
const principals: Readonly<Record<string, number>> = {
  attention: 3,
  attentionScores: 2,
  matmul: 2,
  pairedSimilarity: 2,
  similarityArgmax: 2,
};

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !isArrayBufferView(value) && !Array.isArray(value);
}

/** Whether a value is a tensor that can be uploaded as it is. */
function isTensor(value: unknown): value is Tensor {
  if (!isFields(value) || !Array.isArray(value.dims) || !isArrayBufferView(value.data)) return false;
  if ('location' in value) return false;
  const { length } = value.data as Uint8Array;
  const Class = { float32: 'Float32Array', int32: 'Int32Array', int64: 'BigInt64Array', uint8: 'Uint8Array' };
  const name = value.data.constructor.name;
  const fits =
    value.type === 'float16' || value.type === 'bfloat16'
      ? name === 'Uint16Array' || (name === 'Float16Array' && value.type === 'float16')
      : Class[value.type as keyof typeof Class] === name;
  const dims = value.dims as unknown[];
  return (
    fits &&
    dims.length <= 8 &&
    dims.every((dim) => typeof dim === 'number' && Number.isSafeInteger(dim) && dim >= 0) &&
    (dims as number[]).reduce((a, b) => a * b, 1) === length
  );
}

/** One call's tensors on the device. What shares memory on the host shares it there. */
class Visit {
  readonly #guests: DeviceTensor[] = [];
  readonly #buffers = new Map<ArrayBufferLike, DeviceTensor<'uint8'>>();
  readonly #outputs = new Map<unknown, Tensor>();
  readonly #shared: ReadonlySet<ArrayBufferLike>;

  constructor(args: readonly unknown[]) {
    const seen = new Set<ArrayBufferLike>();
    const shared = new Set<ArrayBufferLike>();
    const collect = (value: unknown): void => {
      const data = isTensor(value) ? value.data : isArrayBufferView(value) ? value : undefined;
      if (data === undefined) return;
      if (seen.has(data.buffer)) shared.add(data.buffer);
      seen.add(data.buffer);
    };
    for (const argument of args) {
      collect(argument);
      if (!isFields(argument)) continue;
      for (const name of principalOptions) collect(argument[name]);
      if (isFields(argument.out)) Object.values(argument.out).forEach(collect);
    }
    this.#shared = shared;
  }

  upload(tensor: Tensor): DeviceTensor {
    const { buffer, byteOffset } = tensor.data;
    if (!this.#shared.has(buffer)) return this.#keep(testDevice().upload(tensor));
    let whole = this.#buffers.get(buffer);
    if (whole === undefined) {
      const bytes = new Uint8Array(buffer);
      whole = this.#keep(testDevice().upload({ type: 'uint8', data: bytes, dims: [bytes.length] }));
      this.#buffers.set(buffer, whole);
    }
    const pointer = whole.pointer + BigInt(byteOffset);
    return this.#keep(testDevice().wrap({ pointer, type: tensor.type, dims: tensor.dims }));
  }

  /** A tensor, or a bare array, that the result goes into. */
  room(value: unknown): unknown {
    const tensor =
      value instanceof Int32Array ? ({ type: 'int32', data: value, dims: [value.length] } as const) : value;
    if (!isTensor(tensor)) return value;
    const room = this.upload(tensor);
    this.#outputs.set(room, tensor);
    return room;
  }

  /** The call's own options, with what goes to the device there. */
  options(options: unknown): unknown {
    if (!isFields(options) || options instanceof TokenMap) return options;
    const uploaded = { ...options };
    for (const name of principalOptions)
      if (isTensor(options[name])) uploaded[name] = this.upload(options[name]);
    if (isFields(options.out))
      uploaded.out = Object.fromEntries(
        Object.entries(options.out).map(([name, value]) => [name, this.room(value)]),
      );
    return uploaded;
  }

  #keep<T extends DeviceTensor>(tensor: T): T {
    this.#guests.push(tensor);
    return tensor;
  }

  /** What was downloaded of a result: into the room that the test gave, where it gave some. */
  received(source: unknown, copy: Tensor): Tensor {
    const room = this.#outputs.get(source);
    if (room === undefined) return copy;
    const bytesOf = ({ data }: Tensor) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    bytesOf(room).set(bytesOf(copy));
    return room;
  }

  /** Copies what the operation wrote into room that its result does not show. */
  rooms(): [DeviceTensor, Tensor][] {
    return [...this.#outputs] as [DeviceTensor, Tensor][];
  }

  end(result: unknown): void {
    for (const tensor of [...deviceTensorsIn(result), ...this.#guests]) tensor.dispose();
    if (result instanceof TokenMap) result[Symbol.dispose]();
  }
}

function isDeviceTensor(value: unknown): value is DeviceTensor {
  return isFields(value) && (value as { location?: unknown }).location === 'cuda';
}

function deviceTensorsIn(value: unknown): DeviceTensor[] {
  if (isDeviceTensor(value)) return [value];
  return isFields(value) && !(value instanceof TokenMap) ? Object.values(value).flatMap(deviceTensorsIn) : [];
}

/** Every device tensor of a result as a host tensor, by `copies`. */
function replaced(value: unknown, copies: ReadonlyMap<DeviceTensor, Tensor>): unknown {
  if (isDeviceTensor(value)) return copies.get(value);
  if (!isFields(value) || value instanceof TokenMap) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, replaced(field, copies)]));
}

/** A result in the form that the CPU gives: without room that was not needed, which must be zero. */
function likeHost(result: unknown): unknown {
  if (!isFields(result)) return result;
  const { tokens, indices, offsets, lengths, sizes } = result as Record<string, Tensor | undefined>;
  const array = (value: unknown): Int32Array | undefined =>
    value instanceof Int32Array ? value : (value as Tensor<'int32'> | undefined)?.data;
  const ends = array(offsets);
  if (indices !== undefined && ends !== undefined)
    return { indices: cut(indices, 0, last(ends)), offsets: ends };
  if (tokens === undefined) return result;
  const rows = array(lengths);
  const isPacked = rows === undefined;
  const dim = isPacked ? 0 : tokens.dims.length - 2;
  const length = isPacked ? last(ends as Int32Array) : Math.max(0, ...rows);
  return {
    tokens: cut(tokens, dim, length),
    ...(sizes && { sizes: cut(sizes, isPacked ? 0 : sizes.dims.length - 1, length) }),
    ...(isPacked ? { offsets: ends } : { lengths: rows }),
  };
}

function last(offsets: Int32Array): number {
  return offsets[offsets.length - 1];
}

/** The first `length` of a dimension; the rest is room, and zero. */
function cut(tensor: Tensor, dimension: number, length: number): Tensor {
  const { type, data, dims } = tensor;
  const room = dims[dimension];
  if (length === room) return tensor;
  assert.ok(length < room, `${length} of ${room}`);
  const after = dims.slice(dimension + 1).reduce((a, b) => a * b, 1);
  const before = dims.slice(0, dimension).reduce((a, b) => a * b, 1);
  const Class = data.constructor as new (length: number) => typeof data;
  const kept = new Class(before * length * after);
  for (let row = 0; row < before; row++) {
    const begin = row * room * after;
    kept.set(data.subarray(begin, begin + length * after) as never, row * length * after);
    const rest = data.subarray(begin + length * after, begin + room * after) as Int32Array;
    assert.ok(
      rest.every((element) => Number(element) === 0),
      'room that is not needed must be zero',
    );
  }
  return { type, data: kept, dims: dims.with(dimension, length) };
}

function hostMap(map: TokenMap): TokenMap {
  const { rowDims, inputLength, outputLengths, offsets, members, assignment, isPartition } = map;
  return TokenMap.from({ rowDims, inputLength, outputLengths, offsets, members, assignment, isPartition });
}

/** The operation's arguments on the device; undefined where the call is one that the host must refuse. */
function visit(name: string, args: readonly unknown[]): { stay: Visit; uploaded: unknown[] } | undefined {
  const count = principals[name] ?? 1;
  if (!args.slice(0, count).every(isTensor)) return undefined;
  const stay = new Visit(args);
  const uploaded = args.map((argument, i) =>
    i < count ? stay.upload(argument as Tensor) : stay.options(argument),
  );
  return { stay, uploaded };
}

function onDeviceSync(name: string, call: AnyCall): AnyCall {
  return (...args) => {
    const arrived = visit(name, args);
    if (arrived === undefined) return call(...args);
    const { stay, uploaded } = arrived;
    let result: unknown;
    try {
      result = call(...uploaded);
      if (result instanceof TokenMap) result.downloadSync();
      const tensors = [...deviceTensorsIn(result), ...stay.rooms().map(([room]) => room)];
      const copies = new Map(
        tensors.map((tensor) => [tensor, stay.received(tensor, tensor.downloadSync())] as const),
      );
      return result instanceof TokenMap ? hostMap(result) : likeHost(replaced(result, copies));
    } finally {
      stay.end(result);
    }
  };
}

function onDeviceAsync(name: string, call: AnyCall): AnyCall {
  return async (...args) => {
    const arrived = visit(name, args);
    if (arrived === undefined) return call(...args);
    const { stay, uploaded } = arrived;
    let result: unknown;
    try {
      result = await call(...uploaded);
      if (result instanceof TokenMap) await result.download();
      const tensors = [...deviceTensorsIn(result), ...stay.rooms().map(([room]) => room)];
      const downloads = tensors.map(async (tensor) => [tensor, await tensor.download()] as const);
      const copies = new Map(
        (await Promise.all(downloads)).map(([tensor, copy]) => [tensor, stay.received(tensor, copy)]),
      );
      return result instanceof TokenMap ? hostMap(result) : likeHost(replaced(result, copies));
    } finally {
      stay.end(result);
    }
  };
}

function operationsOnDevice(): Operations {
  const calls = tokensieve as unknown as Record<string, AnyCall>;
  const names = Object.keys(calls).filter(
    (name) => typeof calls[`${name}Sync`] === 'function' && name !== 'packKeys',
  );
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, onDeviceAsync(name, calls[name])],
      [`${name}Sync`, onDeviceSync(name, calls[`${name}Sync`])],
    ]),
  ) as Operations;
}

export const {
  attention,
  attentionScores,
  attentionScoresSync,
  attentionSync,
  bipartiteMatch,
  bipartiteMatchSync,
  channelMoments,
  channelMomentsSync,
  dppGreedy,
  dppGreedySync,
  farthestPoint,
  farthestPointSync,
  gatherChannels,
  gatherChannelsSync,
  gatherTokens,
  gatherTokensSync,
  knnDensity,
  knnDensitySync,
  layerNorm,
  layerNormSync,
  matmul,
  matmulSync,
  mergeTokens,
  mergeTokensSync,
  pairedSimilarity,
  pairedSimilaritySync,
  poolScores,
  poolScoresSync,
  restoreTokens,
  restoreTokensSync,
  rotateKeys,
  rotateKeysSync,
  sampleCdf,
  sampleCdfSync,
  selectThreshold,
  selectThresholdSync,
  similarityArgmax,
  similarityArgmaxSync,
  similarityReduce,
  similarityReduceSync,
  tokenNorms,
  tokenNormsSync,
  topK,
  topKSync,
}: Operations = isOnDevice ? operationsOnDevice() : tokensieve;
