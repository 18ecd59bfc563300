import { rangeError, typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { readList } from '../tensor.js';

/** What {@link ratioForCost} goes by. */
export interface CostOptions {
  /** What all layers together may take, as a fraction of what they take with every token: above 0, at most 1. */
  readonly cost: number;
  /** How many layers there are. */
  readonly layers: number;
  /** The fraction of its tokens that each layer before removed; none by default. */
  readonly removed?: readonly number[];
}

/**
 * The fraction of tokens to remove at a layer so that all layers together take a given part of the full cost, a layer's
 * being in proportion to its tokens, as FrameFusion has it (Fu et al. 2025, arXiv 2501.01986): with s_i the fractions
 * removed by the l layers before, `1 - (L cost - sum over i of prod over j <= i of (1 - s_j)) / ((L - l) prod (1 - s_j))`,
 * and 0 where the layers that are left may keep all.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; `options.cost` where
 * the layers before have taken all of it
 */
export function ratioForCost(options: CostOptions): number {
  const { cost, layers, removed = [] } = readOptions(options);
  if (typeof cost !== 'number') throw typeError('options.cost', 'a number', cost);
  if (!(cost > 0 && cost <= 1)) throw rangeError('options.cost', 'a number above 0, at most 1', cost);
  if (typeof layers !== 'number') throw typeError('options.layers', 'an integer', layers);
  if (!Number.isSafeInteger(layers) || layers < 1 || layers > mostLayers)
    throw rangeError('options.layers', `an integer from 1 to ${mostLayers}`, layers);
  const before = readList('options.removed', 'an array of numbers', removed, layers - 1);
  let left = 1;
  let taken = 0;
  before.forEach((fraction, layer) => {
    const path = `options.removed[${layer}]`;
    if (typeof fraction !== 'number') throw typeError(path, 'a number', fraction);
    if (!(fraction >= 0 && fraction < 1)) throw rangeError(path, 'a number from 0, below 1', fraction);
    left *= 1 - fraction;
    taken += left;
  });
  const remaining = layers * cost - taken;
  if (!(remaining > 0)) throw rangeError('options.cost', `more than ${taken / layers}, which is taken`, cost);
  return Math.max(0, 1 - remaining / ((layers - before.length) * left));
}

/** Far past any model's. */
const mostLayers = 2 ** 16;
