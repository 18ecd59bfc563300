// Channels of x by index, with one list of indices for each row of tokens.
import type { Values } from '../support/tensors.js';

/** x `[R,N,C]` to `[R,N,K]`. */
export function gatherChannels({ data, dims }: Values, indices: readonly (readonly number[])[]): number[] {
  const [, length, channels] = dims;
  return indices.flatMap((list, r) =>
    Array.from({ length }, (_, n) =>
      list.map((channel) => data[(r * length + n) * channels + channel]),
    ).flat(),
  );
}
