export type { ComparedBy } from '../features.js';
export { type BipartiteMergeOptions, bipartiteMerge } from './bipartite-merge.js';
export {
  type ClusterMergeOptions,
  type ClusterMethod,
  clusterMerge,
} from './cluster-merge.js';
export { type CompleteMergeOptions, completeMerge } from './complete-merge.js';
export { type DbdpcOptions, dbdpc } from './dbdpc.js';
export { type DistilOptions, distil } from './distil.js';
export { type DppOptions, dpp } from './dpp.js';
export { type FuseOptions, pruneAndFuse } from './fuse.js';
export { type KCentreOptions, kCentre } from './k-centre.js';
export { type LeastSimilarOptions, leastSimilar } from './least-similar.js';
export { type MergeLowestOptions, mergeLowest } from './merge-lowest.js';
export { type MergeRunsOptions, mergeRuns } from './merge-runs.js';
export { type MultiCriteriaMergeOptions, multiCriteriaMerge } from './multi-criteria-merge.js';
export { type PerSegmentOptions, perSegment, type Segmentation } from './per-segment.js';
export { type PoolWindowsOptions, poolWindows } from './pool-windows.js';
export { type PruneOptions, prune } from './prune.js';
export { type PruneThenMergeOptions, pruneThenMerge } from './prune-then-merge.js';
export { pruneAndRecycle, type RecycleOptions } from './recycle.js';
export { type SampleOptions, sample } from './sample.js';
export type { KeptOrder } from './select.js';
export { type ThresholdMergeOptions, thresholdMerge } from './threshold-merge.js';
export { type UnshuffleOptions, unshuffle } from './unshuffle.js';
export type { WindowOptions } from './windows.js';
