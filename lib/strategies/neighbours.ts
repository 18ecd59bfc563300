// Tokens that stay and take up those most like them, which may be taken up by several.
import { rowOf } from '../features.js';
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor, Tensor } from '../tensor.js';
import { TokenMap } from '../token-map.js';
import { freeAlone, tokensBut } from './among-free.js';
import { scoreWeights, weightAt } from './fuse.js';
import { presence, raggedOf } from './nearest.js';
import type { Plan } from './strategy.js';

/** What {@link withNeighbours} goes by. */
export interface Neighbourhood {
  /** Tokens that stay, kept ones included, in the order in which they are listed. */
  readonly staying: Ragged;
  /** How many of the most similar free tokens each free one takes up. */
  readonly k: number;
  /** `'mean'` divides by the sum of the weights. */
  readonly reduce: 'mean' | 'sum';
}

/**
 * Each free token that stays is joined, at weight 1, by the k free ones most like it, each weighted by its score; where
 * any are left that do not stay, one last token is made of them all, weighted by score. A token that does not stay is
 * restored from the one most like it of those that took it up, or else from the last.
 *
 * @param features `[B,N,D]`
 */
export function* withNeighbours(
  tokens: Tokens,
  features: FloatTensor,
  scores: Tensor<'float32'>,
  { staying, k, reduce }: Neighbourhood,
): Steps<Plan> {
  const weightOf = scoreWeights(tokens, scores, staying, reduce);
  const neighbours = yield* neighboursOf(tokens, features, staying, k);
  return {
    ...slotsOf(tokens, staying, neighbours, scores, weightOf),
    ...(reduce === 'sum' && { merge: { reduce } }),
  };
}

/** Of each token that stays, in the order of their list, those that it takes up, the most similar first. */
interface Neighbours {
  /** So many of each at most. */
  readonly most: number;
  /** `[staying * most]`: tokens of the same row; -1 behind the last. */
  readonly tokens: Int32Array;
  /** `[staying * most]`: how similar they are. */
  readonly similarity: Float32Array;
}

/** A kept token has no neighbours. One call where all rows have as many, else one a row. */
function* neighboursOf(tokens: Tokens, features: FloatTensor, staying: Ragged, k: number): Steps<Neighbours> {
  const free = freeAlone(tokens);
  const counts = free.rows.map((row) => Math.max(0, Math.min(k, row.tokens - 1)));
  const most = counts.reduce((greatest, count) => Math.max(greatest, count), 0);
  const { indices, offsets } = staying;
  const found = {
    most,
    tokens: new Int32Array(indices.data.length * most).fill(-1),
    similarity: new Float32Array(indices.data.length * most),
  };
  if (most > 0 && counts.every((count) => count === most)) {
    yield* ask(free, features, staying, most, found, 0);
    return found;
  }
  for (let row = 0; row < tokens.batch; row++) {
    if (counts[row] === 0) continue;
    const mask = free.mask?.subarray(row * tokens.length, (row + 1) * tokens.length);
    const own = raggedOf([indices.data.subarray(offsets[row], offsets[row + 1])]);
    yield* ask({ length: tokens.length, mask }, rowOf(features, row), own, counts[row], found, offsets[row]);
  }
  return found;
}

/**
 * Writes down the neighbours of some rows. A token is among those most like it, so one more is asked for than is wanted.
 *
 * @param first the place of the first of these rows' tokens among all that stay
 */
function* ask(
  { length, mask }: Pick<Tokens, 'length' | 'mask'>,
  features: FloatTensor,
  staying: Ragged,
  count: number,
  found: Neighbours,
  first: number,
): Steps<void> {
  const { indices: list, offsets } = staying;
  const a = yield* step.gatherRagged(features, staying, {});
  const width = a.tokens.dims[1];
  const aMask = presence(staying, width);
  for (let row = 0; row + 1 < offsets.length && mask; row++)
    for (let at = offsets[row]; at < offsets[row + 1]; at++)
      if (mask[row * length + list.data[at]] === 2) aMask.data[row * width + at - offsets[row]] = 2;
  const options = { k: count + 1, aMask, ...(mask && { bMask: mask }) };
  const { indices, values } = yield* step.similarityArgmax(a.tokens, features, options);
  for (let row = 0; row + 1 < offsets.length; row++)
    for (let at = offsets[row]; at < offsets[row + 1]; at++) {
      const asked = row * width + at - offsets[row];
      if (aMask.data[asked] === 2) continue;
      let to = (first + at) * found.most;
      const end = to + count;
      for (let from = asked * (count + 1); to < end; from++) {
        if (indices.data[from] === list.data[at]) continue;
        found.tokens[to] = indices.data[from];
        found.similarity[to++] = values.data[from];
      }
    }
}

/** The slots: one for each token that stays, and of each row one for those left. */
function slotsOf(
  tokens: Tokens,
  { indices, offsets }: Ragged,
  neighbours: Neighbours,
  scores: Tensor<'float32'>,
  weightOf: (place: number) => number,
): { map: TokenMap; centres: Int32Array } {
  const { batch, length } = tokens;
  const { most } = neighbours;
  const slots = indices.data.length + batch;
  const members = new Int32Array(indices.data.length * (most + 1) + batch * length);
  const weights = new Float32Array(members.length);
  const ends = new Int32Array(slots + 1);
  const centres = new Int32Array(slots);
  const outputLengths = new Int32Array(batch);
  const assignment = new Int32Array(batch * length);
  let slot = 0;
  let end = 0;
  for (let row = 0; row < batch; row++) {
    const first = slot;
    for (let at = offsets[row]; at < offsets[row + 1]; at++) {
      const token = indices.data[at];
      const start = end;
      members[end++] = token;
      for (let i = at * most; i < (at + 1) * most && neighbours.tokens[i] !== -1; i++)
        members[end++] = neighbours.tokens[i];
      members.subarray(start, end).sort();
      for (let i = start; i < end; i++)
        weights[i] = members[i] === token ? 1 : weightAt(scores.data, row * length + members[i], length);
      centres[slot] = token;
      ends[++slot] = end;
    }
    const rest = tokensBut(tokens, row, indices.data.subarray(offsets[row], offsets[row + 1]));
    for (const token of rest) {
      weights[end] = weightOf(row * length + token);
      members[end++] = token;
    }
    if (rest.length > 0) {
      centres[slot] = rest[0];
      ends[++slot] = end;
    }
    outputLengths[row] = slot - first;
    const owners = assignment.subarray(row * length, (row + 1) * length);
    writeOwners(owners, rest, indices.data, offsets[row], offsets[row + 1], neighbours);
  }
  const map = TokenMap.from({
    rowDims: [batch],
    inputLength: length,
    outputLengths,
    offsets: ends.subarray(0, slot + 1),
    members: members.subarray(0, end),
    weights: weights.subarray(0, end),
    assignment,
  });
  return { map, centres: centres.slice(0, slot) };
}

/** Writes the slot of each token of a row, whose tokens that stay are listed from one place on to another. */
function writeOwners(
  owners: Int32Array,
  rest: Int32Array,
  staying: Int32Array,
  from: number,
  to: number,
  { most, tokens, similarity }: Neighbours,
): void {
  owners.fill(-1);
  for (const token of rest) owners[token] = to - from;
  const closest = new Float32Array(owners.length).fill(Number.NEGATIVE_INFINITY);
  for (let at = from; at < to; at++)
    for (let i = at * most; i < (at + 1) * most && tokens[i] !== -1; i++) {
      if (!(similarity[i] > closest[tokens[i]])) continue;
      owners[tokens[i]] = at - from;
      closest[tokens[i]] = similarity[i];
    }
  for (let at = from; at < to; at++) owners[staying[at]] = at - from;
}
