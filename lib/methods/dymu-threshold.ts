import { rangeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { readInteger, readOptions, readSignal } from '../options.js';
import { compareScores } from '../ranking.js';
import { readInputs } from '../read-inputs.js';
import type { SieveInputs } from '../sieve-inputs.js';
import { runAsync, runSync, type Steps } from '../steps.js';
import { freeAt } from '../strategies/destinations.js';
import { nearestTokens, raggedOf } from '../strategies/nearest.js';
import { halfOfFree } from './tome.js';

/** Options of {@link dymuThreshold}. */
export interface DymuThresholdOptions {
  /** Pairs to merge of each picture, on average. */
  readonly r: number;
}

/**
 * The threshold at which {@link dymu} would merge r pairs of each picture of a batch on average, more of one and
 * fewer of another: the similarity of the (r B)-th best of all pairs that a picture can merge at once, which are half
 * of its free tokens, and 0 at least. The authors average it over batches, layer by layer, each layer reducing by its
 * threshold before the next is asked.
 *
 * Reads what `dymu` reads; mask a class token with 1.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` naming `options.r`, also where the batch
 *   has no pair
 */
export async function dymuThreshold(
  inputs: SieveInputs,
  options: DymuThresholdOptions & { readonly signal?: AbortSignal },
): Promise<number> {
  return runAsync(thresholdOf(inputs, options), readSignal(readOptions(options)));
}

/** {@link dymuThreshold}, at once. */
export function dymuThresholdSync(inputs: SieveInputs, options: DymuThresholdOptions): number {
  return runSync(thresholdOf(inputs, options));
}

function* thresholdOf(inputs: SieveInputs, options: DymuThresholdOptions): Steps<number> {
  const { r } = readOptions(options);
  readInteger('options.r', r, 1);
  const tokens = readInputs(inputs);
  const features = yield* featuresOf(tokens, 'keys', 'dymuThreshold');
  const sources = raggedOf(freeAt(tokens, 0));
  const { similarity } = yield* nearestTokens(features, sources, raggedOf(freeAt(tokens, 1)));
  const most = tokens.rows.map(halfOfFree);
  const pairs = most.flatMap((half, row) => {
    const own = similarity.subarray(sources.offsets[row], sources.offsets[row + 1]);
    return [
      ...own
        .filter((value) => value > Number.NEGATIVE_INFINITY)
        .sort(compareScores)
        .subarray(0, half),
    ];
  });
  const wanted = most.reduce((sum, half) => sum + Math.min(r, half), 0);
  const worst = pairs.sort(compareScores)[Math.min(wanted, pairs.length) - 1];
  if (worst === undefined) throw rangeError('options.r', 'asked of tokens of which two could merge', r);
  return Math.max(0, worst);
}
