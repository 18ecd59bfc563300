// Distance-bounded density peak clustering (Dhouib et al. 2025, arXiv 2504.08966), one token after another.
import type { Values } from '../support/tensors.js';
import { similarity } from './paired-similarity.js';

/** What is to be clustered, and how. */
export interface DbdpcCase {
  /** The tokens that are clustered; those of `pruned` join what is near. */
  readonly taken: readonly number[];
  readonly pruned: readonly number[];
  readonly cutoff: number;
  readonly dc?: number;
  readonly coefPruned?: number;
}

export interface DbdpcClusters {
  /** Centres, ascending. */
  readonly centres: readonly number[];
  /** The members of each, ascending. */
  readonly members: readonly (readonly number[])[];
}

/** x `[N,D]`. A centre is what no denser centre has within the cutoff: the densest first. */
export function dbdpc(x: Values, options: DbdpcCase): DbdpcClusters {
  const { taken, pruned, cutoff, dc = 2, coefPruned = 1.5 } = options;
  const [, channels] = x.dims;
  const token = (i: number) => x.data.subarray(i * channels, (i + 1) * channels);
  const distance = (i: number, j: number) => Math.max(0, 1 - similarity(token(i), token(j), 'cosine'));
  const density = new Map(
    taken.map((i) => [i, taken.reduce((sum, j) => sum + Math.exp(-((distance(i, j) / dc) ** 2)), 0)]),
  );
  const densest = [...taken].sort((i, j) => (density.get(j) ?? 0) - (density.get(i) ?? 0) || i - j);
  const centres: number[] = [];
  for (const i of densest) if (centres.every((centre) => distance(i, centre) > cutoff)) centres.push(i);
  centres.sort((i, j) => i - j);
  const members = centres.map((centre) => [centre]);
  const join = (i: number, reach: number) => {
    const distances = centres.map((centre) => distance(i, centre));
    const near = distances.indexOf(Math.min(...distances));
    if (near !== -1 && distances[near] <= reach) members[near].push(i);
  };
  for (const i of taken) if (!centres.includes(i)) join(i, 2);
  for (const i of pruned) join(i, coefPruned * cutoff);
  return { centres, members: members.map((own) => own.sort((i, j) => i - j)) };
}
