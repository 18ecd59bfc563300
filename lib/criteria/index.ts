export {
  type AttentionCriterionOptions,
  attentionReceived,
  valueWeightedAttention,
} from './attention-received.js';
export { type CombineOptions, combineByRank, combineByWeight, type WeightedCriterion } from './combine.js';
export { inverse } from './inverse.js';
export { type RandomOptions, random } from './random.js';
export { hiddenNorm, keyNorm, type NormOptions } from './token-norm.js';
