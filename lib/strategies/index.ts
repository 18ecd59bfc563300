export { type BipartiteMergeOptions, bipartiteMerge } from './bipartite-merge.js';
export { type FuseOptions, pruneAndFuse } from './fuse.js';
export { type PruneOptions, prune } from './prune.js';
export type { KeptOrder } from './select.js';
