// Token merging's bipartite soft matching (Bolya et al. 2023, arXiv 2210.09461) on one row of tokens.
import type { Values } from '../support/tensors.js';
import { compareScores } from './top-k.js';

export interface BipartiteMatchOptions {
  /** Merge at most so many sources; all that may merge when left out. */
  readonly r?: number;
  /** Merge only at this similarity or above. */
  readonly threshold?: number;
  readonly mask?: ArrayLike<number>;
  /** For each token, whether it is a destination. Odd tokens when left out. */
  readonly isDestination?: readonly boolean[];
}

/** Members of each slot, in slot order. */
export type Slots = number[][];

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let aSquared = 0;
  let bSquared = 0;
  for (let c = 0; c < a.length; c++) {
    dot += a[c] * b[c];
    aSquared += a[c] * a[c];
    bSquared += b[c] * b[c];
  }
  return aSquared === 0 || bSquared === 0 ? 0 : dot / Math.sqrt(aSquared) / Math.sqrt(bSquared);
}

/** metric `[N,C]`. */
export function bipartiteMatch({ data, dims }: Values, options: BipartiteMatchOptions = {}): Slots {
  const [length, channels] = dims;
  const { threshold = Number.NEGATIVE_INFINITY, mask, isDestination } = options;
  const token = (i: number) => data.subarray(i * channels, (i + 1) * channels);
  const state = (i: number) => mask?.[i] ?? 0;

  const present = Array.from({ length }, (_, i) => i).filter((i) => state(i) !== 2);
  const inDestinations = (i: number) => isDestination?.[i] ?? i % 2 === 1;
  const sources = present.filter((i) => !inDestinations(i));
  const destinations = present.filter(inDestinations);
  const freeSources = sources.filter((i) => state(i) === 0);
  const freeDestinations = destinations.filter((i) => state(i) === 0);

  const kept = present.filter((i) => state(i) === 1).length;
  const limit = isDestination === undefined ? Math.floor((present.length - kept) / 2) : sources.length;
  const r = Math.min(options.r ?? limit, limit, freeSources.length);

  const pairs = freeSources.flatMap((source) => {
    const similarities = freeDestinations.map((destination) => cosine(token(source), token(destination)));
    const best = similarities
      .map((_, place) => place)
      .sort((x, y) => compareScores(similarities[x], similarities[y]) || x - y)[0];
    return best === undefined
      ? []
      : [{ source, destination: freeDestinations[best], similarity: similarities[best] }];
  });
  const merged = pairs
    .sort((x, y) => compareScores(x.similarity, y.similarity) || x.source - y.source)
    .slice(0, r)
    .filter((pair) => threshold === Number.NEGATIVE_INFINITY || pair.similarity >= threshold);

  if (merged.length === 0) return present.map((i) => [i]);
  const gone = new Set(merged.map((pair) => pair.source));
  const survivors = sources.filter((i) => !gone.has(i)).map((i) => [i]);
  const groups = destinations.map((destination) =>
    [
      destination,
      ...merged.filter((pair) => pair.destination === destination).map((pair) => pair.source),
    ].sort((x, y) => x - y),
  );
  return [...survivors, ...groups];
}
