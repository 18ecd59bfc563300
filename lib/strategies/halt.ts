// Adaptive halting: tokens leave a layer when what they were given there and before adds up to 1.
import type { Halting } from '../halting.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { type Tensor, zeros } from '../tensor.js';
import type { TokenMap } from '../token-map.js';
import { identityMap, prunedMap } from './maps.js';
import { raggedOf } from './nearest.js';

/** What a layer decides of its tokens; all `[B,N]`. */
export interface Halted {
  readonly map: TokenMap;
  readonly weights: Tensor<'float32'>;
  readonly cumulative: Float32Array;
  readonly remaining: Tensor<'float32'>;
  /** What the layer adds to the ponder cost. */
  readonly cost: Float32Array;
}

/**
 * Halts each token whose scores add up to more than `1 - epsilon`; it leaves, if it is not protected.
 *
 * @param scoreOf the halting score that this layer gives a token, by its place in `[B * N]`
 */
export function haltTokens(tokens: Tokens, scoreOf: (place: number) => number, epsilon: number): Halted {
  const { batch, length, mask, halting } = tokens;
  const weights = zeros('float32', [batch, length]);
  const remaining = zeros('float32', [batch, length]);
  const cumulative = new Float32Array(batch * length);
  const cost = new Float32Array(batch * length);
  const rows: number[][] = Array.from({ length: batch }, () => []);
  for (let place = 0; place < batch * length; place++) {
    if (mask?.[place] === 2) continue;
    const before = halting?.cumulative.data[place] ?? 0;
    const sum = before + scoreOf(place);
    const halts = sum > 1 - epsilon;
    weights.data[place] = halts ? 1 - before : sum - before;
    cumulative[place] = halts ? 1 : sum;
    remaining.data[place] = 1 - cumulative[place];
    if (before < 1) cost[place] = halts ? 2 - before : 1;
    if (!halts || mask?.[place] === 1) rows[Math.floor(place / length)].push(place % length);
  }
  const { indices, offsets } = raggedOf(rows);
  return { map: prunedMap(tokens, indices.data, offsets), weights, cumulative, remaining, cost };
}

/** What tokens have come to with this layer, for the next. */
export function* handOn(tokens: Tokens, { map, weights, cumulative, cost }: Halted): Steps<Halting> {
  const { batch, length, hidden } = tokens;
  const before = tokens.halting?.map ?? identityMap({ batch, length, mask: undefined });
  const N = before.inputLength;
  const ofAll = (values: Float32Array) => valuesOfAll(before, values, length);
  const output = yield* step.restoreTokens(hidden, before, {
    weights: { type: 'float32', data: ofAll(weights.data), dims: [batch, N] },
    ...(tokens.halting && { residual: tokens.halting.output }),
  });
  const M = map.outputLengths.reduce((most, tokens) => Math.max(most, tokens), 0);
  const left = zeros('float32', [batch, M]);
  for (let row = 0, at = 0; row < batch; row++)
    for (let i = 0; i < map.outputLengths[row]; i++)
      left.data[row * M + i] = cumulative[row * length + map.members[at++]];
  const spent = ofAll(cost);
  const already = tokens.halting?.ponder.data;
  for (let i = 0; already && i < spent.length; i++) spent[i] += already[i];
  return {
    map: tokens.halting ? before.compose(map) : map,
    cumulative: left,
    output,
    ponder: { type: 'float32', data: spent, dims: [batch, N] },
  };
}

/** `[B * N]`: for each token there ever was the value of where it is now; 0 for one that has left. */
function valuesOfAll(
  { assignment, inputLength: N }: TokenMap,
  values: Float32Array,
  length: number,
): Float32Array {
  const all = new Float32Array(assignment.length);
  for (let start = 0, row = 0; start < all.length; start += N, row++)
    for (let i = start; i < start + N; i++)
      if (assignment[i] !== -1) all[i] = values[row * length + assignment[i]];
  return all;
}
