import type { RowTokens } from '../sieve-inputs.js';

/**
 * How many tokens stay: a number for each row, brought to what the row can give: at least 1, at least its kept tokens, at most its tokens.
 */
export interface Amount {
  readonly count: (row: RowTokens) => number;
}

/** The amount at a layer; undefined where nothing is to be removed there. */
export type Budget = (layer: number | undefined) => Amount | undefined;

/** The tokens of each row that stay. */
export function countsOf(rows: readonly RowTokens[], { count }: Amount): number[] {
  return rows.map((row) => Math.min(row.tokens, Math.max(1, row.kept, count(row))));
}
