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
  const ofAll = (values: Float32Array) =>
    Float32Array.from(before.assignment, (slot, i) =>
      slot === -1 ? 0 : values[Math.floor(i / N) * length + slot],
    );
  const output = yield* step.restoreTokens(hidden, before, {
    weights: { type: 'float32', data: ofAll(weights.data), dims: [batch, N] },
    ...(tokens.halting && { residual: tokens.halting.output }),
  });
  const M = map.outputLengths.reduce((most, tokens) => Math.max(most, tokens), 0);
  const left = zeros('float32', [batch, M]);
  for (let row = 0, at = 0; row < batch; row++)
    for (let i = 0; i < map.outputLengths[row]; i++)
      left.data[row * M + i] = cumulative[row * length + map.members[at++]];
  const spent = ofAll(cost).map((value, i) => value + (tokens.halting?.ponder.data[i] ?? 0));
  return {
    map: before.compose(map),
    cumulative: left,
    output,
    ponder: { type: 'float32', data: spent, dims: [batch, N] },
  };
}
