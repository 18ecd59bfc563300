// Each output token from the members of its slot, for one row of tokens.
import type { Values } from '../support/tensors.js';

export type MergeReduce = 'mean' | 'sum' | 'max' | 'norm';

export interface Slot {
  readonly members: ArrayLike<number>;
  /** How much of each member goes into the slot; 1 when left out. */
  readonly weights?: ArrayLike<number>;
}

export interface MergedTokens {
  readonly tokens: Float64Array;
  readonly sizes: Float64Array;
  /** Sum of the magnitudes of the terms, over the same divisor: bounds the rounding error. */
  readonly magnitude: Float64Array;
}

/** x `[N,C]` gives tokens `[M,C]`; `sizes` holds one weight a token, 1 when left out. */
export function mergeTokens(
  { data, dims }: Values,
  slots: readonly Slot[],
  { sizes: tokenSizes, reduce = 'mean' }: { sizes?: ArrayLike<number>; reduce?: MergeReduce } = {},
): MergedTokens {
  const channels = dims[1];
  const tokens = new Float64Array(slots.length * channels);
  const magnitude = new Float64Array(tokens.length);
  const sizes = new Float64Array(slots.length);
  slots.forEach(({ members, weights }, slot) => {
    const list = Array.from(members);
    const sizeOf = (i: number) => tokenSizes?.[i] ?? 1;
    const factors = list.map((i, place) => sizeOf(i) * (weights?.[place] ?? 1));
    const total = factors.reduce((sum, factor) => sum + factor, 0);
    sizes[slot] = list.reduce((sum, i) => sum + sizeOf(i), 0);
    const divisor = reduce === 'sum' ? 1 : total;
    for (let c = 0; c < channels; c++) {
      const column = list.map((i) => data[i * channels + c]);
      const place = slot * channels + c;
      if (reduce === 'max') {
        tokens[place] = list.length === 0 ? 0 : Math.max(...column);
        continue;
      }
      if (divisor === 0) continue;
      tokens[place] = column.reduce((sum, x, m) => sum + factors[m] * x, 0) / divisor;
      magnitude[place] = column.reduce((sum, x, m) => sum + Math.abs(factors[m] * x), 0) / Math.abs(divisor);
    }
    if (reduce !== 'norm') return;
    const mean = tokens.subarray(slot * channels, (slot + 1) * channels);
    const largest = Math.max(0, ...list.map((i) => norm(data.subarray(i * channels, (i + 1) * channels))));
    const length = norm(mean);
    const scale = length === 0 ? 0 : largest / length;
    for (let c = 0; c < channels; c++) {
      tokens[slot * channels + c] *= scale;
      magnitude[slot * channels + c] *= scale;
    }
  });
  return { tokens, sizes, magnitude };
}

function norm(token: Float64Array): number {
  return Math.sqrt(token.reduce((sum, x) => sum + x * x, 0));
}
