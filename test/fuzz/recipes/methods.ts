// Every method of the registry, by what the registry says of it.
import assert from 'node:assert/strict';
import { avit, type Method, methods, type Reduction, type SieveInputs, TokenMap } from 'tokensieve';
import { assertConsistent } from '../../support/reductions.js';
import { decode } from '../../support/tensors.js';
import type { Draw } from '../draw.js';
import { type Call, type Recipe, type Recipes, recipe } from '../recipe.js';
import { methodInputs } from './method-inputs.js';
import { fraction, reduceBy } from './parts.js';

const byLayer = (draw: Draw, value: () => number): number | number[] =>
  draw.chance(0.2) ? [value(), value(), value()] : value();

/** What options of these names may be; what a method makes of one that does not suit it is for it to say. */
const optionValues: Readonly<Record<string, (draw: Draw) => unknown>> = {
  reference: (draw) => draw.pick(['paper', 'authors']),
  positions: (draw) => draw.pick(['kept', 'centre', 'mean', 'renumbered']),
  r: (draw) => byLayer(draw, () => draw.integer(9)),
  threshold: (draw) => byLayer(draw, draw.uniform),
  mergeThreshold: (draw) => byLayer(draw, draw.uniform),
  pruneThreshold: (draw) => byLayer(draw, () => draw.uniform() / 5),
  margin: (draw) => draw.uniform(),
  cost: fraction,
  removed: (draw) => [0, fraction(draw)],
  layers: (draw) => draw.between(1, 6),
  layer: (draw) => draw.integer(3),
  stage: (draw) => draw.pick(['local', 'global']),
  gateCenter: (draw) => draw.integer(9) - 4,
  gateScale: (draw) => 10 * draw.uniform(),
  epsilon: (draw) => draw.uniform() / 2,
  k: (draw) => draw.between(1, 9),
  groups: (draw) => draw.between(1, 9),
  crops: (draw) => draw.between(1, 6),
  window: (draw) => draw.between(1, 4),
  stride: (draw) => [draw.between(1, 3), draw.between(1, 3)],
  seed: (draw) => draw.integer(99),
  dominant: (draw) => draw.integer(9),
  contextual: (draw) => draw.integer(9),
  local: (draw) => draw.integer(9),
  global: (draw) => draw.between(1, 9),
  imagePivots: (draw) => draw.between(1, 5),
  textPivots: (draw) => draw.integer(5),
  initial: (draw) => draw.between(1, 40),
  cutoff: (draw) => 2 * draw.uniform(),
  coefPruned: (draw) => 2 * draw.uniform(),
  alpha: (draw) => draw.uniform(),
  beta: (draw) => draw.uniform(),
  theta: (draw) => draw.uniform(),
  sign: (draw) => draw.pick([1, -1]),
  tauSim: (draw) => draw.integer(20),
  tauInfo: (draw) => draw.integer(20),
  tauSize: (draw) => draw.integer(20),
  clusterRatio: fraction,
  sceneRatio: fraction,
  importantRatio: fraction,
  prune: (draw) => draw.pick([true, false, 0, 0.5, 5]),
  fuse: (draw) => draw.chance(0.5),
  recycle: (draw) => draw.chance(0.5),
  gravity: (draw) => draw.chance(0.5),
  floor: fraction,
  base: (draw) => 10 ** draw.between(1, 6),
  heads: (draw) => draw.between(1, 4),
  kernel: (draw) => draw.pick(['elu', 'gaussian']),
  split: (draw) => draw.pick(['alternate', 'halves', 'parity']),
  metric: (draw) => draw.pick(['keys', 'hidden']),
  queries: (draw) => draw.pick(['class', 'all', 'last']),
  order: (draw) => draw.pick(['index', 'score']),
  reduce: (draw) => draw.pick(['mean', 'sum', 'max', 'norm']),
  partition: (draw) => draw.pick(['alternate', { every: draw.between(2, 4) }, { random: draw.integer(9) }]),
};

const amounts: Readonly<Record<string, (draw: Draw) => unknown>> = {
  keep: (draw) => byLayer(draw, () => fraction(draw)),
  ratio: (draw) => byLayer(draw, () => fraction(draw)),
  count: (draw) => byLayer(draw, () => draw.between(1, 12)),
};

/** The names of the options that a method asks for. */
function namesRead(method: Method): string[] {
  const names = new Set<string>(Object.keys(method.defaults));
  const get = (target: object, name: string | symbol): unknown => {
    names.add(String(name));
    return Reflect.get(target, name);
  };
  method.create(new Proxy(method.defaults, { get }));
  return [...names];
}

/** The defaults, some of them and of the other options drawn anew. */
function optionsFor(draw: Draw, method: Method, names: readonly string[]): Record<string, unknown> {
  const options: Record<string, unknown> = { ...method.defaults };
  if (draw.chance(0.3)) return options;
  const ways = Object.keys(amounts).filter((name) => names.includes(name));
  if (ways.length > 0 && draw.chance(0.7)) {
    for (const way of ways) delete options[way];
    const way = draw.pick(ways);
    options[way] = amounts[way](draw);
  }
  for (const name of names)
    if (name in optionValues && draw.chance(1 / 3)) options[name] = optionValues[name](draw);
  return options;
}

/** All that the method reads, and in half of the calls what it does not read as well. */
function inputsFor(draw: Draw, method: Method): SieveInputs {
  const all = methodInputs(draw, method);
  if (draw.chance(0.5)) return method.name === 'avit' && draw.chance(0.5) ? nextLayer(all) : all;
  const { hidden, layout, mask, layer, positions } = all;
  const needed = Object.fromEntries(method.needs.map((name) => [name, all[name]]));
  const given = { hidden, layout, mask, layer, positions, ...needed };
  if (method.needs.includes('grid')) return given;
  const [batch, length] = hidden.dims;
  return draw.chance(0.5) ? given : { ...given, mask: draw.mask(batch, length) };
}

/** What the first layer of A-ViT leaves for the second. */
function nextLayer({ hidden, mask, positions }: SieveInputs): SieveInputs {
  const left = avit({ gateCenter: 0 }).reduceSync({ hidden, mask, positions });
  return { hidden: left.hidden, mask: left.mask, positions: left.positions, halting: left.halting };
}

/** Authors' code may count a token for something else than its size. */
function assertReduced(inputs: SieveInputs, left: Reduction, reference: unknown): void {
  if (reference !== 'authors') assertConsistent(inputs, left, 'own');
  assert.deepEqual(TokenMap.from({ ...left.map }), left.map, 'the map is whole');
  assert.ok(decode(left.hidden).data.every(Number.isFinite), 'finite tokens');
  if (left.scores) assert.ok(!left.scores.data.some(Number.isNaN), 'no NaN among the scores');
}

const methodCall =
  (method: Method, names: readonly string[]) =>
  (draw: Draw): Call => {
    const inputs = inputsFor(draw, method);
    const options = optionsFor(draw, method, names);
    return {
      args: [options],
      more: [inputs, draw.pick(['reduce', 'reduceSync'])],
      use: reduceBy,
      isRefused: Object.keys(options).some(
        (name) => options[name] !== (method.defaults as typeof options)[name],
      ),
      verify: (result) => assertReduced(inputs, result as Reduction, options.reference),
    };
  };

/** A right count of a row, asked of by what is right: a row is told, not read from outside. */
const countCall =
  (method: Method, names: readonly string[]) =>
  (draw: Draw): Call => {
    const kept = draw.integer(4) + Number(method.classToken);
    const [h, w] = [draw.between(1, 6), draw.between(1, 6)];
    const grid = method.over === 'video' ? [2, h, w] : [h, w];
    const tokens = kept + grid.reduce((product, side) => product * side, 1);
    return {
      receiver: method,
      args: [optionsFor(draw, method, names), { tokens, kept, grid, layer: draw.integer(3) }],
      isRefused: true,
      verify: (left) => {
        if (left !== undefined) assert.ok(Number(left) >= Math.max(1, kept) && Number(left) <= tokens);
      },
    };
  };

export const methodRecipes: Recipes = Object.fromEntries(
  methods.flatMap((method): [string, Recipe][] => {
    const names = namesRead(method);
    const reducing = recipe(methodCall(method, names));
    return [
      [method.name, reducing],
      [`methods.${method.name}.create`, reducing],
      [`methods.${method.name}.tokensLeft`, recipe(countCall(method, names), false)],
    ];
  }),
);
