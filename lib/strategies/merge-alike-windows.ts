// Windows of a picture that become one token each: the local stage of ALGM, and what sharing patches takes of it.
import { gridOf } from '../grid.js';
import { byScore } from '../ranking.js';
import { type Segments, windowsOf } from '../segments.js';
import type { Tokens } from '../sieve-inputs.js';
import { centredMap, clusteredMap, ownPlaces } from './maps.js';
import { raggedOf } from './nearest.js';
import { requiredScores } from './select.js';
import type { Plan, Strategy } from './strategy.js';

/** What {@link mergeAlikeWindows} goes by. */
export interface AlikeWindows {
  /** The score from which on a window merges. */
  readonly threshold: number;
  /** `[wy,wx]` */
  readonly window: readonly [number, number];
  readonly grid: readonly number[] | undefined;
  /**
   * Merges as many in every row as in the row that has fewest, and lists them by score, each where its last token is.
   */
  readonly isEven: boolean;
}

/** Merges the windows of more than one token that score high enough; the tokens of a window have one score. */
export function mergeAlikeWindows({ threshold, window, grid, isEven }: AlikeWindows): Strategy {
  return (decision) => {
    const { tokens } = decision;
    const { data } = requiredScores(decision);
    const windows = windowsOf(tokens, gridOf(tokens, grid, 2, 'algm'), window);
    const { offsets, places } = windows;
    const scores = Array.from(windows.rows, (_, i) => data[places[offsets[i]]]);
    const isAlike = (i: number) => offsets[i + 1] - offsets[i] > 1 && scores[i] >= threshold;
    const merged = tokens.rows.map((_, row) => segmentsIn(windows, row).filter(isAlike));
    return isEven
      ? mergeEvenly(tokens, windows, scores, merged)
      : { map: clusteredMap(tokens, mergedSegments(tokens, windows, merged.flat(), 'first')) };
  };
}

function mergeEvenly(
  tokens: Tokens,
  windows: Segments,
  scores: readonly number[],
  merged: readonly number[][],
): Plan {
  const { length, mask } = tokens;
  const fewest = Math.min(...merged.map((own) => own.length));
  const chosen = merged.map((own) => own.sort(byScore(scores)).slice(0, fewest));
  const into = mergedSegments(tokens, windows, chosen.flat(), 'last');
  const centres = chosen.map((own, row) => {
    const stays = Array.from({ length }, (_, i) => i).filter((i) => into[row * length + i] === i);
    const isKept = (i: number) => mask?.[row * length + i] === 1;
    const last = own.map((i) => windows.places[windows.offsets[i + 1] - 1] % length);
    return [...stays.filter(isKept), ...last, ...stays.filter((i) => !isKept(i) && !last.includes(i))];
  });
  return centredMap(tokens, raggedOf(centres), into);
}

/** The segments of a row, by their place among all. */
export function segmentsIn({ rows }: Segments, row: number): number[] {
  const own: number[] = [];
  for (let segment = rows.indexOf(row); segment !== -1 && rows[segment] === row; segment++) own.push(segment);
  return own;
}

/**
 * `[B * N]`: where tokens go when chosen segments become one token each, at their first or last; -1 for a dropped
 * one.
 */
export function mergedSegments(
  tokens: Tokens,
  { offsets, places }: Segments,
  chosen: readonly number[],
  which: 'first' | 'last',
): Int32Array {
  const into = ownPlaces(tokens);
  for (const segment of chosen) {
    const own = places.subarray(offsets[segment], offsets[segment + 1]);
    const leader = own[which === 'first' ? 0 : own.length - 1] % tokens.length;
    for (const place of own) into[place] = leader;
  }
  return into;
}
