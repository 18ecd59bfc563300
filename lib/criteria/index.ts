export {
  type AttentionCriterionOptions,
  attentionReceived,
  valueWeightedAttention,
} from './attention-received.js';
export { type CohesionOptions, cohesion } from './cohesion.js';
export { type CombineOptions, combineByRank, combineByWeight, type WeightedCriterion } from './combine.js';
export { type FrameChangeOptions, frameChange } from './frame-change.js';
export { headsAsOne } from './heads-as-one.js';
export { inverse } from './inverse.js';
export { localGlobalPredictor } from './local-global-predictor.js';
export { type MeanQueryOptions, meanQueryAttention } from './mean-query-attention.js';
export { type PredictorLayer, type PredictorOptions, predictor } from './predictor.js';
export { type RandomOptions, random } from './random.js';
export { type RaterAttentionOptions, raterAttention } from './rater-attention.js';
export { type EnergyOptions, energy, type RedundancyOptions, redundancy } from './redundancy.js';
export { type TextRelevanceOptions, textSimilarity, textSoftmax } from './text-relevance.js';
export { type EntropyOptions, tokenEntropy } from './token-entropy.js';
export { gradientNorm, hiddenNorm, keyNorm, type NormOptions } from './token-norm.js';
