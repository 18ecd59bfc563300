// Whose attention counts, where that differs from row to row.
import type { Tokens } from '../sieve-inputs.js';

/** Chosen queries as the attention ops take them: those that any row asks, and of each row those that count. */
export interface ChosenQueries {
  readonly queries: Int32Array;
  /** `[B * Nq]`: 2 for a query that does not count. */
  readonly queryMask: Uint8Array;
}

/** @param chosen `[B * Nq]`: 1 for a query that counts, else 0 */
export function chosenQueries(chosen: Uint8Array, batch: number): ChosenQueries {
  const length = batch === 0 ? 0 : chosen.length / batch;
  const isAsked = new Uint8Array(length);
  const queryMask = new Uint8Array(chosen.length).fill(2);
  let asked = 0;
  for (let place = chosen.indexOf(1); place !== -1; place = chosen.indexOf(1, place + 1)) {
    asked += 1 - isAsked[place % length];
    isAsked[place % length] = 1;
    queryMask[place] = 0;
  }
  const queries = new Int32Array(asked);
  for (let i = isAsked.indexOf(1), at = 0; i !== -1; i = isAsked.indexOf(1, i + 1)) queries[at++] = i;
  return { queries, queryMask };
}

/** The first or the last token of each row that is not dropped; without a mask where that is the same of all rows. */
export function endOfRows(
  { batch, length, mask }: Tokens,
  end: 'first' | 'last',
): Omit<ChosenQueries, 'queryMask'> & Partial<ChosenQueries> {
  const places = Array.from({ length: batch }, (_, row) =>
    mask === undefined
      ? end === 'first'
        ? 0
        : length - 1
      : endOf(mask.subarray(row * length, (row + 1) * length), end),
  );
  if (places.every((at) => at === places[0] && at !== -1))
    return { queries: Int32Array.from(places.slice(0, 1)) };
  const chosen = new Uint8Array(batch * length);
  places.forEach((at, row) => {
    if (at !== -1) chosen[row * length + at] = 1;
  });
  return chosenQueries(chosen, batch);
}

function endOf(mask: Uint8Array, end: 'first' | 'last'): number {
  const isPresent = (state: number) => state !== 2;
  return end === 'first' ? mask.findIndex(isPresent) : mask.findLastIndex(isPresent);
}

/**
 * The text that asks, in a prompt whose picture is the free tokens: of each row the kept tokens behind its last free
 * one; where there are none, all that are kept.
 */
export function textBehind({ batch, length, mask }: Tokens): Uint8Array {
  const text = new Uint8Array(batch * length);
  for (let row = 0; row < batch && mask; row++) {
    const own = mask.subarray(row * length, (row + 1) * length);
    const isKeptFrom = (from: number) => own.map((state, i) => Number(state === 1 && i >= from));
    const behind = isKeptFrom(own.lastIndexOf(0) + 1);
    text.set(behind.includes(1) ? behind : isKeptFrom(0), row * length);
  }
  return text;
}
