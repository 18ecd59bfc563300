// What matching, clustering and fusing by similarity share: each of some tokens finds the most similar of some others.
import type { Ragged } from '../ragged.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor, Tensor } from '../tensor.js';

/** For each source, in the order of its list, the best destination. */
export interface NearestTokens {
  /** The destination's place in its row; -1 where the row has none. */
  readonly tokens: Int32Array;
  /** Its similarity; -Infinity where there is none. */
  readonly similarity: Float32Array;
}

/**
 * The most similar destination of each source; of equal ones that which is listed first.
 *
 * @param features `[B,N,D]`
 * @param sources tokens of each row, in any order
 * @param destinations tokens of each row, in any order
 * @param factors `[B * N]`: with them `factors[j] * (1 + s) / 2` of a destination j is what is compared and given
 */
export function* nearestTokens(
  features: FloatTensor,
  sources: Ragged,
  destinations: Ragged,
  metric: 'cosine' | 'dot' | 'l2' = 'cosine',
  factors?: Float32Array,
): Steps<NearestTokens> {
  const total = sources.indices.data.length;
  const tokens = new Int32Array(total).fill(-1);
  const similarity = new Float32Array(total).fill(Number.NEGATIVE_INFINITY);
  if (total === 0 || destinations.indices.data.length === 0) return { tokens, similarity };
  const a = yield* step.gatherRagged(features, sources, {});
  const b = yield* step.gatherRagged(features, destinations, {});
  const { indices, values } = yield* step.similarityArgmax(a.tokens, b.tokens, {
    metric,
    aMask: asking(sources, destinations, a.tokens.dims[1]),
    bMask: presence(destinations, b.tokens.dims[1]),
    ...(factors && scaledBy(factors, features.dims[1], destinations, b.tokens.dims[1])),
  });
  const width = a.tokens.dims[1];
  for (let row = 0; row + 1 < sources.offsets.length; row++)
    for (let at = sources.offsets[row]; at < sources.offsets[row + 1]; at++) {
      const asked = row * width + at - sources.offsets[row];
      const found = indices.data[asked];
      if (found === -1) continue;
      tokens[at] = destinations.indices.data[destinations.offsets[row] + found];
      similarity[at] = values.data[asked];
    }
  return { tokens, similarity };
}

/** As {@link presence}, and 2 for all of a row that has nothing to choose from. */
function asking(sources: Ragged, { offsets }: Ragged, width: number): Tensor<'uint8'> {
  const mask = presence(sources, width);
  for (let row = 0; row + 1 < offsets.length; row++)
    if (offsets[row] === offsets[row + 1]) mask.data.fill(2, row * width, (row + 1) * width);
  return mask;
}

/** `[B,width]`, twice: what makes `(1 + s) / 2` times its factor of the similarity s with each of a list. */
function scaledBy(factors: Float32Array, length: number, { indices, offsets }: Ragged, width: number) {
  const rows = offsets.length - 1;
  const half = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let at = offsets[row]; at < offsets[row + 1]; at++)
      half[row * width + at - offsets[row]] = factors[row * length + indices.data[at]] / 2;
  const tensor = { type: 'float32' as const, data: half, dims: [rows, width] };
  return { scale: tensor, bias: tensor };
}

/** `[B,width]`: 2 behind the end of each row's list. */
export function presence({ offsets }: Ragged, width: number): Tensor<'uint8'> {
  const rows = offsets.length - 1;
  const data = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++)
    data.fill(2, row * width + offsets[row + 1] - offsets[row], (row + 1) * width);
  return { type: 'uint8', data, dims: [rows, width] };
}

/** Lists of tokens, one a row, as one. */
export function raggedOf(rows: readonly ArrayLike<number>[]): Ragged {
  const offsets = new Int32Array(rows.length + 1);
  rows.forEach((tokens, row) => {
    offsets[row + 1] = offsets[row] + tokens.length;
  });
  const data = new Int32Array(offsets[rows.length]);
  rows.forEach((tokens, row) => {
    data.set(tokens, offsets[row]);
  });
  return { indices: { type: 'int32', data, dims: [data.length] }, offsets };
}
