// Greedy k-centre (Gonzalez 1985) on one row of tokens.
import type { Values } from '../support/tensors.js';
import { cosine } from './bipartite-match.js';
import { compareScores } from './top-k.js';

export interface FarthestPointOptions {
  readonly count: number;
  readonly start?: number | 'isolated';
  readonly metric?: 'cosine' | 'l2';
  readonly mask?: ArrayLike<number>;
}

function tokensOf({ data, dims: [length, channels] }: Values): Float64Array[] {
  return Array.from({ length }, (_, i) => data.subarray(i * channels, (i + 1) * channels));
}

function l2(a: Float64Array, b: Float64Array): number {
  let square = 0;
  for (let c = 0; c < a.length; c++) square += (a[c] - b[c]) ** 2;
  return Math.sqrt(square);
}

/**
 * From each token to the nearest of others: Infinity where there is none, NaN for a token that is not finite, which is
 * near to no other either.
 */
export function nearestDistances(
  x: Values,
  others: readonly number[],
  metric: 'cosine' | 'l2' = 'cosine',
): number[] {
  const tokens = tokensOf(x);
  const finite = tokens.map((token) => token.every(Number.isFinite));
  return tokens.map((token, i) => {
    if (!finite[i]) return Number.NaN;
    let least = Number.POSITIVE_INFINITY;
    for (const j of others) {
      if (j === i || !finite[j]) continue;
      least = Math.min(least, metric === 'l2' ? l2(token, tokens[j]) : 1 - cosine(token, tokens[j]));
    }
    return least;
  });
}

/** x `[N,C]`. */
export function farthestPoint(x: Values, options: FarthestPointOptions): number[] {
  const { count, start = 'isolated', metric = 'cosine', mask } = options;
  const present = Array.from({ length: x.dims[0] }, (_, i) => i).filter((i) => mask?.[i] !== 2);
  const chosen = present.filter((i) => mask?.[i] === 1);
  const take = (distances: readonly number[]) => {
    const left = present.filter((i) => !chosen.includes(i));
    chosen.push(left.sort((i, j) => compareScores(distances[i], distances[j]) || i - j)[0]);
  };
  if (chosen.length < count && start === 'isolated') take(nearestDistances(x, present, metric));
  else if (chosen.length < count && !chosen.includes(start as number)) chosen.push(start as number);
  while (chosen.length < count) take(nearestDistances(x, chosen, metric));
  return chosen;
}
