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
  const { length } = tokens;
  const weightOf = scoreWeights(tokens, scores, staying, reduce);
  const neighbours = yield* neighboursOf(tokens, features, staying, k);
  const slots = neighbours.map((own, row) => {
    const taken = own.map(({ token, others }) => ({
      centre: token,
      members: [token, ...others.map(({ place }) => place)],
      weights: [1, ...others.map(({ place }) => weightAt(scores.data, row * length + place, length))],
    }));
    const rest = leftOf(tokens, row, own);
    if (rest.length === 0) return taken;
    const weights = rest.map((i) => weightOf(row * length + i));
    return [...taken, { centre: rest[0], members: rest, weights }];
  });
  const assignment = Int32Array.from(neighbours.flatMap((own, row) => ownersOf(tokens, row, own)));
  return { ...mapOfSlots(tokens, slots, assignment), ...(reduce === 'sum' && { merge: { reduce } }) };
}

/** A token that stays and those that it takes up, the most similar first. */
interface Neighbours {
  readonly token: number;
  readonly others: readonly { readonly place: number; readonly similarity: number }[];
}

/** For each token that stays its neighbours; a kept one has none. One call where all rows have as many, else one a row. */
function* neighboursOf(
  tokens: Tokens,
  features: FloatTensor,
  { indices, offsets }: Ragged,
  k: number,
): Steps<Neighbours[][]> {
  const free = freeAlone(tokens);
  const counts = free.rows.map((row) => Math.max(0, Math.min(k, row.tokens - 1)));
  const staying = counts.map((_, row) => indices.data.subarray(offsets[row], offsets[row + 1]));
  const none: Neighbours[][] = staying.map((own) => Array.from(own, (token) => ({ token, others: [] })));
  if (counts.every((count) => count === counts[0]))
    return (counts[0] ?? 0) === 0 ? none : yield* asked(free, features, staying, counts[0]);
  for (let row = 0; row < tokens.batch; row++) {
    if (counts[row] === 0) continue;
    const mask = free.mask?.subarray(row * tokens.length, (row + 1) * tokens.length);
    const alone = { length: tokens.length, mask };
    [none[row]] = yield* asked(alone, rowOf(features, row), [staying[row]], counts[row]);
  }
  return none;
}

/** A token is among those most like it, so one more is asked for than is wanted. */
function* asked(
  { length, mask }: Pick<Tokens, 'length' | 'mask'>,
  features: FloatTensor,
  staying: readonly Int32Array[],
  count: number,
): Steps<Neighbours[][]> {
  const list = raggedOf(staying);
  const a = yield* step.gatherRagged(features, list, {});
  const width = a.tokens.dims[1];
  const aMask = presence(list, width);
  staying.forEach((own, row) => {
    own.forEach((token, at) => {
      if (mask?.[row * length + token] === 2) aMask.data[row * width + at] = 2;
    });
  });
  const options = { k: count + 1, aMask, ...(mask && { bMask: mask }) };
  const { indices, values } = yield* step.similarityArgmax(a.tokens, features, options);
  return staying.map((own, row) =>
    Array.from(own, (token, at) => {
      if (aMask.data[row * width + at] === 2) return { token, others: [] };
      const first = (row * width + at) * (count + 1);
      const found = Array.from({ length: count + 1 }, (_, i) => ({
        place: indices.data[first + i],
        similarity: values.data[first + i],
      }));
      return { token, others: found.filter(({ place }) => place !== token).slice(0, count) };
    }),
  );
}

/** The tokens of a row that neither stay nor are dropped, ascending. */
function leftOf(tokens: Tokens, row: number, staying: readonly Neighbours[]): number[] {
  return Array.from(
    tokensBut(
      tokens,
      row,
      staying.map(({ token }) => token),
    ),
  );
}

/** `[N]`: the slot of each token of a row. */
function ownersOf(tokens: Tokens, row: number, staying: readonly Neighbours[]): number[] {
  const owners = new Array<number>(tokens.length).fill(-1);
  for (const i of leftOf(tokens, row, staying)) owners[i] = staying.length;
  const closest = new Float64Array(tokens.length).fill(Number.NEGATIVE_INFINITY);
  staying.forEach(({ others }, slot) => {
    for (const { place, similarity } of others) {
      if (!(similarity > closest[place])) continue;
      owners[place] = slot;
      closest[place] = similarity;
    }
  });
  staying.forEach(({ token }, slot) => {
    owners[token] = slot;
  });
  return owners;
}

/** Members of one token left, in any order. */
interface Slot {
  readonly centre: number;
  readonly members: readonly number[];
  readonly weights: readonly number[];
}

function mapOfSlots(
  { batch, length }: Tokens,
  rows: readonly (readonly Slot[])[],
  assignment: Int32Array,
): { map: TokenMap; centres: Int32Array } {
  const slots = rows.flat();
  const offsets = [0];
  const members: number[] = [];
  const weights: number[] = [];
  for (const slot of slots) {
    const order = Array.from(slot.members.keys()).sort((i, j) => slot.members[i] - slot.members[j]);
    members.push(...order.map((i) => slot.members[i]));
    weights.push(...order.map((i) => slot.weights[i]));
    offsets.push(members.length);
  }
  const map = TokenMap.from({
    rowDims: [batch],
    inputLength: length,
    outputLengths: Int32Array.from(rows, (own) => own.length),
    offsets: Int32Array.from(offsets),
    members: Int32Array.from(members),
    weights: Float32Array.from(weights),
    assignment,
  });
  return { map, centres: Int32Array.from(slots, ({ centre }) => centre) };
}
