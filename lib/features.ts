// What tokens are compared by.
import { required, type Tokens } from './sieve-inputs.js';
import { type Steps, step } from './steps.js';
import { type FloatTensor, type Tensor, viewArray } from './tensor.js';
import { adoptTokenMap, type TokenMap } from './token-map.js';

/** The mean over heads of k, or hidden; where the inputs bring a metric, it takes the place of either. */
export type ComparedBy = 'keys' | 'hidden';

/**
 * `[B,N,D]`, the features of each token. `'all-keys'`: k with its heads side by side. `reader` is who an error says needs
 * k.
 */
export function* featuresOf(tokens: Tokens, by: ComparedBy | 'all-keys', reader: string): Steps<FloatTensor> {
  if (tokens.within) return yield* tokens.within.cut(yield* featuresOf(tokens.within.whole, by, reader));
  if (tokens.metric) return tokens.metric;
  if (by === 'hidden') return tokens.hidden;
  if (by === 'keys') return yield* meanOverHeads(tokens, reader);
  const k = required(tokens, 'k', reader);
  return yield* headsSideBySide(k, tokens.layout, headsOf(k, tokens.layout));
}

/** `[B,N,C]`: hidden, as a step where tokens are segments of others. */
export function* hiddenOf(tokens: Tokens): Steps<FloatTensor> {
  return tokens.within ? yield* tokens.within.cut(yield* hiddenOf(tokens.within.whole)) : tokens.hidden;
}

/** Row b alone, without a copy. */
export function rowOf(features: FloatTensor, row: number): FloatTensor {
  const length = features.dims[1];
  return tokensFrom(features, row * length, length);
}

/** `[1,count,D]`: so many tokens from a place in `[B * N]` on, without a copy. */
export function tokensFrom(features: FloatTensor, start: number, count: number): FloatTensor {
  const channels = features.dims[2];
  const data = viewArray('metric', features.data, start * channels, (start + count) * channels);
  return { ...features, data, dims: [1, count, channels] };
}

/** k `[B,Hkv,N,D]` as `[B,N,D]`: the heads of each row are tokens that merge into one. */
function* meanOverHeads(tokens: Tokens, reader: string): Steps<FloatTensor> {
  const { batch, length, layout } = tokens;
  const k = required(tokens, 'k', reader);
  const channels = k.dims[3];
  const heads = k.dims[layout === 'bnhd' ? 2 : 1];
  if (heads === 1) return { ...k, dims: [batch, length, channels] };
  const rows = layout === 'bnhd' ? batch * length : batch;
  const width = layout === 'bnhd' ? channels : length * channels;
  const map = allIntoOne(rows, heads);
  const { tokens: mean } = yield* step.mergeTokens({ ...k, dims: [rows, heads, width] }, map, {});
  return { ...mean, dims: [batch, length, channels] };
}

/** The heads of q, k or v. */
export const headsOf = (tensor: FloatTensor, layout: 'bhnd' | 'bnhd'): number =>
  tensor.dims[layout === 'bnhd' ? 2 : 1];

/**
 * q, k or v as `[B,N,H*D]`, each token's heads one after another: a view where they lie so, else a copy.
 *
 * @param heads H, a multiple of the tensor's own: each of those then comes as often as so many queries read it
 */
export function* headsSideBySide(
  tensor: FloatTensor,
  layout: 'bhnd' | 'bnhd',
  heads: number,
): Steps<FloatTensor> {
  const [batch] = tensor.dims;
  const own = headsOf(tensor, layout);
  const length = tensor.dims[layout === 'bnhd' ? 1 : 2];
  const channels = tensor.dims[3];
  const dims = [batch, length, heads * channels];
  if (own === heads && (layout === 'bnhd' || heads === 1)) return { ...tensor, dims };
  const [tokenStride, headStride] = layout === 'bnhd' ? [own, 1] : [1, length];
  const data = new Int32Array(batch * length * heads);
  for (let row = 0, at = 0; row < batch; row++)
    for (let token = 0; token < length; token++)
      for (let head = 0; head < heads; head++)
        data[at++] = token * tokenStride + Math.floor((head * own) / heads) * headStride;
  const from: Tensor<'int32'> = { type: 'int32', data, dims: [batch, length * heads] };
  const moved = yield* step.gatherTokens({ ...tensor, dims: [batch, own * length, channels] }, from, {});
  return { ...moved, dims };
}

/** Rows of so many tokens, each of which becomes one. */
export function allIntoOne(rows: number, length: number): TokenMap {
  const offsets = new Int32Array(rows + 1);
  const members = new Int32Array(rows * length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let i = 0; i < length; i++) members[at++] = i;
    offsets[row + 1] = at;
  }
  return adoptTokenMap({
    rowDims: [rows],
    inputLength: length,
    outputLengths: new Int32Array(rows).fill(1),
    offsets,
    members,
    weights: undefined,
    assignment: new Int32Array(rows * length),
    isPartition: true,
  });
}
