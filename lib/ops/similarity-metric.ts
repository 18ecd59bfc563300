import { readChoice } from './call.js';

/** How alike two tokens are: the cosine (0 with a zero vector), the product, or minus the squared distance. */
export type SimilarityMetric = 'cosine' | 'dot' | 'l2';

const metrics: readonly SimilarityMetric[] = ['cosine', 'dot', 'l2'];

/** The number by which the C interface knows `options.metric`. */
export function readMetric(metric: unknown, fallback: SimilarityMetric = 'cosine'): number {
  return readChoice('options.metric', metric, metrics, fallback);
}
