export { type CostOptions, ratioForCost } from './cost.js';
export { type CountOptions, count, type FractionOptions, keep, ratio, remove } from './count.js';
export {
  atLayers,
  type Fall,
  falling,
  type Inflection,
  inflected,
  pyramid,
  type Rounding,
  type Schedule,
} from './schedule.js';
export { mass, type ThresholdLimits, threshold } from './threshold.js';
