// What a sieve is handed, checked and brought to one form.
import { rangeError, typeError } from './errors.js';
import { readSides } from './grid.js';
import { readHalting } from './halting.js';
import { readPredictor } from './linear-layer.js';
import { readInteger } from './options.js';
import { readPerToken, readPositions, readSizes } from './per-token.js';
import type { Protection, SieveInputs, Tokens } from './sieve-inputs.js';
import { type FloatTensor, type FloatType, readTensor } from './tensor.js';
import { countTokens, readMask } from './token-mask.js';

const floatTypes: readonly FloatType[] = ['float32', 'float16', 'bfloat16'];

/** Checks what a sieve was handed; every error names `inputs.` and the field. */
export function readInputs(inputs: SieveInputs, protect: Protection = {}): Tokens {
  if (typeof inputs !== 'object' || inputs === null) throw typeError('inputs', 'an object', inputs);
  const { layout = 'bhnd', layer } = inputs;
  if (layout !== 'bhnd' && layout !== 'bnhd') throw typeError('inputs.layout', "'bhnd' or 'bnhd'", layout);
  if (layer !== undefined) readInteger('inputs.layer', layer, 0);

  const given = readTensor('inputs.hidden', inputs.hidden, floatTypes);
  const hidden = withRank('inputs.hidden', given, 3);
  const [batch, length] = hidden.dims;
  const mask = readMask(inputs, batch, length, protect);
  return {
    batch,
    isSingle: given.dims.length === 2,
    length,
    hidden,
    q: readHeads('inputs.q', inputs.q, layout, batch),
    k: readHeads('inputs.k', inputs.k, layout, batch, length),
    v: readHeads('inputs.v', inputs.v, layout, batch, length),
    layout,
    metric: readFeatures('inputs.metric', inputs.metric, batch, length),
    gradients: readFeatures('inputs.gradients', inputs.gradients, batch, length, hidden.dims[2]),
    shallowQ: readHeads('inputs.shallowQ', inputs.shallowQ, layout, batch),
    shallowK: readHeads('inputs.shallowK', inputs.shallowK, layout, batch, length),
    ...readShared(inputs, batch, length),
    grid: readGrid(inputs.grid),
    halting: readHalting(inputs.halting, hidden),
    predictor:
      inputs.predictor === undefined
        ? undefined
        : readPredictor('inputs.predictor', inputs.predictor, hidden.dims[2]),
    scores: readPerToken('inputs.scores', inputs.scores, ['float32'], batch, length),
    mask: mask.some((state) => state !== 0) ? mask : undefined,
    rows: Array.from({ length: batch }, (_, row) =>
      countTokens(mask.subarray(row * length, (row + 1) * length)),
    ),
    sizes: readSizes(inputs.sizes, batch, length),
    positions: readPositions(inputs.positions, batch, length, given.dims.length === 2),
    layer,
  };
}

function readFeatures(
  path: string,
  value: unknown,
  batch: number,
  length: number,
  channels?: number,
): FloatTensor | undefined {
  if (value === undefined) return undefined;
  const read = withRank(path, readTensor(path, value, floatTypes), 3);
  const [rows, tokens, width] = read.dims;
  if (rows === batch && tokens === length && width === (channels ?? width)) return read;
  const expected = `[${batch},${length},${channels ?? 'D'}], as inputs.hidden`;
  throw rangeError(`${path}.dims`, expected, read.dims, 'ERR_TOKENSIEVE_SHAPE');
}

/** Queries have a length of their own; keys and values that of the tokens. */
function readHeads(
  path: string,
  value: unknown,
  layout: 'bhnd' | 'bnhd',
  batch: number,
  length?: number,
): FloatTensor | undefined {
  if (value === undefined) return undefined;
  const read = withRank(path, readTensor(path, value, floatTypes), 4);
  const tokens = read.dims[layout === 'bnhd' ? 1 : 2];
  if (read.dims[0] === batch && (length === undefined || tokens === length)) return read;
  const expected = length === undefined ? `of batch ${batch}` : `of batch ${batch} and ${length} tokens`;
  throw rangeError(`${path}.dims`, `${expected}, as inputs.hidden`, read.dims, 'ERR_TOKENSIEVE_SHAPE');
}

/** A tensor with the leading 1-dims it left out put back. */
function withRank(path: string, read: FloatTensor, rank: 3 | 4): FloatTensor {
  if (read.dims.length < 2 || read.dims.length > rank)
    throw rangeError(`${path}.dims`, `2 to ${rank} dimensions`, read.dims, 'ERR_TOKENSIEVE_SHAPE');
  const ones = new Array<number>(rank - read.dims.length).fill(1);
  return { ...read, dims: [...ones, ...read.dims] };
}

/** The features that tokens share with text, and the text. */
function readShared(
  { imageEmbeds, textEmbeds, textMask }: SieveInputs,
  batch: number,
  length: number,
): Pick<Tokens, 'imageEmbeds' | 'textEmbeds' | 'textMask'> {
  const image = readFeatures('inputs.imageEmbeds', imageEmbeds, batch, length);
  if (textEmbeds === undefined) {
    if (textMask !== undefined)
      throw typeError('inputs.textMask', 'left out without inputs.textEmbeds', textMask);
    return { imageEmbeds: image, textEmbeds: undefined, textMask: undefined };
  }
  const text = withRank('inputs.textEmbeds', readTensor('inputs.textEmbeds', textEmbeds, floatTypes), 3);
  const [rows, words] = text.dims;
  if (rows !== batch || (image && image.dims[2] !== text.dims[2])) {
    const expected = `[${batch},T,${image?.dims[2] ?? 'D'}], as the image's`;
    throw rangeError('inputs.textEmbeds.dims', expected, text.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const mask = readPerToken('inputs.textMask', textMask, ['uint8'], batch, words)?.data;
  const bad = mask ? mask.findIndex((state) => state > 2) : -1;
  if (bad !== -1) throw rangeError(`inputs.textMask[${bad}]`, '0, 1 or 2', mask?.[bad]);
  return {
    imageEmbeds: image,
    textEmbeds: text,
    textMask: mask?.some((state) => state === 2) ? mask : undefined,
  };
}

/** Checks a grid; that it has as many cells as there are free tokens is for who reads it, see `gridOf`. */
function readGrid(value: unknown): readonly number[] | undefined {
  return value === undefined ? undefined : readSides('inputs.grid', value);
}
