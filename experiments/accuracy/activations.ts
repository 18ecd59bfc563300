// Queries and keys: of the demo's model, and synthetic ones of kinds that are hard to round.
import type { Tensor } from 'tokensieve';
import { seeded } from '../../test/support/random.js';
import type { Tokens } from '../runner/sentencepiece.js';
import { type Attended, attend, feedForward } from '../runner/transformer-block.js';
import { attendFirst, type UseLite } from '../runner/use-lite.js';

export interface Activations {
  readonly name: string;
  readonly layout: 'bhnd' | 'bnhd';
  readonly q: Tensor<'float32'>;
  readonly k: Tensor<'float32'>;
  /** 1 / sqrt(D) where it is not given. */
  readonly scale?: number;
  /** The tokens [B,N,C] that matching would compare. */
  readonly tokens: Tensor<'float32'>;
}

/** Both blocks of the model, on texts of the same number of tokens. */
export function modelActivations(model: UseLite, texts: readonly Tokens[]): Activations[] {
  const first = attendFirst(model, texts);
  const second = attend(model.blocks[1], feedForward(model.blocks[0], first.hidden));
  const of = (name: string, { q, k, scale }: Attended): Activations => {
    const [B, N, H, D] = k.dims;
    return { name, layout: 'bnhd', q, k, scale, tokens: { ...k, dims: [B, N, H * D] } };
  };
  return [of('model, layer 1', first), of('model, layer 2', second)];
}

const heads = 8;
const tokens = 1024;
const depth = 64;

/** Two normal deviates, and what a kind may look at, to an element of q and of k. */
type Kind = (
  head: HeadOfKind,
  token: number,
  channel: number,
  q: number,
  k: number,
) => [q: number, k: number];

interface HeadOfKind {
  readonly directions: readonly Float32Array[];
  readonly offsets: Float32Array;
  /** The directions of this token. */
  readonly near: readonly [Float32Array, Float32Array];
}

const kinds: Readonly<Record<string, Kind>> = {
  normal: (_, __, ___, q, k) => [q, k],
  clustered: ({ near }, _, channel, q, k) => [
    0.8 * near[0][channel] + 0.6 * q,
    0.8 * near[1][channel] + 0.6 * k,
  ],
  // Four channels of 64 are far from 0 in all keys alike
  'outlier offset': ({ offsets }, _, channel, q, k) => [
    q,
    k + (channel % 16 === 3 ? 20 * offsets[channel] : 0),
  ],
  // Four channels of 64 vary ten times as much
  'outlier variance': (_, __, channel, q, k) => (channel % 16 === 5 ? [q / Math.sqrt(10), k * 10] : [q, k]),
  // Two keys draw most of the attention
  sink: (_, token, __, q, k) => [q + 0.3, token < 2 ? 3 * k + 2 : k],
};

export const kindNames: readonly string[] = Object.keys(kinds);

/** One of {@link kindNames}, queries scaled so that the logits of a row deviate by `deviation`. */
export function syntheticActivations(name: string, deviation: number): Activations {
  const random = seeded(7);
  const normals = (): Float32Array => Float32Array.from({ length: depth }, () => random.normal());
  const q = new Float32Array(heads * tokens * depth);
  const k = new Float32Array(q.length);
  for (let h = 0; h < heads; h++) {
    const directions = Array.from({ length: 8 }, normals);
    const offsets = normals();
    for (let i = 0; i < tokens; i++) {
      const near = [directions[random.integer(8)], directions[random.integer(8)]] as const;
      for (let c = 0; c < depth; c++) {
        const at = (h * tokens + i) * depth + c;
        [q[at], k[at]] = kinds[name]({ directions, offsets, near }, i, c, random.normal(), random.normal());
      }
    }
    const head = [h * tokens * depth, (h + 1) * tokens * depth] as const;
    scaleQueries(q.subarray(...head), k.subarray(...head), deviation * Math.sqrt(depth));
  }
  const tensor = (data: Float32Array): Tensor<'float32'> => ({
    type: 'float32',
    data,
    dims: [1, heads, tokens, depth],
  });
  return {
    name: `synthetic, ${name}, logits ± ${deviation}`,
    layout: 'bhnd',
    q: tensor(q),
    k: tensor(k),
    tokens: { ...tensor(k), dims: [heads, tokens, depth] },
  };
}

/** Scales q so that products with k, less their mean over the keys, deviate by `deviation`. */
function scaleQueries(q: Float32Array, k: Float32Array, deviation: number): void {
  const centre = new Float64Array(depth);
  k.forEach((x, at) => {
    centre[at % depth] += x / tokens;
  });
  const random = seeded(9);
  const samples = 4000;
  let squares = 0;
  for (let sample = 0; sample < samples; sample++) {
    const [i, j] = [random.integer(tokens), random.integer(tokens)];
    let product = 0;
    for (let c = 0; c < depth; c++) product += q[i * depth + c] * (k[j * depth + c] - centre[c]);
    squares += product ** 2;
  }
  const factor = deviation / Math.sqrt(squares / samples);
  q.forEach((x, at) => {
    q[at] = x * factor;
  });
}
