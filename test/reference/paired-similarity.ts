// How alike two vectors are.
import type { Values } from '../support/tensors.js';

export type Metric = 'cosine' | 'dot' | 'l2';

/** The cosine (0 with a zero vector), the product, or minus the squared distance of two vectors. */
export function similarity(a: ArrayLike<number>, b: ArrayLike<number>, metric: Metric = 'cosine'): number {
  let [product, aSquare, bSquare, distance] = [0, 0, 0, 0];
  for (let c = 0; c < a.length; c++) {
    product += a[c] * b[c];
    aSquare += a[c] ** 2;
    bSquare += b[c] ** 2;
    distance += (a[c] - b[c]) ** 2;
  }
  if (metric === 'dot') return product;
  if (metric === 'l2') return 0 - distance;
  return aSquare === 0 || bSquare === 0 ? 0 : product / (Math.sqrt(aSquare) * Math.sqrt(bSquare));
}

/** a and b `[...,N,C]` give one number a token. */
export function pairedSimilarity(a: Values, b: Values, metric: Metric = 'cosine'): Float64Array {
  const channels = a.dims[a.dims.length - 1];
  const tokens = a.dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
  const token = ({ data }: Values, n: number) => data.subarray(n * channels, (n + 1) * channels);
  return Float64Array.from({ length: tokens }, (_, n) => similarity(token(a, n), token(b, n), metric));
}
