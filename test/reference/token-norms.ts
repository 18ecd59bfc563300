// The L1 or L2 norm of each token.
import type { Values } from '../support/tensors.js';

/** x `[...,C]` gives one norm a token. */
export function tokenNorms({ data, dims }: Values, p: 1 | 2 = 2): Float64Array {
  const channels = dims[dims.length - 1];
  const tokens = dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
  return Float64Array.from({ length: tokens }, (_, n) => {
    const token = data.subarray(n * channels, (n + 1) * channels);
    if (p === 1) return token.reduce((sum, x) => sum + Math.abs(x), 0);
    return Math.sqrt(token.reduce((sum, x) => sum + x * x, 0));
  });
}
