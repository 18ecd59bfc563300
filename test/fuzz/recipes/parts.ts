// The parts of sieves, and sieves: each is put to use on random tokens.
import assert from 'node:assert/strict';
import {
  budgets,
  type Criterion,
  createSieve,
  criteria,
  type DenseStrategy,
  type Distillation,
  type OpCall,
  type Reduction,
  type Sieve,
  type SieveInputs,
  type Strategy,
  step,
  strategies,
} from 'tokensieve';
import { assertConsistent } from '../../support/reductions.js';
import type { Draw } from '../draw.js';
import { type Call, type Recipe, type Recipes, recipe } from '../recipe.js';
import { choosingRecipes } from './choosing.js';
import { movingRecipes } from './moving.js';
import { rowRecipes } from './rows.js';
import { scoringRecipes } from './scoring.js';

/** Tokens, and all that any part reads. */
export function inputsOf(draw: Draw): SieveInputs {
  const [batch, length] = [draw.batch(), draw.tokens() + 1];
  const [heads, keyHeads] = draw.heads();
  const depth = draw.channels();
  const channels = draw.channels();
  return {
    hidden: draw.anyFloats([batch, length, channels]),
    gradients: draw.anyFloats([batch, length, channels]),
    q: draw.anyFloats([batch, heads, length, depth]),
    k: draw.anyFloats([batch, keyHeads, length, depth]),
    v: draw.anyFloats([batch, keyHeads, length, depth]),
    layer: draw.integer(3),
    ...draw.some({
      mask: () => draw.mask(batch, length),
      sizes: () => draw.float32(batch * length, () => 1 + draw.integer(3)),
      scores: () => draw.numbers('float32', [batch, length], draw.uniform),
      metric: () => draw.anyFloats([batch, length, 5]),
      positions: () => draw.int32(batch * length, () => draw.integer(1000)),
      lengths: () => draw.lengths(batch, length),
    }),
  };
}

type Form = 'reduce' | 'reduceSync';

/** Reduces by a sieve; `more` is the inputs and the form of the call. */
export function reduceBy(sieve: unknown, [inputs, form]: readonly unknown[]): unknown {
  return form === 'reduceSync'
    ? (sieve as Sieve).reduceSync(inputs as SieveInputs)
    : (sieve as Sieve).reduce(inputs as SieveInputs);
}

/** A call whose result goes into a sieve, which then reduces. */
function sieveCall(draw: Draw, args: unknown[], make: (part: never) => Sieve, reduce: 'mean' | 'any'): Call {
  const inputs = inputsOf(draw);
  const form: Form = draw.pick(['reduce', 'reduceSync']);
  return {
    args,
    more: [inputs, form],
    use: (part, more) => reduceBy(make(part as never), more),
    verify: (result) => {
      if (reduce === 'mean') assertConsistent(inputs, result as Reduction);
      else assert.equal((result as Reduction).hidden.type, inputs.hidden.type);
    },
  };
}

function criterionRecipe(args: (draw: Draw) => unknown[]): Recipe {
  return recipe((draw) => {
    const make = (criterion: Criterion) =>
      createSieve({ criterion, budget: budgets.keep(0.5), strategy: strategies.prune() });
    return sieveCall(draw, args(draw), make, 'mean');
  });
}

function budgetRecipe(args: (draw: Draw) => unknown[]): Recipe {
  return recipe((draw) => {
    const make = (budget: ReturnType<typeof budgets.keep>) =>
      createSieve({ criterion: criteria.hiddenNorm(), budget, strategy: strategies.prune() });
    return sieveCall(draw, args(draw), make, 'mean');
  });
}

function scheduleRecipe(args: (draw: Draw) => unknown[]): Recipe {
  return recipe((draw) => {
    const make = (schedule: Parameters<typeof budgets.remove>[0]) =>
      createSieve({ budget: budgets.remove(schedule), strategy: strategies.bipartiteMerge() });
    return sieveCall(draw, args(draw), make, 'mean');
  });
}

function strategyRecipe(args: (draw: Draw) => unknown[]): Recipe {
  return recipe((draw) => {
    const make = (strategy: Strategy) =>
      createSieve({ criterion: criteria.random(), budget: budgets.ratio(0.4), strategy });
    return sieveCall(draw, args(draw), make, 'any');
  });
}

/** A strategy that takes no budget. */
function unbudgetedRecipe(args: (draw: Draw) => unknown[]): Recipe {
  return recipe((draw) =>
    sieveCall(draw, args(draw), (strategy: Strategy) => createSieve({ strategy }), 'any'),
  );
}

/** Distillation of random tokens by random queries and weights, all of one type. */
const distillation = recipe((draw) => {
  const { hidden, gradients: _, ...inputs } = inputsOf(draw);
  const width = 4;
  const channels = draw.channels();
  const [batch, length] = hidden.dims;
  const type = draw.floatType();
  const floats = (dims: number[]) => draw.numbers(type, dims, draw.normal);
  const own = { ...inputs, mask: undefined, gradients: undefined, hidden: floats([batch, length, channels]) };
  const options = {
    queries: floats([draw.between(1, 4), width]),
    keyWeight: floats([channels, width]),
    valueWeight: floats([channels, width]),
    heads: draw.pick([1, 2]),
  };
  return {
    args: [options],
    more: [own, draw.pick(['reduce', 'reduceSync'])],
    use: (strategy, more) => reduceBy(createSieve({ strategy: strategy as DenseStrategy }), more),
    verify: (result) => {
      const { dims } = (result as Distillation).hidden;
      assert.deepEqual(dims, [batch, options.queries.dims[0], width]);
    },
  };
});

/** Scores by a perceptron of random weights, one output or two. */
const prediction = recipe((draw) => {
  const inputs = inputsOf(draw);
  const inner = draw.between(1, 5);
  const output = draw.pick(['sigmoid', 'softmax']);
  const layers = [
    {
      weight: draw.anyFloats([inner, inputs.hidden.dims[2]]),
      ...draw.some({
        bias: () => draw.float32(inner),
        activation: () => draw.pick(['gelu', 'geluTanh', 'relu', 'tanh']),
      }),
    },
    { weight: draw.anyFloats([output === 'sigmoid' ? 1 : 2, inner]) },
  ];
  const parts = { budget: budgets.keep(0.5), strategy: strategies.prune() };
  return {
    args: [{ layers, output }],
    more: [inputs, draw.pick(['reduce', 'reduceSync'])],
    use: (criterion, more) => reduceBy(createSieve({ criterion: criterion as Criterion, ...parts }), more),
    verify: (result) => assertConsistent(inputs, result as Reduction),
  };
});

/** An op as a step of a sieve: its one call, made at once or later. */
function stepRecipe(op: Recipe): Recipe {
  return recipe((draw) => {
    const { args, verify } = op.call(draw);
    const form = draw.pick(['now', 'later']);
    return {
      args,
      more: [form],
      use: (steps, [form]) => {
        const { value } = (steps as Iterator<OpCall>).next();
        return form === 'now' ? value.now() : value.later(undefined);
      },
      ...(verify && { verify }),
    };
  });
}

export const fraction = (draw: Draw): number => 0.1 + 0.8 * draw.uniform();
const attentionOptions = (draw: Draw): unknown[] => [
  draw.some({
    scale: () => draw.uniform(),
    causal: () => draw.chance(0.5),
    window: () => draw.between(1, 5),
    queries: () => draw.pick(['all', 'first', 'last']),
    reduce: () => draw.pick(['sum', 'mean', 'max', 'observed']),
    pool: () => ({ kernel: 3, mode: draw.pick(['avg', 'max']) }),
    heads: () => draw.pick(['mean', 'sum', 'max']),
    proportional: () => draw.chance(0.5),
  }),
];
const normOptions = (draw: Draw): unknown[] => [
  draw.some({ p: () => draw.pick([1, 2]), prefer: () => draw.pick(['low', 'high']) }),
];
const redundancyOptions = (draw: Draw) =>
  draw.some({
    metric: () => draw.pick(['keys', 'hidden']),
    prefer: () => draw.pick(['low', 'high']),
  });
const weighted = (draw: Draw): unknown[] =>
  Array.from({ length: draw.between(1, 3) }, (_, seed) => ({
    criterion: draw.pick([criteria.random({ seed }), criteria.hiddenNorm(), criteria.keyNorm()]),
    ...draw.some({ weight: () => draw.normal() }),
  }));
const windows = (draw: Draw): unknown[] => [{ window: draw.between(1, 4) }];
const rounding = (draw: Draw) =>
  draw.some({
    rounding: () => draw.pick(['floor', 'ceil', 'round', 'truncate']),
    of: () => draw.pick(['all', 'free']),
  });
const merging = (draw: Draw): unknown[] => [
  draw.some({
    metric: () => draw.pick(['keys', 'hidden']),
    threshold: () => draw.uniform(),
    partition: () => draw.pick(['alternate', { every: 2 }, { random: 3 }]),
    reduce: () => draw.pick(['mean', 'sum', 'max', 'norm']),
  }),
];
const runs = (draw: Draw): unknown[] => [
  draw.some({ threshold: () => draw.uniform(), metric: () => draw.pick(['keys', 'hidden']) }),
];
const clustering = (draw: Draw): unknown[] => [
  {
    method: draw.pick(['dpc-knn', 'k-means']),
    ...draw.some({
      k: () => draw.between(1, 6),
      iterations: () => draw.between(1, 12),
      seed: () => draw.integer(99),
      similarity: () => draw.pick(['l2', 'cosine']),
      metric: () => draw.pick(['keys', 'hidden']),
      weights: () => draw.pick(['size', 'score']),
    }),
  },
];
const fusing = (draw: Draw): unknown[] => [
  draw.some({
    weights: () => draw.pick(['score', 'uniform']),
    reduce: () => draw.pick(['mean', 'sum']),
    order: () => draw.pick(['index', 'score']),
  }),
];

const diverse = (draw: Draw) =>
  draw.some({ metric: () => draw.pick(['keys', 'hidden']), order: () => draw.pick(['index', 'score']) });

const sieveOfParts = recipe((draw) => {
  const parts = {
    criterion: draw.pick([criteria.random(), criteria.keyNorm(), criteria.attentionReceived()]),
    budget: draw.pick([budgets.keep(0.5), budgets.count(3), budgets.threshold({ quantile: 0.5 })]),
    strategy: draw.pick([strategies.prune(), strategies.pruneAndFuse({ weights: 'uniform' })]),
    ...draw.some({ protect: () => ({ first: draw.integer(2), last: draw.integer(2) }) }),
  };
  return sieveCall(draw, [parts], (sieve: Sieve) => sieve, 'any');
});

export const partRecipes: Recipes = {
  'budgets.count': budgetRecipe((draw) => [draw.between(1, 9)]),
  'budgets.keep': budgetRecipe((draw) => [fraction(draw), rounding(draw)]),
  'budgets.ratio': budgetRecipe((draw) => [[fraction(draw), 0, fraction(draw)], rounding(draw)]),
  'budgets.remove': budgetRecipe((draw) => [draw.integer(5)]),
  'budgets.mass': budgetRecipe((draw) => [fraction(draw), draw.some({ min: () => 1, max: () => 4 })]),
  'budgets.threshold': budgetRecipe((draw) => [
    draw.pick([0.5, { quantile: 0.5 }, { iqr: 1 }, { meanStd: 0 }, { mass: 0.8 }]),
    draw.some({ min: () => 1, max: () => 4 }),
  ]),
  'budgets.atLayers': scheduleRecipe((draw) => [[0, 2], draw.pick([draw.integer(4), [1, 2]])]),
  'budgets.inflected': scheduleRecipe((draw) => [
    { r: draw.integer(5), inflection: draw.pick([-1, 0, 1, 0.5]), layers: draw.between(3, 5) },
  ]),
  'criteria.attentionReceived': criterionRecipe(attentionOptions),
  'criteria.valueWeightedAttention': criterionRecipe(attentionOptions),
  'criteria.combineByRank': criterionRecipe((draw) => [weighted(draw)]),
  'criteria.combineByWeight': criterionRecipe((draw) => [
    weighted(draw),
    draw.some({ normalize: () => draw.pick(['none', 'range', 'deviation']) }),
  ]),
  'criteria.energy': criterionRecipe((draw) => [{ margin: draw.uniform(), ...redundancyOptions(draw) }]),
  'criteria.redundancy': criterionRecipe((draw) => [redundancyOptions(draw)]),
  'criteria.inverse': criterionRecipe((draw) => [draw.pick([criteria.random(), criteria.keyNorm()])]),
  'criteria.random': criterionRecipe((draw) => [draw.some({ seed: () => draw.integer(99) })]),
  'criteria.hiddenNorm': criterionRecipe(normOptions),
  'criteria.gradientNorm': criterionRecipe(normOptions),
  'criteria.keyNorm': criterionRecipe(normOptions),
  'criteria.predictor': prediction,
  'criteria.tokenEntropy': criterionRecipe((draw) => [
    draw.some({
      scale: () => draw.uniform(),
      causal: () => draw.chance(0.5),
      window: () => draw.between(1, 5),
      proportional: () => draw.chance(0.5),
    }),
  ]),
  'strategies.bipartiteMerge': strategyRecipe(merging),
  'strategies.clusterMerge': strategyRecipe(clustering),
  'strategies.distil': distillation,
  'strategies.dpp': strategyRecipe((draw) => [diverse(draw)]),
  'strategies.kCentre': strategyRecipe((draw) => [
    { ...diverse(draw), ...draw.some({ distance: () => draw.pick(['cosine', 'l2']) }) },
  ]),
  'strategies.mergeRuns': strategyRecipe(runs),
  'strategies.poolWindows': unbudgetedRecipe(windows),
  'strategies.unshuffle': unbudgetedRecipe(windows),
  'strategies.thresholdMerge': strategyRecipe((draw) => [{ threshold: draw.uniform() }]),
  'strategies.prune': strategyRecipe((draw) => [draw.some({ order: () => draw.pick(['index', 'score']) })]),
  'strategies.pruneAndFuse': strategyRecipe(fusing),
  createSieve: sieveOfParts,
  ...Object.fromEntries(
    Object.entries({ ...scoringRecipes, ...choosingRecipes, ...movingRecipes, ...rowRecipes })
      .filter(([name]) => name in step)
      .map(([name, op]) => [`step.${name}`, stepRecipe(op)]),
  ),
  'step.gatherRagged': stepRecipe(movingRecipes.gatherTokens),
};
