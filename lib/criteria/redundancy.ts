import { readSchedule, type Schedule } from '../budgets/schedule.js';
import { rangeError, typeError } from '../errors.js';
import { type ComparedBy, featuresOf } from '../features.js';
import { readOptions, readWord } from '../options.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import type { Criterion } from './criterion.js';

/** Options of {@link redundancy}. */
export interface RedundancyOptions {
  /** What tokens are compared by where the inputs bring no metric: the mean over heads of k, or hidden. */
  readonly metric?: ComparedBy;
  /** Which tokens rank high: those that are least like the others, or those that are most. */
  readonly prefer?: 'low' | 'high';
}

/** Options of {@link energy}. */
export interface EnergyOptions extends RedundancyOptions {
  /** The cosine from which on two tokens count as alike; in the paper it falls from 0.9 over the layers. */
  readonly margin: Schedule;
  /**
   * What of each cosine s, with the margin m, is averaged: `'elu'`, the default, `s - m` where s is above m, else
   * `exp(s - m) - 1`; `'gaussian'`, the paper's for text, `exp(-((1 - s) / d)^2 / 2) / (d sqrt(2 pi))`, d being 1 - m.
   */
  readonly kernel?: 'elu' | 'gaussian';
  /** Compares with all tokens that are not dropped, the default, or with the free ones alone; a kept one then has 0. */
  readonly among?: 'all' | 'free';
}

/**
 * How much a token repeats others, by equation (3) of arXiv 2505.18227: the mean of its cosines with all others,
 * `r_i = sum over j != i of cos(x_i, x_j) / (N - 1)`. By default a low redundancy ranks high, so that tokens that say
 * something of their own stay. Dropped tokens are not compared with. Reads k, hidden or metric.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` naming the option
 */
export function redundancy(options: RedundancyOptions = {}): Criterion {
  const { metric, sign } = readCompared(options);
  return function* (tokens) {
    const features = yield* featuresOf(tokens, metric, 'redundancy');
    const { mask } = tokens;
    const mean = step.similarityReduce(features, { f: 'mean', self: false, ...(mask && { mask }) });
    return yield* scaled(mean, sign);
  };
}

/**
 * The energy of a token (Tran et al. 2024, PiToMe, arXiv 2405.16148): the mean of a kernel of its cosines with all
 * tokens, itself included. Tokens in large, tight clusters have a high energy. By default a low energy ranks high, so
 * that tokens that stand apart stay. Dropped tokens are not compared with. Reads k, hidden or metric.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function energy(options: EnergyOptions): Criterion {
  const { metric, sign } = readCompared(options);
  const { kernel = 'elu', among = 'all', margin: schedule } = readOptions(options);
  readWord('options.kernel', kernel, ['elu', 'gaussian']);
  readWord('options.among', among, ['all', 'free']);
  const marginAt = readSchedule('options.margin', schedule, (path, value) => {
    if (kernel === 'elu' && !Number.isFinite(value)) throw rangeError(path, 'a finite number', value);
    if (kernel === 'gaussian' && !(value >= -1 && value < 1))
      throw rangeError(path, 'a number from -1, below 1', value);
  });
  return function* (tokens) {
    const { layer } = tokens;
    const margin = marginAt(layer);
    if (margin === undefined) throw typeError(`options.margin at layer ${layer}`, 'a number', margin);
    const features = yield* featuresOf(tokens, metric, 'energy');
    const mask = among === 'all' ? tokens.mask : tokens.mask?.map((state) => (state === 0 ? 0 : 2));
    const f = kernel === 'elu' ? { elu: margin } : { gaussian: 1 - margin };
    const mean = step.similarityReduce(features, { f, ...(mask && { mask }) });
    return yield* scaled(mean, kernel === 'elu' ? sign : sign / ((1 - margin) * Math.sqrt(2 * Math.PI)));
  };
}

function readCompared(options: RedundancyOptions): { metric: ComparedBy; sign: 1 | -1 } {
  const { metric = 'keys', prefer = 'low' } = readOptions(options);
  readWord('options.metric', metric, ['keys', 'hidden']);
  return { metric, sign: readWord('options.prefer', prefer, ['low', 'high']) === 'low' ? -1 : 1 };
}

function* scaled(values: Steps<Tensor<'float32'>>, factor: number): Steps<Tensor<'float32'>> {
  const read = yield* values;
  return { ...read, data: read.data.map((value) => factor * value) };
}
