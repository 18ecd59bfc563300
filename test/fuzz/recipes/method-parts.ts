// The parts that methods are made of, and what goes with methods.
import assert from 'node:assert/strict';
import {
  budgets,
  type Criterion,
  createSieve,
  criteria,
  type Reduction,
  type Sieve,
  type Strategy,
  strategies,
  type Tensor,
  TokenMap,
} from 'tokensieve';
import { mapOf, randomPartition } from '../../support/maps.js';
import { assertConsistent } from '../../support/reductions.js';
import { decode } from '../../support/tensors.js';
import type { Draw } from '../draw.js';
import { type Recipe, type Recipes, recipe } from '../recipe.js';
import { anyImage, anyPrompt, anyVideo, type MethodKind, methodInputs } from './method-inputs.js';
import { fraction, inputsOf, reduceBy } from './parts.js';

type Arguments = (draw: Draw) => unknown[];

/** A part that goes into a sieve, which then reduces what methods read. */
function partRecipe(kind: MethodKind, args: Arguments, sieveOf: (part: never) => Sieve): Recipe {
  return recipe((draw) => {
    const inputs = methodInputs(draw, kind);
    return {
      args: args(draw),
      more: [inputs, draw.pick(['reduce', 'reduceSync'])],
      use: (part, more) => reduceBy(sieveOf(part as never), more),
      verify: (result) => assertConsistent(inputs, result as Reduction, 'own'),
    };
  });
}

const criterionRecipe = (kind: MethodKind, args: Arguments): Recipe =>
  partRecipe(kind, args, (criterion: Criterion) =>
    createSieve({ criterion, budget: budgets.keep(0.5), strategy: strategies.prune() }),
  );

const strategyRecipe = (kind: MethodKind, args: Arguments): Recipe =>
  partRecipe(kind, args, (strategy: Strategy) =>
    createSieve({ criterion: criteria.random(), budget: budgets.ratio(0.4), strategy }),
  );

/** A schedule of fractions of the tokens that stay. */
const scheduleRecipe = (args: Arguments): Recipe =>
  partRecipe(anyImage, args, (schedule: budgets.Schedule) =>
    createSieve({
      criterion: criteria.hiddenNorm(),
      budget: budgets.keep(schedule),
      strategy: strategies.prune(),
    }),
  );

const compared = { metric: (draw: Draw) => draw.pick(['keys', 'hidden']) };

const anySieve = (draw: Draw): Sieve =>
  draw.pick([
    createSieve({
      criterion: criteria.hiddenNorm(),
      budget: budgets.keep(0.7),
      strategy: strategies.prune(),
    }),
    createSieve({ budget: budgets.remove(2), strategy: strategies.bipartiteMerge() }),
    createSieve({ strategy: strategies.poolWindows({ window: 2 }) }),
  ]);

const sequence = recipe((draw) => {
  const { grid: _, ...inputs } = methodInputs(draw, anyImage);
  return {
    args: [Array.from({ length: draw.between(1, 3) }, () => anySieve(draw))],
    more: [inputs, draw.pick(['reduce', 'reduceSync'])],
    use: reduceBy,
    verify: (result) => {
      const { map, hidden } = result as Reduction;
      assert.deepEqual(TokenMap.from({ ...map }), map, 'the map is whole');
      assert.deepEqual(hidden.dims.slice(0, 2), [map.rowDims[0], Math.max(...map.outputLengths)]);
    },
  };
});

const unmerged = recipe((draw) => {
  const [batch, length] = [draw.batch(), draw.tokens()];
  const slots = draw.between(1, length);
  const map = mapOf(
    Array.from({ length: batch }, () => randomPartition(draw, length, slots, 0.2)),
    length,
  );
  const longest = Math.max(...map.outputLengths);
  const [heads, keyHeads] = draw.heads();
  const [depth, width] = [2 * draw.between(1, 8), draw.channels()];
  const type = draw.floatType();
  const layout = draw.pick(['bhnd', 'bnhd']);
  const byHead = (count: number, channels: number) =>
    draw.floats(
      layout === 'bhnd' ? [batch, count, longest, channels] : [batch, longest, count, channels],
      type,
    );
  const options = draw.some({
    scale: () => draw.uniform(),
    causal: () => draw.chance(0.5),
    window: () => draw.between(1, length),
    softcap: () => 1 + 30 * draw.uniform(),
    base: () => 100,
    interleaved: () => draw.chance(0.5),
    positions: () => draw.int32(length, () => draw.integer(1000)),
  });
  const q = byHead(heads, depth);
  return {
    args: [q, byHead(keyHeads, depth), byHead(keyHeads, width), map, { layout, ...options }],
    verify: (result) => {
      const { type: given, dims } = result as Tensor<'float32'>;
      assert.equal(given, type);
      assert.deepEqual(dims, [...q.dims.slice(0, 3), width]);
      assert.ok(decode(result as Tensor).data.every(Number.isFinite));
    },
  };
});

const bias = recipe((draw) => {
  const sizes = draw.numbers('float32', [draw.batch(), draw.tokens()], () => draw.integer(5));
  return {
    args: [draw.chance(0.5) ? sizes : sizes.data],
    verify: (result) => {
      const data = result instanceof Float32Array ? result : (result as Tensor<'float32'>).data;
      assert.deepEqual(data, Float32Array.from(sizes.data, Math.log));
    },
  };
});

/** Of tokens all free, of which two at least could merge. */
const calibrated = recipe((draw) => ({
  args: [{ ...inputsOf(draw), mask: undefined, lengths: undefined }, { r: draw.between(1, 9) }],
  verify: (result) => assert.ok(Number(result) >= 0 && Number(result) <= 1.001),
}));

export const methodPartRecipes: Recipes = {
  'budgets.ratioForCost': recipe((draw) => ({
    args: [
      { cost: fraction(draw), layers: draw.between(3, 30), ...draw.some({ removed: () => [0.1, 0.2] }) },
    ],
    isRefused: true, // where the layers before have cost too much
    verify: (result) => assert.ok(Number(result) >= 0 && Number(result) <= 1),
  })),
  'budgets.falling': scheduleRecipe((draw) => [
    { from: 0.6 + 0.4 * draw.uniform(), by: draw.uniform() / 2, layers: draw.between(3, 6) },
  ]),
  'budgets.pyramid': scheduleRecipe((draw) => [
    [0, 1, 2],
    [1, 0.5 + draw.uniform() / 2, 0.5 * fraction(draw)],
  ]),
  'criteria.cohesion': criterionRecipe(anyImage, (draw) => [
    draw.some({
      window: () => draw.pick([1, 2, [1, 2], 3]),
      metric: () => compared.metric(draw),
    }),
  ]),
  'criteria.frameChange': criterionRecipe(anyVideo, (draw) => [
    draw.some({ against: () => (frame: number, frames: number) => (frame + 1) % frames }),
  ]),
  'criteria.headsAsOne': criterionRecipe(anyImage, (draw) => [
    draw.pick([criteria.attentionReceived(), criteria.meanQueryAttention()]),
  ]),
  'criteria.localGlobalPredictor': criterionRecipe(anyImage, () => []),
  'criteria.meanQueryAttention': criterionRecipe(anyPrompt, (draw) => [
    draw.some({ norm: () => draw.chance(0.5) }),
  ]),
  'criteria.raterAttention': criterionRecipe(anyPrompt, (draw) => [
    draw.some({ heads: () => 1, gravity: () => false }),
  ]),
  'criteria.textSimilarity': criterionRecipe(anyImage, (draw) => [
    draw.some({ sign: () => draw.pick([1, -1]) }),
  ]),
  'criteria.textSoftmax': criterionRecipe(anyImage, (draw) => [
    draw.some({ sign: () => draw.pick([1, -1]) }),
  ]),
  'strategies.completeMerge': strategyRecipe(anyImage, (draw) => [
    draw.some({ metric: () => compared.metric(draw), weights: () => draw.pick(['slot', 'pair']) }),
  ]),
  'strategies.dbdpc': strategyRecipe(anyPrompt, (draw) => [
    {
      cutoff: 2 * draw.uniform(),
      ...draw.some({ dc: () => 0.1 + draw.uniform(), coefPruned: () => 2 * draw.uniform() }),
    },
  ]),
  'strategies.leastSimilar': strategyRecipe(anyPrompt, (draw) => [
    draw.some({
      imagePivots: () => draw.between(1, 5),
      textPivots: () => draw.integer(5),
      share: () => draw.pick(['exact', 'floor']),
    }),
  ]),
  'strategies.mergeLowest': strategyRecipe(anyImage, (draw) => [
    draw.some({
      split: () => draw.pick(['alternate', 'halves', 'parity']),
      metric: () => compared.metric(draw),
      reduce: () => draw.pick(['mean', 'sum', 'max', 'norm']),
      order: () => draw.pick(['index', 'score']),
    }),
  ]),
  'strategies.multiCriteriaMerge': strategyRecipe(anyImage, (draw) => [
    draw.some({
      tauSim: () => 1 + draw.integer(20),
      tauInfo: () => draw.integer(20),
      tauSize: () => draw.integer(20),
      metric: () => compared.metric(draw),
      order: () => draw.pick(['index', 'authors']),
    }),
  ]),
  'strategies.perSegment': strategyRecipe(anyVideo, (draw) => [
    draw.pick([
      strategies.prune(),
      strategies.bipartiteMerge(),
      strategies.clusterMerge({ method: 'dpc-knn' }),
    ]),
    {
      ...draw.pick([
        { size: draw.between(1, 6) },
        { count: draw.between(1, 4) },
        { frames: true },
        { window: draw.between(1, 3) },
      ]),
      ...draw.some({ order: () => draw.pick(['place', 'segment']) }),
    },
  ]),
  'strategies.pruneThenMerge': strategyRecipe(anyImage, (draw) => [
    {
      r: draw.integer(5),
      ...draw.some({
        metric: () => compared.metric(draw),
        order: () => draw.pick(['index', 'score']),
        weights: () => draw.pick(['size', 'similarity']),
      }),
    },
  ]),
  'strategies.pruneAndRecycle': strategyRecipe(anyPrompt, (draw) => [
    draw.some({
      share: () => fraction(draw),
      clusters: () => fraction(draw),
      order: () => draw.pick(['index', 'score']),
    }),
  ]),
  'strategies.sample': strategyRecipe(anyImage, (draw) => [
    draw.some({ order: () => draw.pick(['index', 'rising']) }),
  ]),
  inSequence: sequence,
  virtualUnmergeAttention: unmerged,
  proportionalBias: bias,
  dymuThreshold: calibrated,
};
