// Text-visual attention gravity correction: how far each query stands from each key, and what makes up for it.
import { rangeError } from '../errors.js';
import type { AttentionScoresOptions } from '../ops/attention-scores.js';
import { type GravityCorrectionOptions, gravityCorrection } from '../rotary-decay.js';
import type { Tokens } from '../sieve-inputs.js';

/** Which rotary embedding, and how its decay is divided by; as of `gravityCorrection`. */
export type GravityOptions = Pick<GravityCorrectionOptions, 'base' | 'frequencies' | 'floor' | 'reference'>;

/**
 * The options of `attentionScores` that correct the attention of tokens by their positions.
 *
 * @returns for heads of so many channels; it remembers the factors that it has made
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option; RangeError
 *   `ERR_TOKENSIEVE_SHAPE` for `inputs.positions` of several sections, between which there is no one distance
 */
export function gravityOf(
  options: GravityOptions,
): (tokens: Tokens, headDim: number) => Pick<AttentionScoresOptions, 'distanceScale' | 'positions'> {
  // A head's channels are not known yet, but all else can be checked; frequencies when they are.
  if (options.frequencies === undefined) gravityCorrection({ ...options, length: 1, headDim: 2 });
  let factors: Float32Array = new Float32Array(0);
  let channels = 0;
  return (tokens, headDim) => {
    const { positions } = tokens;
    if (positions.dims.length !== 2) {
      const expected = '[B,N], between which there is one distance';
      throw rangeError('inputs.positions.dims', expected, positions.dims, 'ERR_TOKENSIEVE_SHAPE');
    }
    const length = spanOf(tokens);
    if (channels !== headDim || factors.length < length) {
      factors = gravityCorrection({ ...options, length, headDim });
      channels = headDim;
    }
    return { distanceScale: factors, positions };
  };
}

/** Distances that there are between tokens of a row; the operation takes the last for any beyond. */
function spanOf({ batch, length, mask, positions }: Tokens): number {
  let most = 0;
  for (let row = 0; row < batch; row++) {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let at = row * length; at < (row + 1) * length; at++) {
      if (mask?.[at] === 2) continue;
      const position = Number(positions.data[at]);
      first = Math.min(first, position);
      last = Math.max(last, position);
    }
    if (last > first) most = Math.max(most, last - first);
  }
  return Math.min(most + 1, mostDistances);
}

const mostDistances = 2 ** 24;
