import type { Sieve } from '../sieve.js';
import type { Method } from './method.js';
import { aroundOutliers, type PruMergeOptions } from './pru-merge.js';

/**
 * PruMerge+: Shang et al., "LLaVA-PruMerge: Adaptive Token Reduction for Efficient Large Multimodal Models", ICCV 2025,
 * arXiv 2403.15388.
 *
 * As `pruMerge`, but tokens evenly spaced over the picture stay too, about three for each that stands out: with r the
 * fraction of the tokens that stands out, every `max(1, floor(floor(1 / r) / 3))`-th of them. They take up others as
 * the rest do.
 *
 * `reference: 'authors'`, besides what it does there, leaves the picture's last token out of the evenly spaced ones,
 * and lists those behind the tokens that stand out, by place.
 *
 * @throws as `pruMerge`
 */
export function pruMergePlus(options: PruMergeOptions): Sieve {
  return aroundOutliers(options, true);
}

export const method: Method<PruMergeOptions> = {
  name: 'pruMergePlus',
  group: 'vision-language',
  title: 'LLaVA-PruMerge: Adaptive Token Reduction for Efficient Large Multimodal Models',
  authors: 'Shang et al.',
  year: 2024,
  arxiv: '2403.15388',
  licence: 'Apache-2.0',
  summary: 'as pruMerge, and keeps tokens evenly spaced over the picture besides',
  over: 'image',
  classToken: true,
  needs: ['q', 'k'],
  trainingFree: true,
  defaults: { k: 32 },
  order: 'own',
  tokensLeft: () => undefined,
  create: pruMergePlus,
};
