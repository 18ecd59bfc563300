// Inputs of a method at the sizes of real models: tokens in clusters of neighbours and frames that resemble the one
// before them, since what merges or prunes by similarity does nothing among random tokens.
import type { FloatTensor, Method, PredictorWeights, SieveInputs } from 'tokensieve';
import { seeded } from '../../test/support/random.js';
import { normal } from '../case.js';

/** A model's size, and how its tokens lie. */
export interface MethodShape {
  readonly name: string;
  readonly over: Method['over'];
  /** Of the free tokens; a class token or text stand around them. */
  readonly grid: readonly number[];
  /** Channels, and the heads of queries and of keys, each of depth D. */
  readonly C: number;
  readonly H: number;
  readonly Hkv: number;
  readonly D: number;
}

export const shapes: readonly MethodShape[] = [
  { name: '197 x 768', over: 'image', grid: [14, 14], C: 768, H: 12, Hkv: 12, D: 64 },
  { name: '577 x 1024', over: 'image', grid: [24, 24], C: 1024, H: 16, Hkv: 16, D: 64 },
  { name: '2880 x 4096', over: 'image', grid: [48, 60], C: 4096, H: 32, Hkv: 8, D: 128 },
  { name: '2880 x 4096', over: 'prompt', grid: [48, 60], C: 4096, H: 32, Hkv: 8, D: 128 },
  { name: '32 x 196 x 3584', over: 'video', grid: [32, 14, 14], C: 3584, H: 28, Hkv: 4, D: 128 },
];

/** The shapes that a method is timed at: encoders of vision transformers have no 4096 channels. */
export function shapesOf({ over, group }: Method): MethodShape[] {
  const isLarge = ({ C }: MethodShape) => C > 1024;
  const isEncoder = group !== 'vision-language' && over === 'image';
  return shapes.filter((shape) => shape.over === over && !(isEncoder && isLarge(shape)));
}

const textTokens = 32;
const sharedChannels = 768;

/** Everything that any method reads at a shape, each tensor made when it is first asked for. */
export function poolOf(shape: MethodShape): (name: keyof SieveInputs) => unknown {
  const { over, grid, C, H, Hkv, D } = shape;
  const cells = grid.reduce((product, side) => product * side, 1);
  const [before, behind] = over === 'image' ? [1, 0] : [35, 60];
  const length = before + cells + behind;
  const clusters = clustersOf(grid, before, length);
  const perHead = (heads: number) => () => clustered(heads, clusters, D);
  const makers: Readonly<Partial<Record<keyof SieveInputs, () => unknown>>> = {
    hidden: () => flat(clustered(1, clusters, C)),
    q: perHead(H),
    k: perHead(Hkv),
    v: perHead(Hkv),
    shallowQ: perHead(H),
    shallowK: perHead(Hkv),
    metric: () => flat(clustered(1, clusters, D)),
    imageEmbeds: () => flat(clustered(1, clusters, sharedChannels)),
    textEmbeds: () => normal([1, textTokens, sharedChannels]),
    scores: () => ({ ...normal([1, length]), data: normal([1, length]).data.map(Math.abs) }),
    gradients: () => normal([1, length, C]),
    grid: () => grid,
    predictor: () => predictorOf(C),
    mask: () => new Uint8Array(length).fill(1, 0, before).fill(1, before + cells),
  };
  const made = new Map<keyof SieveInputs, unknown>();
  return (name) => {
    if (!made.has(name)) {
      const make = makers[name];
      if (make === undefined) throw new Error(`bench/methods/inputs.ts makes no ${name}`);
      made.set(name, make());
    }
    return made.get(name);
  };
}

/** Weights of DynamicViT's predictor, each layer half as wide as the one before. */
function predictorOf(C: number): PredictorWeights {
  const linear = (outputs: number, inputs: number) => ({ weight: normal([outputs, inputs]) });
  return {
    norm: { weight: new Float32Array(C).fill(1), bias: new Float32Array(C) },
    input: linear(C, C),
    output: [linear(C / 2, C), linear(C / 4, C / 2), linear(2, C / 4)],
  };
}

/** What a method reads of the pool. */
export function inputsOf(method: Method, pool: (name: keyof SieveInputs) => unknown): SieveInputs {
  const names: readonly (keyof SieveInputs)[] = ['hidden', 'mask', ...method.needs];
  return Object.fromEntries(names.map((name) => [name, pool(name)])) as unknown as SieveInputs;
}

/** For each token the cluster that it is of: blocks of neighbours, the same in most frames; others their own. */
function clustersOf(grid: readonly number[], before: number, length: number): Int32Array {
  const [height, width] = grid.slice(-2);
  const random = seeded(7);
  const clusters = Int32Array.from({ length }, (_, i) => i);
  const cells = grid.reduce((product, side) => product * side, 1);
  for (let cell = 0; cell < cells; cell++) {
    const place = cell % (height * width);
    const [y, x] = [Math.floor(place / width), place % width];
    const block = Math.floor(y / 3) * width + Math.floor(x / 2);
    clusters[before + cell] = random.uniform() < 0.2 ? before + cell : block;
  }
  return clusters;
}

/** `[1,heads,N,D]`: the cluster's vector and a deviation of a third of it. */
function clustered(heads: number, clusters: Int32Array, channels: number): FloatTensor {
  const length = clusters.length;
  const centres = normal([length, channels]).data;
  const tensor = normal([1, heads, length, channels]);
  for (let i = 0; i < heads * length; i++) {
    const start = clusters[i % length] * channels;
    for (let c = 0; c < channels; c++)
      tensor.data[i * channels + c] = centres[start + c] + tensor.data[i * channels + c] / 3;
  }
  return tensor;
}

function flat({ type, data, dims }: FloatTensor): FloatTensor {
  return { type, data, dims: [dims[0], dims[2], dims[3]] };
}
