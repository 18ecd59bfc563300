// Every input token again, from the slot that owns it, for one row of tokens.
import type { Values } from '../support/tensors.js';

/** y `[M,C]` and the owner of each of N tokens (-1 for none) give `[N,C]`. */
export function restoreTokens(
  { data, dims }: Values,
  assignment: ArrayLike<number>,
  dropped: 'zero' | 'nearest' | Values = 'zero',
): Float64Array {
  const channels = dims[1];
  const restored = new Float64Array(assignment.length * channels);
  for (let i = 0; i < assignment.length; i++) {
    const slot = dropped === 'nearest' ? assignment[nearestOwned(assignment, i)] : assignment[i];
    for (let c = 0; c < channels; c++) {
      const place = i * channels + c;
      if (slot !== undefined && slot >= 0) restored[place] = data[slot * channels + c];
      else if (typeof dropped === 'object') restored[place] = dropped.data[place];
    }
  }
  return restored;
}

/** What is added to restored tokens, and what they are multiplied by first. */
export interface RestoreSum {
  readonly weights?: ArrayLike<number>;
  readonly residual?: Values;
}

/** `residual + weights * restored` for one row of tokens restored as {@link restoreTokens} does. */
export function restoreSum(
  restored: Float64Array,
  { weights, residual }: RestoreSum,
  channels: number,
): Float64Array {
  return restored.map((x, i) => (residual?.data[i] ?? 0) + (weights?.[Math.floor(i / channels)] ?? 1) * x);
}

/** The index nearest to `i` that has an owner, the lower of two equally near; -1 when none has. */
function nearestOwned(assignment: ArrayLike<number>, i: number): number {
  for (let distance = 0; distance < assignment.length; distance++) {
    if (assignment[i - distance] >= 0) return i - distance;
    if (assignment[i + distance] >= 0) return i + distance;
  }
  return -1;
}
