// c = activation(a b + bias), and the sum of the terms' magnitudes that bounds its rounding error.
import type { Values } from '../support/tensors.js';

export type Activation = 'gelu' | 'geluTanh' | 'relu' | 'tanh';

export interface MatmulOptions {
  readonly bias?: ArrayLike<number>;
  readonly activation?: Activation;
  /** b is `[...,N,K]`. */
  readonly transposeB?: boolean;
}

/** a `[batch,M,K]` and b `[K,N]` or `[batch,K,N]` give `[batch,M,N]`. */
export function matmul(
  a: Values,
  b: Values,
  options: MatmulOptions = {},
): { c: Float64Array; magnitude: Float64Array } {
  const { bias, activation, transposeB = false } = options;
  const [batch, rows, inner] = a.dims;
  const [bRows, bColumns] = b.dims.slice(-2);
  const columns = transposeB ? bRows : bColumns;
  const c = new Float64Array(batch * rows * columns);
  const magnitude = new Float64Array(c.length);
  for (let n = 0; n < batch; n++) {
    const bStart = b.dims.length === 3 ? n * bRows * bColumns : 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = bias?.[j] ?? 0;
        let size = Math.abs(sum);
        for (let k = 0; k < inner; k++) {
          const right = b.data[bStart + (transposeB ? j * bColumns + k : k * bColumns + j)];
          const term = a.data[(n * rows + i) * inner + k] * right;
          sum += term;
          size += Math.abs(term);
        }
        const place = (n * rows + i) * columns + j;
        c[place] = activate(sum, activation);
        magnitude[place] = size;
      }
    }
  }
  return { c, magnitude };
}

export function activate(x: number, activation?: Activation): number {
  switch (activation) {
    case 'gelu':
      return (x * erfc(-x / Math.SQRT2)) / 2;
    case 'geluTanh':
      return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case 'relu':
      return Math.max(x, 0);
    case 'tanh':
      return Math.tanh(x);
    default:
      return x;
  }
}

/** The complementary error function: its series near 0, its continued fraction further out. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 80; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}
