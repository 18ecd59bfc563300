import { types } from 'node:util';
import { rangeError, typeError } from './errors.js';
import type { Reduction } from './move-tokens.js';
import { type Sieve, sieveOf } from './sieve.js';
import type { SieveInputs } from './sieve-inputs.js';
import { type Steps, step } from './steps.js';
import { type FloatTensor, readList, type Tensor } from './tensor.js';
import { adoptTokenMap, type TokenMap } from './token-map.js';

/**
 * One reduction after another on the tokens of one layer, such as merging and then pruning: each sieve is handed what
 * the one before it left, and the maps are composed, so that restoring gives every token back at once.
 *
 * With the hidden states go sizes, positions and mask; q, k, v, metric, gradients, imageEmbeds, shallowQ and shallowK
 * (queries where there are as many as tokens) are joined as the tokens are, as the mean weighted by size; so are
 * `scores` that the inputs bring. A grid is not handed on, since the tokens that are left no longer lie on it.
 * The result's `scores` are the first sieve's. Where the first map has weights, the composed one has their products,
 * and tells which tokens are where; the hidden states are those that moving twice gives.
 *
 * @param sieves one or more
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the sieve
 */
export function inSequence(sieves: readonly Sieve[]): Sieve {
  const list = readList('sieves', 'an array of sieves', sieves, 2 ** 10).map((sieve, i) => {
    if (typeof sieve !== 'object' || sieve === null || typeof (sieve as Sieve).steps !== 'function')
      throw typeError(`sieves[${i}]`, 'a sieve', sieve);
    return sieve as Sieve;
  });
  const [first, ...others] = list;
  if (first === undefined) throw rangeError('sieves', 'at least one sieve', sieves);
  return sieveOf(function* (inputs) {
    let left = yield* first.steps(inputs);
    let given = inputs;
    let { map } = left;
    const { scores } = left;
    for (const sieve of others) {
      given = yield* inputsOf(given, left);
      left = yield* sieve.steps(given);
      map = map.compose(left.map);
    }
    const { scores: _, ...last } = left;
    return { ...last, map, ...(scores && { scores }) };
  });
}

/** What the next sieve is handed of the inputs of the one before it, and of what that left. */
function* inputsOf(
  given: SieveInputs,
  { hidden, map, sizes, positions, mask }: Reduction,
): Steps<SieveInputs> {
  const { layout, q, k, v, metric, gradients, shallowQ, shallowK, imageEmbeds, scores } = given;
  const join = (x: FloatTensor | undefined) => joined(x, map, given.sizes);
  const joinHeads = (x: FloatTensor | undefined) => joinedHeads(x, map, given.sizes, layout);
  return {
    ...given,
    lengths: undefined,
    grid: undefined,
    hidden,
    sizes,
    positions,
    mask,
    q: yield* joinHeads(q),
    k: yield* joinHeads(k),
    v: yield* joinHeads(v),
    shallowQ: yield* joinHeads(shallowQ),
    shallowK: yield* joinHeads(shallowK),
    metric: yield* join(metric),
    gradients: yield* join(gradients),
    imageEmbeds: yield* join(imageEmbeds),
    scores: yield* joinedScores(scores, map, given.sizes),
  };
}

type Sizes = SieveInputs['sizes'];

/** `[B,N,D]` or `[N,D]` by a map of B rows, as the mean weighted by size. */
function* joined(x: FloatTensor | undefined, map: TokenMap, sizes: Sizes): Steps<FloatTensor | undefined> {
  if (x === undefined) return undefined;
  const whole = { ...x, dims: [...map.rowDims, map.inputLength, x.dims[x.dims.length - 1]] };
  const { tokens } = yield* step.mergeTokens(whole, map, weightsOf(map, sizes));
  return tokens;
}

/** Scores are joined as tokens of one channel. */
function* joinedScores(
  scores: Tensor<'float32'> | undefined,
  map: TokenMap,
  sizes: Sizes,
): Steps<Tensor<'float32'> | undefined> {
  if (scores === undefined) return undefined;
  const { tokens } = yield* step.mergeTokens(
    { ...scores, dims: [...map.rowDims, map.inputLength, 1] },
    map,
    weightsOf(map, sizes),
  );
  return { ...tokens, dims: tokens.dims.slice(0, -1) } as Tensor<'float32'>;
}

/** Queries, keys or values of every head; queries that are not one a token stay as they are. */
function* joinedHeads(
  x: FloatTensor | undefined,
  map: TokenMap,
  sizes: Sizes,
  layout: SieveInputs['layout'],
): Steps<FloatTensor | undefined> {
  if (x === undefined) return undefined;
  const dims = [1, 1, ...x.dims].slice(-4);
  const [batch] = map.rowDims;
  const isByToken = layout === 'bnhd';
  const [heads, tokens] = isByToken ? [dims[2], dims[1]] : [dims[1], dims[2]];
  if (tokens !== map.inputLength) return x;
  if (isByToken) {
    const flat = yield* joined({ ...x, dims: [batch, tokens, heads * dims[3]] }, map, sizes);
    return flat && { ...flat, dims: [batch, flat.dims[1], heads, dims[3]] };
  }
  const perHead = repeated(map, heads);
  const { weights } = weightsOf(map, sizes);
  const data = weights && repeatRows(weights, batch, heads);
  const { tokens: left } = yield* step.mergeTokens(
    { ...x, dims: [batch * heads, tokens, dims[3]] },
    perHead,
    {
      ...(data && { weights: data }),
    },
  );
  return { ...left, dims: [batch, heads, left.dims[1], dims[3]] };
}

/** Token sizes of all rows, as `mergeTokens` takes them. */
function weightsOf({ rowDims, inputLength }: TokenMap, sizes: Sizes): { weights?: Float32Array } {
  if (sizes === undefined) return {};
  const data = types.isFloat32Array(sizes) ? sizes : sizes.data;
  return { weights: data.length === inputLength ? repeatRows(data, 1, rowDims[0]) : data };
}

/** Each of so many rows, times over. */
function repeatRows(data: Float32Array, rows: number, times: number): Float32Array {
  const width = data.length / rows;
  const all = new Float32Array(data.length * times);
  for (let row = 0; row < rows; row++)
    for (let t = 0; t < times; t++)
      all.set(data.subarray(row * width, (row + 1) * width), (row * times + t) * width);
  return all;
}

/** A map of each row so many times over, as for heads. */
function repeated(map: TokenMap, times: number): TokenMap {
  const { rowDims, inputLength, outputLengths, assignment } = map;
  const starts = [0];
  for (const length of outputLengths) starts.push(starts[starts.length - 1] + length);
  const offsets = [0];
  const members: Int32Array[] = [];
  const weights: Float32Array[] = [];
  const rows = Array.from({ length: rowDims[0] * times }, (_, i) => Math.floor(i / times));
  for (const row of rows) {
    const [from, to] = [map.offsets[starts[row]], map.offsets[starts[row + 1]]];
    const before = offsets[offsets.length - 1];
    for (let slot = starts[row]; slot < starts[row + 1]; slot++)
      offsets.push(before + map.offsets[slot + 1] - from);
    members.push(map.members.subarray(from, to));
    if (map.weights) weights.push(map.weights.subarray(from, to));
  }
  return adoptTokenMap({
    rowDims: [rows.length],
    inputLength,
    outputLengths: Int32Array.from(rows, (row) => outputLengths[row]),
    offsets: Int32Array.from(offsets),
    members: concatenated(members, (length) => new Int32Array(length)),
    weights: map.weights && concatenated(weights, (length) => new Float32Array(length)),
    assignment: concatenated(
      rows.map((row) => assignment.subarray(row * inputLength, (row + 1) * inputLength)),
      (length) => new Int32Array(length),
    ),
    isPartition: map.isPartition,
  });
}

function concatenated<A extends Int32Array | Float32Array>(
  parts: readonly A[],
  make: (length: number) => A,
): A {
  const all = make(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
