import { rangeError, typeError } from '../errors.js';
import { readOptions } from '../options.js';
import type { Criterion } from './criterion.js';

/** Options of {@link random}. */
export interface RandomOptions {
  /** An integer; its lower 32 bits count. 0 by default. */
  readonly seed?: number;
}

/**
 * Uniform random scores in [0,1), the control that every criterion has to beat. They depend on the seed, the
 * layer, the row and the token's index alone, so that a run can be repeated.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming `options.seed`
 */
export function random(options: RandomOptions = {}): Criterion {
  const { seed = 0 } = readOptions(options);
  if (typeof seed !== 'number') throw typeError('options.seed', 'an integer', seed);
  if (!Number.isSafeInteger(seed)) throw rangeError('options.seed', 'an integer', seed);
  return ({ batch, length, layer = 0 }) => {
    const data = new Float32Array(batch * length);
    for (let row = 0; row < batch; row++) {
      const stream = mix(mix(mix(seed) + layer) + row);
      for (let i = 0; i < length; i++) data[row * length + i] = (mix(stream + i) >>> 8) / 2 ** 24;
    }
    return { type: 'float32', data, dims: [batch, length] };
  };
}

/** The finalizer of MurmurHash3 over the next step of a Weyl sequence: every bit of the input moves every bit. */
function mix(x: number): number {
  let h = Math.imul(x | 0, 0x9e3779b9) + 0x7f4a7c15;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
