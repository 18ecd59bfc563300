// Pruning by an operation that chooses tokens one after another, each in view of those before it.
import { typeError } from '../errors.js';
import type { Ragged } from '../ragged.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import { type FloatTensor, type Tensor, viewArray } from '../tensor.js';
import { countsAsked } from './amounts.js';
import { prunedMap } from './maps.js';
import type { KeptOrder } from './select.js';
import type { Decision, Plan } from './strategy.js';

/** Rows of tokens that keep the same number, as an operation takes them. */
export interface ChoiceRows {
  /** `[rows,N,D]` */
  readonly features: FloatTensor;
  /** `[rows,N]`; undefined without scores. */
  readonly scores: Tensor<'float32'> | undefined;
  readonly options: { readonly count: number; readonly mask?: Uint8Array };
}

/**
 * Keeps what `choose` chooses: one call where all rows keep the same number, else one a row. In the order of choice
 * where that is asked for. `reader` is who an error says needs a number.
 */
export function* keepChosen(
  decision: Decision,
  features: FloatTensor,
  order: KeptOrder,
  reader: string,
  choose: (rows: ChoiceRows) => Steps<Tensor<'int32'>>,
): Steps<Plan> {
  const { tokens, scores } = decision;
  const counts = countsAsked(decision, reader);
  if (counts === undefined) throw typeError('budget', `a budget, which ${reader} goes by`, counts);
  const { indices, offsets } = yield* chosenTokens(tokens, features, scores, counts, choose);
  for (let row = 0; row < tokens.batch && order === 'index'; row++)
    indices.data.subarray(offsets[row], offsets[row + 1]).sort();
  return { map: prunedMap(tokens, indices.data, offsets) };
}

/** What `choose` chooses, so many tokens of each row, in the order of choice. */
export function* chosenTokens(
  tokens: Tokens,
  features: FloatTensor,
  scores: Tensor<'float32'> | undefined,
  counts: readonly number[],
  choose: (rows: ChoiceRows) => Steps<Tensor<'int32'>>,
): Steps<Ragged> {
  const offsets = new Int32Array(counts.length + 1);
  counts.forEach((count, row) => {
    offsets[row + 1] = offsets[row] + count;
  });
  const data = new Int32Array(offsets[counts.length]);
  const height = counts.every((count) => count === counts[0]) ? tokens.batch : 1;
  for (let row = 0; row < tokens.batch; row += height) {
    if (counts[row] === 0) continue;
    const chosen = yield* choose(cut(tokens, features, scores, row, height, counts[row]));
    data.set(chosen.data, offsets[row]);
  }
  return { indices: { type: 'int32', data, dims: [data.length] }, offsets };
}

/** So many rows from one on. */
function cut(
  { length, mask }: Tokens,
  features: FloatTensor,
  scores: Tensor<'float32'> | undefined,
  row: number,
  height: number,
  count: number,
): ChoiceRows {
  const channels = features.dims[2];
  const [start, end] = [row * length, (row + height) * length];
  const data = viewArray('features', features.data, start * channels, end * channels);
  return {
    features: { ...features, data, dims: [height, length, channels] },
    scores: scores && { ...scores, data: scores.data.subarray(start, end), dims: [height, length] },
    options: { count, ...(mask && { mask: mask.subarray(start, end) }) },
  };
}
