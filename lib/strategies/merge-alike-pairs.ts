// Pairs over a whole picture that merge where they are alike above the usual: the global stage of ALGM.
import { featuresOf } from '../features.js';
import { byScore } from '../ranking.js';
import type { Tokens } from '../sieve-inputs.js';
import { centredMap, ownPlaces } from './maps.js';
import { nearestTokens, raggedOf } from './nearest.js';
import type { Strategy } from './strategy.js';

/**
 * Tokens at even places merge into the most similar one at an odd place, where the cosine is at least
 * `mean + std / layer` of all of a row.
 *
 * @param isEven goes by the means of both over the batch, and merges as many in every row as in the row that has fewest
 */
export function mergeAlikePairs(layer: number, isEven: boolean): Strategy {
  return function* ({ tokens }) {
    const { length } = tokens;
    const rows = tokens.rows.map((_, row) => sidesOf(tokens, row));
    const sources = raggedOf(rows.map((row) => row.sources));
    const features = yield* featuresOf(tokens, 'hidden', 'algm');
    const found = yield* nearestTokens(features, sources, raggedOf(rows.map((row) => row.destinations)));
    const best = rows.map((_, row) =>
      found.similarity.subarray(sources.offsets[row], sources.offsets[row + 1]),
    );
    const merged = isEven
      ? alikeInAll(best, layer)
      : best.map((own) => above(own, thresholdOf([own], layer)));
    const into = ownPlaces(tokens);
    const centres = rows.map(({ present, even, odd }, row) => {
      const gone = new Set<number>();
      for (const i of merged[row]) {
        const at = sources.offsets[row] + i;
        into[row * length + sources.indices.data[at]] = found.tokens[at];
        gone.add(sources.indices.data[at]);
      }
      return gone.size === 0 ? present : [...even.filter((i) => !gone.has(i)), ...odd];
    });
    return centredMap(tokens, raggedOf(centres), into);
  };
}

/** The tokens of a row by the parity of their places; protected ones neither merge nor are merged into. */
function sidesOf({ length, mask }: Tokens, row: number) {
  const present = Array.from({ length }, (_, i) => i).filter((i) => mask?.[row * length + i] !== 2);
  const isFree = (i: number) => mask?.[row * length + i] !== 1;
  const [even, odd] = [0, 1].map((parity) => present.filter((i) => i % 2 === parity));
  return { present, even, odd, sources: even.filter(isFree), destinations: odd.filter(isFree) };
}

/** `mean + std / layer`, the deviation being of a sample; of several rows the means of both. */
function thresholdOf(rows: readonly Float32Array[], layer: number): number {
  const parts = rows.map((best) => {
    const mean = best.reduce((sum, s) => sum + s, 0) / best.length;
    const squares = best.reduce((sum, s) => sum + (s - mean) ** 2, 0);
    return [mean, best.length > 1 ? Math.sqrt(squares / (best.length - 1)) : 0];
  });
  const [mean, deviation] = [0, 1].map((i) => parts.reduce((sum, part) => sum + part[i], 0) / parts.length);
  return mean + deviation / layer;
}

/** Places of the cosines that are at least so high; a source without a destination has none. */
function above(best: Float32Array, threshold: number): number[] {
  return Array.from(best.keys()).filter((i) => best[i] >= threshold && best[i] > Number.NEGATIVE_INFINITY);
}

/** As many in each row: those of highest cosine. */
function alikeInAll(rows: readonly Float32Array[], layer: number): number[][] {
  const threshold = thresholdOf(rows, layer);
  const fewest = Math.min(...rows.map((best) => above(best, threshold).length));
  return rows.map((best) => Array.from(best.keys()).sort(byScore(best)).slice(0, fewest));
}
