import { rangeError, typeError } from '../errors.js';
import { readOptions } from '../options.js';
import { readList } from '../tensor.js';

/**
 * A number that may change from layer to layer: the same everywhere; a list, one a layer, past whose end
 * nothing is removed; or a function of the layer, counted from 0, undefined where nothing is removed.
 */
export type Schedule = number | readonly number[] | ((layer: number) => number | undefined);

/**
 * Reads a schedule once, so that `check` is passed by each of its numbers before any is used.
 *
 * @returns the number at a layer, or undefined where nothing is removed there
 */
export function readSchedule(
  path: string,
  schedule: Schedule,
  check: (path: string, value: number) => void,
): (layer: number | undefined) => number | undefined {
  const checked = (at: string, value: unknown): number => {
    if (typeof value !== 'number') throw typeError(at, 'a number', value);
    check(at, value);
    return value;
  };
  if (typeof schedule === 'function') {
    return (layer) => {
      const at = needLayer(layer, path);
      const value = schedule(at);
      return value === undefined ? undefined : checked(`${path}(${at})`, value);
    };
  }
  if (Array.isArray(schedule)) {
    const list = readList(path, 'an array of numbers', schedule, mostLayers).map((value, i) =>
      checked(`${path}[${i}]`, value),
    );
    return (layer) => list[needLayer(layer, path)];
  }
  if (typeof schedule !== 'number')
    throw typeError(path, 'a number, an array of numbers or a function of the layer', schedule);
  const value = checked(path, schedule);
  return () => value;
}

/** Far past any model's. */
const mostLayers = 2 ** 16;

/** The layer, or an error that says what goes by it. */
export function needLayer(layer: number | undefined, path: string): number {
  if (layer === undefined) throw typeError('inputs.layer', `an integer, since ${path} goes by layers`, layer);
  return layer;
}

/**
 * A value at some layers alone, as EViT keeps 0.7 at layers 3, 6 and 9.
 *
 * @param values one for all of those layers, or one for each
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_SHAPE`
 */
export function atLayers(layers: readonly number[], values: number | readonly number[]): Schedule {
  const places = readList('layers', 'an array of integers', layers, mostLayers);
  const list = Array.isArray(values)
    ? readList('values', 'an array of numbers', values, mostLayers)
    : places.map(() => values);
  if (list.length !== places.length)
    throw rangeError('values', `of ${places.length} elements, one a layer`, values, 'ERR_TOKENSIEVE_SHAPE');
  const byLayer = new Map(places.map((layer, i) => [layer, list[i] as number]));
  return (layer) => byLayer.get(layer);
}

/**
 * A pyramid as PyramidDrop lists it: at each of some layers the fraction of the tokens as they were before the first
 * of them, such as 0.5, 0.25 and 0.125 at layers 8, 16 and 24. Each becomes the fraction of the tokens that the stage
 * before has left, so that powers of a half count exactly; others may leave one token fewer than the product would.
 *
 * @param keep falling, above 0, at most 1
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` or `ERR_TOKENSIEVE_SHAPE`
 */
export function pyramid(layers: readonly number[], keep: readonly number[]): Schedule {
  const stages = readList('keep', 'an array of numbers', keep, mostLayers).map((value, stage) => {
    if (typeof value !== 'number') throw typeError(`keep[${stage}]`, 'a number', value);
    return value;
  });
  const shares = stages.map((value, stage) => {
    const before = stage === 0 ? 1 : stages[stage - 1];
    if (!(value > 0 && value <= before))
      throw rangeError(`keep[${stage}]`, `a number above 0, at most ${before}`, value);
    return value / before;
  });
  return atLayers(layers, shares);
}

/** What {@link inflected} goes by. */
export interface Inflection {
  /** Tokens to remove in a layer, on average. */
  readonly r: number;
  /** 0 is constant, -1 falls from 2r to 0, 1 rises from 0 to 2r. */
  readonly inflection: number;
  /** How many layers there are. */
  readonly layers: number;
}

/**
 * ToMe's schedule of r over the layers (arXiv 2210.09461, section 4.1): linear from `r * (1 - inflection)` to
 * 2r minus that, truncated. A single layer removes r.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`
 */
export function inflected(options: Inflection): number[] {
  const { r, inflection, layers } = readOptions(options);
  for (const [path, value] of Object.entries({ r, inflection, layers }))
    if (typeof value !== 'number') throw typeError(`options.${path}`, 'a number', value);
  if (!Number.isSafeInteger(r) || r < 0) throw rangeError('options.r', 'an integer from 0', r);
  if (!(Math.abs(inflection) <= 1))
    throw rangeError('options.inflection', 'a number from -1 to 1', inflection);
  if (!Number.isSafeInteger(layers) || layers < 1 || layers > mostLayers)
    throw rangeError('options.layers', `an integer from 1 to ${mostLayers}`, layers);
  if (layers === 1) return [r];
  const start = roundCount(r * (1 - inflection), r, 'floor');
  const end = 2 * r - start;
  return Array.from({ length: layers }, (_, layer) =>
    roundCount(start + ((end - start) * layer) / (layers - 1), 2 * r, 'floor'),
  );
}

/** What {@link falling} goes by. */
export interface Fall {
  /** The value at layer 0. */
  readonly from: number;
  /** How much less it would be at layer `layers`. */
  readonly by: number;
  /** How many layers there are. */
  readonly layers: number;
}

/**
 * A value that falls linearly over the layers, `from - by * l / L`, as PiToMe's margin: 0.9 by 0.9 for CLIP and
 * ImageNet's vision transformers, 0.75 by 0.4 for BLIP-2, 0.9 by 0.25 for BERT (arXiv 2405.16148).
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE`
 */
export function falling(options: Fall): number[] {
  const { from, by, layers } = readOptions(options);
  for (const [path, value] of Object.entries({ from, by, layers })) {
    if (typeof value !== 'number') throw typeError(`options.${path}`, 'a number', value);
    if (!Number.isFinite(value)) throw rangeError(`options.${path}`, 'a finite number', value);
  }
  if (!Number.isSafeInteger(layers) || layers < 1 || layers > mostLayers)
    throw rangeError('options.layers', `an integer from 1 to ${mostLayers}`, layers);
  return Array.from({ length: layers }, (_, layer) => from - (by * layer) / layers);
}

/**
 * How a number of tokens is made whole. `'round'` takes a half to the even side, as Python does. `'truncate'` cuts the
 * product as floating point has it, as `int()` does in the code of many papers: of `1000 * (1 - 0.9)` it makes 99.
 */
export type Rounding = 'floor' | 'ceil' | 'round' | 'truncate';

/** A product with N made whole; but for `'truncate'`, one within 1e-9 N of an integer is that integer. */
export function roundCount(product: number, tokens: number, rounding: Rounding): number {
  if (rounding === 'truncate') return Math.floor(product);
  const nearest = Math.round(product);
  if (Math.abs(product - nearest) <= 1e-9 * tokens) return nearest;
  if (rounding !== 'round') return rounding === 'floor' ? Math.floor(product) : Math.ceil(product);
  return product - Math.floor(product) === 0.5 ? 2 * Math.round(product / 2) : nearest;
}
