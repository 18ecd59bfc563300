// Greedy MAP inference for a determinantal point process, by what Gram and Schmidt leave of each token beside the
// chosen ones: the gain of token i is r_i^2 times its squared length.
import type { Values } from '../support/tensors.js';
import { compareScores } from './top-k.js';

/** Up to this a token counts as one that the chosen ones span. */
const nothingLeft = 2 ** -40;

/** The gains of one row of tokens, for the chosen ones taken in order: 0 for those, and for tokens that are not finite. */
export function dppGains(
  { data, dims: [length, channels] }: Values,
  relevance: ArrayLike<number>,
  chosen: readonly number[],
): number[] {
  const left = Array.from({ length }, (_, i) => {
    const token = data.slice(i * channels, (i + 1) * channels);
    const norm = Math.hypot(...token);
    return norm > 0 && norm < Number.POSITIVE_INFINITY ? token.map((x) => x / norm) : token.fill(0);
  });
  const square = (token: Float64Array) => token.reduce((sum, x) => sum + x * x, 0);
  for (const i of chosen) {
    const size = Math.sqrt(square(left[i]));
    if (size * size <= nothingLeft) continue;
    const direction = left[i].map((x) => x / size);
    for (const token of left) {
      const along = token.reduce((sum, x, c) => sum + x * direction[c], 0);
      for (let c = 0; c < channels; c++) token[c] -= along * direction[c];
    }
  }
  return left.map((token, i) => {
    const residual = square(token);
    return residual <= nothingLeft || Number.isNaN(relevance[i]) ? 0 : relevance[i] ** 2 * residual;
  });
}

/** x `[N,C]`. */
export function dppGreedy(
  x: Values,
  relevance: ArrayLike<number>,
  { count, mask }: { readonly count: number; readonly mask?: ArrayLike<number> },
): number[] {
  const [length, channels] = x.dims;
  const rank = Array.from({ length }, (_, i) => {
    const token = x.data.subarray(i * channels, (i + 1) * channels);
    return token.every(Number.isFinite) ? relevance[i] : Number.NaN;
  });
  const present = rank.map((_, i) => i).filter((i) => mask?.[i] !== 2);
  const chosen = present.filter((i) => mask?.[i] === 1);
  while (chosen.length < count) {
    const left = present.filter((i) => !chosen.includes(i));
    const gains = dppGains(x, relevance, chosen);
    const value = left.some((i) => gains[i] > 0) ? gains : rank;
    chosen.push(left.sort((i, j) => compareScores(value[i], value[j]) || i - j)[0]);
  }
  return chosen;
}
