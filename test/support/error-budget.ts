// The one table of how far each operation may be from its float64 reference on the same stored values.
// An operation that is not here moves or orders values: it is exact.

/** u: half the distance from 1 to the next float32. */
const u = 2 ** -24;

/** Largest relative error of one rounding to each type; a 16-bit output is allowed one on top of its budget. */
export const roundingError = { float32: u, float16: 2 ** -11, bfloat16: 2 ** -8 } as const;

/** Least positive number of each type, below which the rounding error is no longer relative. */
export const leastPositive = { float32: 2 ** -149, float16: 2 ** -24, bfloat16: 2 ** -133 } as const;

export const errorBudget = {
  /** Relative, of each softmax probability: base + perMagnitude * max_j(sum_c |q_ic k_jc|) * scale. */
  attentionProbability: { base: 1e-5, perMagnitude: 4 * u },
  /** lse: the row's relative error, plus roundings of its own size. Entropy: the row's relative error, times 1 + entropy. */
  lse: { ofSize: 4 * u },
  /** Times the sum of the magnitudes of the terms of a dot product; activations keep it within the same factor. */
  matmul: { ofMagnitude: 16 * u, activation: 8 * u },
  /** Times the weighted sum of the magnitudes of the members. */
  mergeTokens: { ofMagnitude: 16 * u, sizes: 4 * u },
  /** Relative. */
  tokenNorms: { relative: 16 * u },
  /** Times the magnitudes of a normed element and of what it is multiplied by and added to. */
  layerNorm: { ofMagnitude: 16 * u },
  /** Times the mean magnitude of a channel's tokens; relative, of a variance. */
  channelMoments: { ofMagnitude: 4 * u, relative: 16 * u },
  /** Times the magnitudes of both terms. */
  restoreTokens: { ofMagnitude: 2 * u },
  /** Of the length of the pair that is turned. */
  rotateKeys: { ofPair: 8 * u },
  /** Of the mean magnitude of a window. A maximum is exact. */
  poolScores: { ofMagnitude: 16 * u },
  /** Relative, where float64 sums cancel: of the magnitudes of their terms. */
  pairedSimilarity: { relative: u, ofMagnitude: 2 ** -45 },
  /** Times the lengths of the tokens, about their middle for l2: how close two candidates may be for either to come first. */
  similarityArgmax: { ofMagnitude: 16 * u },
  /** Of each similarity, times the lengths of the tokens, and by how steep the function is; relative, of the result. */
  similarityReduce: { ofMagnitude: 16 * u, relative: 16 * u },
  /** Relative, of a density; of squared distances, times the square of the tokens' length about their middle: which count. */
  knnDensity: { relative: 4 * u, ofMagnitude: 32 * u },
  /** Of the cosine itself: how close two candidates may be for either to be chosen. */
  bipartiteMatch: { similarity: 16 * u },
  /** Of the distance, and of the cosine: how close two candidates may be for either to be chosen. */
  farthestPoint: { relative: 8 * u, cosine: 4 * u },
  /** Of the greatest relevance, squared: how close two gains may be for either to be chosen. */
  dppGreedy: { ofRelevance: 64 * u },
  /** Of the threshold itself: how close a score may be to it for either answer to be right. */
  selectThreshold: { relative: 16 * u },
} as const;
