// Inputs of the kind that each method of the registry is made for.
import type { FloatTensor, FloatType, Method, PredictorWeights, SieveInputs } from 'tokensieve';
import { type Random, seeded } from './random.js';
import { decode, randomTensor, swapHeads, tensorOf } from './tensors.js';

export interface MethodShape {
  readonly batch?: number;
  readonly type?: FloatType;
  readonly seed?: number;
  /** Tokens behind each row's, masked 2. */
  readonly padding?: number;
  /** The free tokens; by default those of a small picture or video. */
  readonly grid?: readonly number[];
  /** What every number of hidden, keys and the rest is made by; random by default. */
  readonly value?: (token: number, channel: number) => number;
}

const grids = { image: [12, 12], prompt: [6, 6], video: [6, 3, 4] } as const;

/** Tokens before and behind the free ones, masked 1. */
function around({ over, classToken }: Method): readonly [number, number] {
  if (over === 'image') return [classToken ? 1 : 0, 0];
  return [3, 5];
}

/** Inputs with everything that any method reads. */
export function inputsFor(method: Method, shape: MethodShape = {}) {
  const { batch = 2, type = 'float32', seed = 1, padding = 0, grid = grids[method.over], value } = shape;
  const random = seeded(seed);
  const cells = grid.reduce((product, side) => product * side, 1);
  const [before, behind] = around(method);
  const length = before + cells + behind + padding;
  const mask = new Uint8Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const own = mask.subarray(row * length, (row + 1) * length);
    own.fill(1, 0, before).fill(1, before + cells, before + cells + behind);
    own.fill(2, before + cells + behind);
  }
  const draw = (...dims: number[]): FloatTensor =>
    value === undefined ? randomTensor(random, type, dims) : made(type, dims, value);
  return {
    hidden: draw(batch, length, 6),
    q: draw(batch, 4, length, 8),
    k: draw(batch, 2, length, 8),
    v: draw(batch, 2, length, 5),
    metric: undefined as FloatTensor | undefined,
    gradients: draw(batch, length, 6),
    shallowQ: draw(batch, 4, length, 8),
    shallowK: draw(batch, 2, length, 8),
    imageEmbeds: draw(batch, length, 7),
    textEmbeds: draw(batch, 5, 7),
    grid,
    mask,
  } satisfies SieveInputs;
}

export type MethodInputs = ReturnType<typeof inputsFor>;

/** A tensor whose last two dims are tokens and channels. */
function made(
  type: FloatType,
  dims: readonly number[],
  value: NonNullable<MethodShape['value']>,
): FloatTensor {
  const [tokens, channels] = dims.slice(-2);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const numbers = Float64Array.from({ length: count }, (_, i) =>
    value(Math.floor(i / channels) % tokens, i % channels),
  );
  return tensorOf(type, numbers, dims);
}

/** The inputs that a method says it reads, and no others. */
export function neededBy(method: Method, inputs: MethodInputs): SieveInputs {
  const needed = method.needs.map((name) => [
    name,
    extras[name]?.(inputs) ?? inputs[name as keyof MethodInputs],
  ]);
  return { hidden: inputs.hidden, mask: inputs.mask, ...Object.fromEntries(needed) };
}

/** Inputs that one method alone reads, made for the others' shape. */
const extras: Readonly<Partial<Record<keyof SieveInputs, (inputs: MethodInputs) => unknown>>> = {
  predictor: ({ hidden }) => randomPredictor(seeded(5), hidden.dims[2]),
  scores: ({ hidden }) => {
    const { data, dims } = decode(hidden);
    const first = data.filter((_, i) => i % dims[2] === 0);
    return tensorOf('float32', first, dims.slice(0, 2));
  },
  metric: ({ k }) => ({
    ...k,
    data: k.data.slice(0, k.data.length / 2),
    dims: [k.dims[0], k.dims[2], k.dims[3]],
  }),
};

/** Row b of needed inputs alone, so many tokens of it. */
export function rowAlone(inputs: SieveInputs, b: number, tokens: number): SieveInputs {
  const { dims } = inputs.hidden;
  const cut = (name: string, tensor: FloatTensor): FloatTensor => {
    const { data } = decode(tensor);
    if (name === 'scores')
      return tensorOf(tensor.type, data.slice(b * dims[1], b * dims[1] + tokens), [1, tokens]);
    const axis = tensor.dims.length - 2;
    const [length, channels] = tensor.dims.slice(axis);
    const left = length === dims[1] && name !== 'textEmbeds' ? tokens : length;
    const heads = tensor.dims.slice(1, axis).reduce((product, dim) => product * dim, 1);
    const kept: number[] = [];
    for (let head = 0; head < heads; head++) {
      const start = (b * heads + head) * length * channels;
      kept.push(...data.subarray(start, start + left * channels));
    }
    return tensorOf(tensor.type, kept, [1, ...tensor.dims.slice(1, axis), left, channels]);
  };
  const one: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(inputs)) {
    if (value instanceof Uint8Array) one[name] = value.slice(b * dims[1], b * dims[1] + tokens);
    else if (isFloats(value)) one[name] = cut(name, value);
    else one[name] = value;
  }
  return one as unknown as SieveInputs;
}

function isFloats(value: unknown): value is FloatTensor {
  return typeof value === 'object' && value !== null && 'dims' in value && 'data' in value;
}

/** The same with tokens before heads in q, k and v. */
export function inTokenOrder(inputs: SieveInputs): SieveInputs {
  const swapped: Record<string, unknown> = { ...inputs, layout: 'bnhd' };
  for (const name of ['q', 'k', 'v', 'shallowQ', 'shallowK'] as const) {
    const tensor = inputs[name];
    if (tensor === undefined) continue;
    const { data, dims } = swapHeads(decode(tensor));
    swapped[name] = tensorOf(tensor.type, data, dims);
  }
  return swapped as unknown as SieveInputs;
}

/** Sizes from 1 to 3, as after a reduction. */
export function someSizes(random: Random, { hidden }: SieveInputs): Float32Array {
  return Float32Array.from({ length: hidden.dims[0] * hidden.dims[1] }, () => 1 + random.integer(3));
}

/** Weights of DynamicViT's predictor. */
export function randomPredictor(random: Random, C: number, D = 8): PredictorWeights {
  const vector = (length: number) => randomTensor(random, 'float32', [length]);
  const linear = (outputs: number, inputs: number) => ({
    weight: randomTensor(random, 'float32', [outputs, inputs]),
    bias: vector(outputs),
  });
  return {
    norm: { weight: vector(C), bias: vector(C) },
    input: linear(D, C),
    output: [linear(D / 2, D), linear(D / 4, D / 2), linear(2, D / 4)],
  };
}
