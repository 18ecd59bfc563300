// Rows of x by index, for each row of indices.
import type { Values } from '../support/tensors.js';

/** x `[R,N,C]`, one list of indices for each of the R rows; lists may differ in length. */
export function gatherTokens({ data, dims }: Values, indices: readonly (readonly number[])[]): number[][][] {
  const [, tokens, channels] = dims;
  return indices.map((row, r) =>
    row.map((index) => {
      const start = (r * tokens + index) * channels;
      return Array.from(data.subarray(start, start + channels));
    }),
  );
}
