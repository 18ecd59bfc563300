import {
  budgets,
  createSieve,
  criteria,
  type Sieve,
  strategies,
  type Tensor,
  type TokenMap,
  topKPrune,
} from 'tokensieve';
import type { Attended, Block } from '../runner/transformer-block.js';
import type { Reduced } from '../runner/use-lite.js';
import type { Marker } from './chart.js';
import { mergeFlops, mergeInRounds } from './merge-in-rounds.js';

/** What a method leaves, and how it came about. */
export interface Reduction extends Reduced {
  /** Which tokens went where; absent where nothing was done. */
  readonly map?: TokenMap;
  /** [B, N], what the tokens were chosen by. */
  readonly scores?: Tensor<'float32'>;
}

/** A line of the table: a way to reduce tokens after an attention. */
export interface Method {
  readonly name: string;
  /** One sentence for the report. */
  readonly about: string;
  /** Names its colour in the report. */
  readonly key: string;
  readonly marker: Marker;
  /** More than one where the outcome hangs on chance. */
  readonly seeds: readonly number[];
  /** Whether it is here to be compared with, not to be used. */
  readonly control: boolean;
  reduce(state: Attended, keep: number, seed: number): Reduction;
  /** Operations of the reduction's own matrix products on one text. */
  flops(block: Block, before: number, after: number): number;
}

/** Query-key products for the attention scores; the model's own were not kept. */
const scoringFlops = ({ key }: Block, before: number) => 2 * before * before * key.weight.dims[1];

export const unreduced: Method = {
  name: 'none',
  about: 'The model as it is.',
  key: 'none',
  marker: 'circle',
  seeds: [0],
  control: false,
  reduce: ({ hidden }) => ({ hidden }),
  flops: () => 0,
};

export const attentionPrune: Method = {
  name: 'attention received',
  about: 'Keeps the tokens that all queries together attend to most.',
  key: 'attention',
  marker: 'circle',
  seeds: [0],
  control: false,
  reduce: (state, keep) => reduceBy(topKPrune({ keep }), state),
  flops: scoringFlops,
};

const attentionPruneWithSummary: Method = {
  name: 'EViT-style',
  about:
    'The same, and the rest fused, weighted by score, into one summary token; as EViT does, with the attention of ' +
    'all queries in place of the class token that this model lacks.',
  key: 'evit',
  marker: 'square',
  seeds: [0],
  control: false,
  reduce: (state, keep) => {
    const sieve = createSieve({
      criterion: criteria.attentionReceived(),
      budget: budgets.keep(keep),
      strategy: strategies.pruneAndFuse(),
    });
    return reduceBy(sieve, state);
  },
  flops: scoringFlops,
};

const valueWeightedPrune: Method = {
  name: 'value-weighted',
  about: 'Keeps by attention received times the norm of the value, what a token can add to the others.',
  key: 'valueWeighted',
  marker: 'diamond',
  seeds: [0],
  control: false,
  reduce: (state, keep) => reduceBy(topKPrune({ keep, criterion: criteria.valueWeightedAttention() }), state),
  flops: scoringFlops,
};

const keyNormPrune: Method = {
  name: 'key norm',
  about:
    'Keeps the tokens with the smallest keys, which tend to draw the most attention; needs no attention at all.',
  key: 'keyNorm',
  marker: 'triangle',
  seeds: [0],
  control: false,
  reduce: (state, keep) => reduceBy(topKPrune({ keep, criterion: criteria.keyNorm() }), state),
  flops: ({ key }, before) => 2 * before * key.weight.dims[1],
};

export const toMe: Method = {
  name: 'ToMe',
  about:
    'Merges tokens with the most similar keys into their mean, in rounds of a quarter of the tokens. Sizes weight the ' +
    'mean, the attention behind it and the mean over the tokens at the end.',
  key: 'tome',
  marker: 'square',
  seeds: [0],
  control: false,
  reduce: mergeInRounds,
  flops: mergeFlops,
};

const toMeWithoutSizes: Method = {
  ...toMe,
  name: 'ToMe unsized',
  about:
    'The same merges, but each merged token then counts as one: no log(size) in the attention behind it, and a plain ' +
    'mean at the end. Whether sizes help depends on how a model was trained.',
  key: 'tomeUnsized',
  marker: 'diamond',
  reduce: (state, keep) => {
    const { hidden, map } = mergeInRounds(state, keep);
    return { hidden, ...(map && { map }) };
  },
};

const randomPrune: Method = {
  name: 'random',
  about: 'Control: keeps tokens at random; the mean over five seeds, and their range.',
  key: 'random',
  marker: 'cross',
  seeds: [1, 2, 3, 4, 5],
  control: true,
  reduce: (state, keep, seed) => reduceBy(topKPrune({ keep, criterion: criteria.random({ seed }) }), state),
  flops: () => 0,
};

const inversePrune: Method = {
  name: 'least attended',
  about: 'Control: keeps what attention received would drop first.',
  key: 'inverse',
  marker: 'triangle',
  seeds: [0],
  control: true,
  reduce: (state, keep) =>
    reduceBy(topKPrune({ keep, criterion: criteria.inverse(criteria.attentionReceived()) }), state),
  flops: scoringFlops,
};

export const methods: readonly Method[] = [
  attentionPrune,
  attentionPruneWithSummary,
  valueWeightedPrune,
  keyNormPrune,
  toMe,
  toMeWithoutSizes,
  randomPrune,
  inversePrune,
];

/** One call of a sieve. Sizes are not handed on: each token left counts as one, the summary too, as in EViT. */
function reduceBy(sieve: Sieve, { hidden, q, k, v }: Attended): Reduction {
  const reduced = sieve.reduceSync({ hidden, q, k, v, layout: 'bnhd' });
  return {
    hidden: reduced.hidden as Tensor<'float32'>,
    map: reduced.map,
    ...(reduced.scores && { scores: reduced.scores }),
  };
}
