import { rangeError, typeError } from '../errors.js';
import { readGridOption } from '../grid.js';
import { readInteger, readOptions, readThreshold } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { dpcKnn } from '../strategies/dpc-knn.js';
import { mergeScenes, type SceneMerging } from '../strategies/merge-scenes.js';
import { atLeastOne } from '../strategies/scenes.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link pruneVid}. */
export interface PruneVidOptions extends MethodOptions {
  /** The mean cosine over the frames of a scene above which a place is static; 0.8 by default. */
  readonly threshold?: number;
  /** Clusters for each token to cluster; 0.5 by default. */
  readonly clusterRatio?: number;
  /** Scenes for each frame; 0.25 by default. */
  readonly sceneRatio?: number;
  /** Neighbours, itself included, that a density is taken from; 7 by default. */
  readonly k?: number;
  /** `[t,h,w]`, where the inputs bring no grid. */
  readonly grid?: readonly [number, number, number];
}

/**
 * PruneVid, spatial-temporal token merging: Huang et al., "PruneVid: Visual Token Pruning for Efficient Video Large
 * Language Models", 2024, arXiv 2412.16117. Its stage before the language model; after it the paper prunes by
 * attention.
 *
 * Frames are clustered by density peaks on the mean of their tokens, `floor(t * sceneRatio)` clusters, which are made
 * scenes: stretches of frames. A place of a scene is static where the mean cosine between all its pairs of frames is
 * above the threshold; its tokens become one. Static ones of a scene, and dynamic ones of each frame, are then merged
 * by density peaks into `floor(n * clusterRatio)` clusters, at least 1. Each slot is the mean of its tokens weighted
 * by size, where its first token stands. Compares hidden, or metric where the inputs bring one; reads the grid.
 *
 * `reference: 'authors'` merges by place in space only where there are more than 14 tokens to cluster, takes plain
 * means, and lists for each scene static tokens before dynamic ones. Equal densities rank by index, where the
 * authors' code adds random noise.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function pruneVid(options: PruneVidOptions): Sieve {
  const { threshold = 0.8, clusterRatio = 0.5, sceneRatio = 0.25, k = 7, grid } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  readThreshold('options.threshold', threshold);
  for (const [path, value] of Object.entries({ clusterRatio, sceneRatio })) {
    if (typeof value !== 'number') throw typeError(`options.${path}`, 'a number', value);
    if (!(value > 0 && value <= 1)) throw rangeError(`options.${path}`, 'a number above 0, at most 1', value);
  }
  readInteger('options.k', k, 1);
  const merging: SceneMerging = {
    threshold,
    sceneRatio,
    isAuthors,
    cluster: dpcKnn({ k, similarity: 'l2' }),
    clustersOf: (n) => (n === 0 || (isAuthors && n <= 14) ? n : atLeastOne(n * clusterRatio, n)),
  };
  return createSieve({ strategy: mergeScenes(merging, readGridOption(grid)), positions });
}

export const method: Method<PruneVidOptions> = {
  name: 'pruneVid',
  group: 'video',
  title: 'PruneVid: Visual Token Pruning for Efficient Video Large Language Models',
  authors: 'Huang et al.',
  year: 2024,
  arxiv: '2412.16117',
  licence: 'none: written anew',
  summary: 'merges over time what stands still in a scene, and in space what is alike',
  over: 'video',
  classToken: false,
  needs: ['grid'],
  trainingFree: true,
  defaults: {},
  order: 'place',
  tokensLeft: () => undefined,
  create: pruneVid,
};
