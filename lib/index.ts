export type { Amount, Budget } from './budgets/budget.js';
export * as budgets from './budgets/index.js';
export type { Criterion } from './criteria/criterion.js';
export * as criteria from './criteria/index.js';
export { type Device, type ForeignTensor, type OpenDeviceOptions, openDevice } from './device.js';
export type {
  AnyOptions,
  AnyResult,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
  InEitherPlace,
  OnDevice,
} from './device-tensor.js';
export type { Distillation } from './distillation.js';
export { type ErrorCode, errorCodes, TokenSieveError } from './errors.js';
export type { Halting } from './halting.js';
export { type Info, info, setNumThreads } from './info.js';
export type { LinearLayer, PredictorWeights, ReadLinear, ReadPredictor } from './linear-layer.js';
export { type AttentionMask, fromAttentionMask } from './mask.js';
export * from './methods/index.js';
export type { Reduction } from './move-tokens.js';
export { nativeApi } from './native-api.js';
export {
  type AttentionOutput,
  type AttentionWithOutputOptions,
  attention,
  attentionSync,
} from './ops/attention.js';
export type {
  AttentionOptions,
  HeadReduction,
  KeySelection,
  QuerySelection,
} from './ops/attention-options.js';
export {
  type AttentionScores,
  type AttentionScoresOptions,
  attentionScores,
  attentionScoresSync,
} from './ops/attention-scores.js';
export {
  type BipartiteMatchOptions,
  type BipartitePartition,
  bipartiteMatch,
  bipartiteMatchSync,
} from './ops/bipartite-match.js';
export {
  type ChannelMoments,
  type ChannelMomentsOptions,
  channelMoments,
  channelMomentsSync,
} from './ops/channel-moments.js';
export { type DppGreedyOptions, dppGreedy, dppGreedySync } from './ops/dpp-greedy.js';
export { type FarthestPointOptions, farthestPoint, farthestPointSync } from './ops/farthest-point.js';
export {
  type ChannelIndices,
  type GatherChannelsOptions,
  gatherChannels,
  gatherChannelsSync,
} from './ops/gather-channels.js';
export {
  type GatherTokensOptions,
  gatherTokens,
  gatherTokensSync,
  type RaggedTokens,
  type TokenIndices,
} from './ops/gather-tokens.js';
export {
  type KnnDensity,
  type KnnDensityOptions,
  knnDensity,
  knnDensitySync,
} from './ops/knn-density.js';
export { type LayerNormOptions, layerNorm, layerNormSync } from './ops/layer-norm.js';
export { type MatmulOptions, matmul, matmulSync } from './ops/matmul.js';
export {
  type MergedTokens,
  type MergeReduce,
  type MergeTokensOptions,
  mergeTokens,
  mergeTokensSync,
} from './ops/merge-tokens.js';
export { type PackKeysOptions, packKeys, packKeysSync } from './ops/pack-keys.js';
export type { PackedKeys } from './ops/packed-keys.js';
export {
  type PairedSimilarityOptions,
  pairedSimilarity,
  pairedSimilaritySync,
} from './ops/paired-similarity.js';
export { type PoolScoresOptions, poolScores, poolScoresSync } from './ops/pool-scores.js';
export type { RaggedOut } from './ops/ragged-output.js';
export { type RestoreTokensOptions, restoreTokens, restoreTokensSync } from './ops/restore-tokens.js';
export { type Positions, type RotateKeysOptions, rotateKeys, rotateKeysSync } from './ops/rotate-keys.js';
export { type SampleCdfOptions, sampleCdf, sampleCdfSync } from './ops/sample-cdf.js';
export {
  type SelectThresholdOptions,
  selectThreshold,
  selectThresholdSync,
  type ThresholdRule,
} from './ops/select-threshold.js';
export {
  type SimilarityArgmax,
  type SimilarityArgmaxOptions,
  similarityArgmax,
  similarityArgmaxSync,
} from './ops/similarity-argmax.js';
export type { SimilarityMetric } from './ops/similarity-metric.js';
export {
  type SimilarityFunction,
  type SimilarityReduceOptions,
  similarityReduce,
  similarityReduceSync,
} from './ops/similarity-reduce.js';
export { type TokenNormsOptions, tokenNorms, tokenNormsSync } from './ops/token-norms.js';
export { type TopK, type TopKOptions, topK, topKSync } from './ops/top-k.js';
export type { PositionRule } from './positions.js';
export { proportionalBias } from './proportional-bias.js';
export type { DeviceRagged, Ragged } from './ragged.js';
export {
  type GravityCorrectionOptions,
  gravityCorrection,
  type RotaryDecayOptions,
  rotaryDecay,
} from './rotary-decay.js';
export { inSequence } from './sequence.js';
export { createSieve, type DenseSieveParts, type Sieve, type SieveParts } from './sieve.js';
export type { Protection, RowTokens, SieveInputs, Tokens } from './sieve-inputs.js';
export { type OpCall, type Steps, step } from './steps.js';
export * as strategies from './strategies/index.js';
export type {
  Concatenation,
  Decision,
  DensePlan,
  DenseStrategy,
  Plan,
  Strategy,
} from './strategies/strategy.js';
export {
  allocate,
  type DataType,
  type DataTypeMap,
  type FloatTensor,
  type FloatType,
  type Tensor,
} from './tensor.js';
export { type AssignmentOptions, TokenMap, type TokenMapFields } from './token-map.js';
export {
  type VirtualUnmergeOptions,
  virtualUnmergeAttention,
  virtualUnmergeAttentionSync,
} from './virtual-unmerge.js';
