import { rangeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import { required } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor, Tensor } from '../tensor.js';
import type { Criterion } from './criterion.js';

/** Options of {@link keyNorm}, {@link hiddenNorm} and {@link gradientNorm}. */
export interface NormOptions {
  /** L1 or L2, the default. */
  readonly p?: 1 | 2;
  /** Which tokens rank high: those of low or of high norm. */
  readonly prefer?: 'low' | 'high';
}

/**
 * The norm of a token's key, averaged over the key heads. By default a low norm ranks high: such keys are the
 * ones that attention turns to (Devoto et al. 2024, arXiv 2406.11430). Reads k.
 */
export function keyNorm(options: NormOptions = {}): Criterion {
  const { p, prefer } = readNorm(options, 'low');
  return function* (tokens) {
    const k = required(tokens, 'k', 'keyNorm');
    const { batch, length, layout } = tokens;
    const heads = k.dims[layout === 'bnhd' ? 2 : 1];
    const [headStride, tokenStride] = layout === 'bnhd' ? [1, heads] : [length, 1];
    const norms = yield* normOfEach(k, p);
    const sign = prefer === 'low' ? -1 : 1;
    const scores = new Float32Array(batch * length);
    for (let i = 0; i < scores.length; i++) {
      const first = Math.floor(i / length) * length * heads + (i % length) * tokenStride;
      let sum = 0;
      for (let head = 0; head < heads; head++) sum += norms.data[first + head * headStride];
      scores[i] = (sign * sum) / heads;
    }
    return { type: 'float32', data: scores, dims: [batch, length] };
  };
}

/** The norm of a token's hidden state; a high norm ranks high by default. */
export function hiddenNorm(options: NormOptions = {}): Criterion {
  const { p, prefer } = readNorm(options, 'high');
  return function* ({ hidden, batch, length }) {
    const { data } = yield* normOfEach(hidden, p);
    const scores = prefer === 'low' ? data.map((norm) => -norm) : data;
    return { type: 'float32', data: scores, dims: [batch, length] };
  };
}

/**
 * The norm of the loss's gradient at the token, `||dL/dx_i||` (arXiv 2505.18227, appendix A): how much the loss hangs
 * on it, to first order. A high norm ranks high by default. Reads `gradients`, which a backward pass elsewhere gave.
 */
export function gradientNorm(options: NormOptions = {}): Criterion {
  const { p, prefer } = readNorm(options, 'high');
  return function* (tokens) {
    const { data } = yield* normOfEach(required(tokens, 'gradients', 'gradientNorm'), p);
    const scores = prefer === 'low' ? data.map((norm) => -norm) : data;
    return { type: 'float32', data: scores, dims: [tokens.batch, tokens.length] };
  };
}

/**
 * `[B * N]`: the L2 norm of each token over all heads together, as if they were one.
 *
 * @param x `[B,H,N,D]`, or `[B,N,H,D]` by layout
 */
export function* normOverHeads(x: FloatTensor, layout: 'bhnd' | 'bnhd'): Steps<Float32Array> {
  const [batch, second, third, depth] = x.dims;
  if (layout === 'bnhd') return (yield* normOfEach({ ...x, dims: [batch, second, third * depth] }, 2)).data;
  const { data } = yield* normOfEach(x, 2);
  const norms = new Float32Array(batch * third);
  for (let row = 0, i = 0; row < batch; row++)
    for (let token = 0; token < third; token++) {
      let sum = 0;
      for (let head = 0; head < second; head++) sum += data[(row * second + head) * third + token] ** 2;
      norms[i++] = Math.sqrt(sum);
    }
  return norms;
}

function readNorm(options: NormOptions, preferred: 'low' | 'high'): Required<NormOptions> {
  const { p = 2, prefer = preferred } = readOptions(options);
  if (p !== 1 && p !== 2) throw rangeError('options.p', '1 or 2', p);
  return { p, prefer: readWord('options.prefer', prefer, ['low', 'high']) };
}

/** The norms of all vectors along the last dim, whatever the dims before it mean. */
function normOfEach(x: FloatTensor, p: 1 | 2): Steps<Tensor<'float32'>> {
  const channels = x.dims[x.dims.length - 1];
  const vectors = x.dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
  return step.tokenNorms({ ...x, dims: [1, vectors, channels] }, { p });
}
