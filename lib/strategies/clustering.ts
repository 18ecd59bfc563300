// What the ways of clustering share: the tokens to cluster, and the cluster whose centre is nearest to each.
import type { Ragged } from '../ragged.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor, Tensor } from '../tensor.js';

/** The tokens of a batch that are to be in clusters, and how many clusters. */
export interface Points {
  readonly batch: number;
  readonly length: number;
  /** `[B,N,D]` */
  readonly features: FloatTensor;
  /** `[B * N]`: 2 for a token that is in no cluster, else 0. */
  readonly mask: Uint8Array;
  /** Tokens of each row that are to be in a cluster. */
  readonly free: readonly number[];
  /** Clusters of each row: none where it has no free token, else from 1 to that number. */
  readonly clusters: readonly number[];
  /** `[B,N]` */
  readonly sizes: Tensor<'float32'> | undefined;
}

/** Who is in which cluster. */
export interface Clusters {
  /** `[B * N]`: the cluster of each token, counted from 0 within its row; -1 for one that is in none. */
  readonly labels: Int32Array;
  /** The token at the centre of each cluster, where there is one, and `[B * N]`: how much of a centre each token is. */
  readonly centres?: Ragged & { readonly peaks: Float32Array };
}

/** Puts tokens into clusters, none of which is left empty. */
export type Clustering = (points: Points) => Steps<Clusters>;

/** Each token's nearest centre, and how near that is. */
export interface Nearest {
  /** `[B * N]`, -1 for a token that is in no cluster. */
  readonly labels: Int32Array;
  /** `[B * N]`: the similarity with that centre. */
  readonly similarity: Float32Array;
}

/** @param centres `[B,K,D]`, K the most clusters of a row; a row uses as many as it has */
export function* nearestCentre(
  { features, mask, clusters }: Points,
  centres: FloatTensor,
  metric: 'l2' | 'cosine',
): Steps<Nearest> {
  const most = centres.dims[1];
  // A row without tokens asks for no centre, but one has to be there.
  const isCentre = (i: number) => i % most < Math.max(1, clusters[Math.floor(i / most)]);
  const bMask = Uint8Array.from({ length: clusters.length * most }, (_, i) => (isCentre(i) ? 0 : 2));
  const dims = features.dims.slice(0, 2);
  const { indices, values } = yield* step.similarityArgmax(features, centres, {
    metric,
    aMask: { type: 'uint8', data: mask, dims },
    bMask: { type: 'uint8', data: bMask, dims: [clusters.length, most] },
  });
  return { labels: indices.data, similarity: values.data };
}
