import { types } from 'node:util';
import { rangeError, typeError } from './errors.js';
import type { AttentionOptions } from './ops/attention-options.js';
import type { Positions, RotateKeysOptions } from './ops/rotate-keys.js';
import { readOptions, readSignal, readWord } from './options.js';
import { runAsync, runSync, type Steps, step } from './steps.js';
import { type FloatTensor, readList, readTensor } from './tensor.js';
import { adoptTokenMap, isTokenMap, type TokenMap } from './token-map.js';

/** Options of {@link virtualUnmergeAttention}: those of attention, and those of the rotary embedding. */
export interface VirtualUnmergeOptions
  extends Pick<AttentionOptions, 'scale' | 'causal' | 'window' | 'softcap' | 'layout'>,
    Pick<RotateKeysOptions, 'base' | 'frequencies' | 'rotaryDim' | 'interleaved' | 'sections'> {
  /** Where each of the N tokens stands, {@link Positions}; 0 to N - 1 by default. All 0: not rotated. */
  readonly positions?: Positions;
}

/**
 * DyMU's virtual token unmerging (Wang et al. 2025, arXiv 2504.17040): attention as a language model computes it over
 * all N tokens, from the M that were left of them. Every token has the query, key and value of the one that it went
 * into, turned to its own position (RoPE); each of the M is then the mean of what its members attend to,
 * `(M^T M)^-1 M^T softmax(...) M v`. Exact, and no matrix of N x N is stored: memory is O(N D) for each head.
 *
 * @param q `[B,H,M,D]` by layout, not rotated; float32, float16 or bfloat16. M is the longest row of the map, shorter
 *   ones end in padding
 * @param k `[B,Hkv,M,D]`, not rotated
 * @param v `[B,Hkv,M,Dv]`
 * @param map of rows `[B]` that made M tokens of N, such as the maps of an encoder's layers composed, with a token for
 *   each of the text; tokens that it drops are not there
 * @returns `[B,H,M,Dv]` by layout, of q's type; 0 for padding
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` or `ERR_TOKENSIEVE_SHAPE`
 */
export async function virtualUnmergeAttention(
  q: FloatTensor,
  k: FloatTensor,
  v: FloatTensor,
  map: TokenMap,
  options: VirtualUnmergeOptions & { readonly signal?: AbortSignal } = {},
): Promise<FloatTensor> {
  return runAsync(unmerged(q, k, v, map, options), readSignal(readOptions(options)));
}

/** {@link virtualUnmergeAttention}, at once. */
export function virtualUnmergeAttentionSync(
  q: FloatTensor,
  k: FloatTensor,
  v: FloatTensor,
  map: TokenMap,
  options: VirtualUnmergeOptions = {},
): FloatTensor {
  return runSync(unmerged(q, k, v, map, options));
}

function* unmerged(
  q: FloatTensor,
  k: FloatTensor,
  v: FloatTensor,
  map: TokenMap,
  options: VirtualUnmergeOptions,
): Steps<FloatTensor> {
  if (!isTokenMap(map)) throw typeError('map', 'a TokenMap', map);
  const { layout = 'bhnd', scale, causal, window, softcap, ...rotary } = readOptions(options);
  readWord('options.layout', layout, ['bhnd', 'bnhd']);
  const members = membersOf(map);
  const [queries, keys, values] = [
    yield* restored('q', q, members, layout),
    yield* restored('k', k, members, layout),
    yield* restored('v', v, members, layout),
  ];
  const mask = Uint8Array.from(map.assignment, (slot) => (slot === -1 ? 2 : 0));
  const { output } = yield* step.attention(
    yield* turned(queries, map, rotary, layout),
    yield* turned(keys, map, rotary, layout),
    values,
    {
      ...given({ scale, causal, window, softcap }),
      layout,
      ...(mask.includes(2) && { mask, queryMask: mask }),
    },
  );
  return yield* merged(output, members, layout);
}

type Layout = 'bhnd' | 'bnhd';

/** The map with all members of a slot alike. */
function membersOf(map: TokenMap): TokenMap {
  if (map.rowDims.length !== 1)
    throw rangeError('map.rowDims', '[B], the same for all heads', map.rowDims, 'ERR_TOKENSIEVE_SHAPE');
  return map.weights === undefined ? map : adoptTokenMap({ ...map, weights: undefined });
}

/** Each of N tokens as a copy of the one that it went into: `[B,H,N,D]`, by layout. */
function* restored(path: string, value: FloatTensor, map: TokenMap, layout: Layout): Steps<FloatTensor> {
  const { dims, ...tensor } = readTensor(path, value, ['float32', 'float16', 'bfloat16']);
  const [batch] = map.rowDims;
  const longest = map.outputLengths.reduce((most, slots) => Math.max(most, slots), 0);
  const tokenAxis = layout === 'bnhd' ? 1 : 2;
  if (dims.length !== 4 || dims[0] !== batch || dims[tokenAxis] !== longest) {
    const expected = layout === 'bnhd' ? `[${batch},${longest},H,D]` : `[${batch},H,${longest},D]`;
    throw rangeError(`${path}.dims`, `${expected}, as the map leaves tokens`, dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  if (layout === 'bhnd') return yield* step.restoreTokens({ ...tensor, dims }, perHead(map, dims[1]), {});
  const joined = { ...tensor, dims: [batch, longest, dims[2] * dims[3]] };
  const all = yield* step.restoreTokens(joined, map, {});
  return { ...all, dims: [batch, map.inputLength, dims[2], dims[3]] };
}

/** Each of M tokens as the mean of its members. */
function* merged(tensor: FloatTensor, map: TokenMap, layout: Layout): Steps<FloatTensor> {
  const { dims } = tensor;
  if (layout === 'bhnd') return (yield* step.mergeTokens(tensor, perHead(map, dims[1]), {})).tokens;
  const joined = { ...tensor, dims: [dims[0], dims[1], dims[2] * dims[3]] };
  const { tokens } = yield* step.mergeTokens(joined, map, {});
  return { ...tokens, dims: [dims[0], tokens.dims[1], dims[2], dims[3]] };
}

/** The map of each row once for each head. */
function perHead(map: TokenMap, heads: number): TokenMap {
  const { rowDims, inputLength, outputLengths, offsets, members, assignment } = map;
  const lengths = new Int32Array(outputLengths.length * heads);
  const owners = new Int32Array(assignment.length * heads);
  const all = new Int32Array(members.length * heads);
  const ends = new Int32Array((offsets.length - 1) * heads + 1);
  let slots = 0;
  let first = 0;
  outputLengths.forEach((length, row) => {
    const [start, end] = [offsets[first], offsets[first + length]];
    const own = assignment.subarray(row * inputLength, (row + 1) * inputLength);
    for (let head = 0; head < heads; head++) {
      lengths[row * heads + head] = length;
      owners.set(own, (row * heads + head) * inputLength);
      all.set(members.subarray(start, end), ends[slots]);
      for (let i = 1; i <= length; i++, slots++)
        ends[slots + 1] = ends[slots] + offsets[first + i] - offsets[first + i - 1];
    }
    first += length;
  });
  return adoptTokenMap({
    rowDims: [...rowDims, heads],
    inputLength,
    outputLengths: lengths,
    offsets: ends,
    members: all,
    weights: undefined,
    assignment: owners,
    isPartition: map.isPartition,
  });
}

/** Queries or keys turned to the positions of their tokens. */
function* turned(
  tensor: FloatTensor,
  map: TokenMap,
  {
    positions,
    ...options
  }: Omit<VirtualUnmergeOptions, 'scale' | 'causal' | 'window' | 'softcap' | 'layout'>,
  layout: Layout,
): Steps<FloatTensor> {
  const to = positions ?? new Int32Array(map.inputLength).map((_, i) => i);
  checkPositions(to, map, options.sections);
  const from =
    'dims' in to
      ? { type: 'int32' as const, data: new Int32Array(to.data.length), dims: to.dims }
      : new Int32Array(to.length);
  return yield* step.rotateKeys(tensor, from, to, { ...given(options), layout });
}

function checkPositions(
  positions: Positions,
  { rowDims, inputLength }: TokenMap,
  sections: VirtualUnmergeOptions['sections'],
): void {
  const path = 'options.positions';
  const isBare = types.isInt32Array(positions) || types.isBigInt64Array(positions);
  const { length } = isBare ? positions : readTensor(path, positions, ['int32', 'int64']).data;
  const rows = sections === undefined ? 1 : sectionCount(sections);
  if (length === rows * inputLength || length === rows * inputLength * rowDims[0]) return;
  const lead = sections === undefined ? '' : `${rows},`;
  const expected = `[${lead}${rowDims[0]},${inputLength}] or [${lead}${inputLength}], one for each token of the map`;
  throw rangeError(path, expected, positions, 'ERR_TOKENSIEVE_SHAPE');
}

function sectionCount(sections: unknown): number {
  const path = 'options.sections';
  if (types.isInt32Array(sections)) return sections.length;
  if (Array.isArray(sections)) return readList(path, 'an array of integers', sections, 2 ** 16).length;
  return readTensor(path, sections, ['int32']).data.length;
}

/** Those options that were given. */
function given<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
