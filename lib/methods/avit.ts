import { needLayer } from '../budgets/schedule.js';
import { rangeError, typeError } from '../errors.js';
import { toFloat32 } from '../float-numbers.js';
import type { Halting } from '../halting.js';
import { moveTokens, type Reduction } from '../move-tokens.js';
import { readOptions } from '../options.js';
import { type Sieve, sieveOf } from '../sieve.js';
import { readInputs, type Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { identityMap, prunedMap } from '../strategies/maps.js';
import { raggedOf } from '../strategies/nearest.js';
import { type Tensor, zeros } from '../tensor.js';
import type { TokenMap } from '../token-map.js';
import { type Method, type MethodOptions, readMethodOptions } from './method.js';

/** Options of {@link avit}. */
export interface AvitOptions extends MethodOptions {
  /** What the gate subtracts: 30 for the authors' tiny model, 75 for the small one. */
  readonly gateCenter: number;
  /** What the gate multiplies the first channel by; 10 by default. */
  readonly gateScale?: number;
  /** A token halts when its halting scores add up to more than 1 less this; 0.01 by default. */
  readonly epsilon?: number;
  /** How many layers there are: every token halts in the last, by `inputs.layer`. Without it none has to. */
  readonly layers?: number;
}

/** What {@link avit} leaves. */
export interface AvitReduction extends Reduction {
  /** For the next layer, as `inputs.halting`; behind the last, `output` and `ponder` are what the method gives. */
  readonly halting: Halting;
  /** float32 `[B,N]`: what each token's state counts for in the output: its halting score, or what remained of 1. */
  readonly weights: Tensor<'float32'>;
}

/**
 * A-ViT: Yin et al., "A-ViT: Adaptive Tokens for Efficient Vision Transformer", CVPR 2022, arXiv 2112.07658.
 *
 * Behind each block a token's halting score is `h = sigmoid(gateScale * x[0] - gateCenter)` of its first channel. When
 * its scores add up to more than `1 - epsilon` it halts and leaves; its output is the sum over its layers of `h * x`, the
 * last one weighted by the remainder, 1 less the scores before it. Hand `hidden`, `mask`, `positions` and `halting` on to
 * the next layer, whose attention then is over the tokens left alone: the authors' code masks them and computes them all.
 * After the last layer `halting.output` is `[B,N,C]` over all tokens, and `halting.ponder` the cost of each: the layers it
 * took, plus the remainder. `scores` are what is left of 1.
 *
 * The class token, the first of each row, and tokens masked 1 stay to the last; once they have halted they add nothing
 * more. A sum of exactly `1 - epsilon` goes on; in the authors' code, such a token is lost from the output.
 * `reference: 'authors'` changes nothing else.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function avit(options: AvitOptions): Sieve<AvitReduction> {
  const { gateCenter, gateScale = 10, epsilon = 0.01, layers } = readOptions(options);
  for (const [name, value] of Object.entries({ gateCenter, gateScale, epsilon })) {
    if (typeof value !== 'number') throw typeError(`options.${name}`, 'a number', value);
    if (!Number.isFinite(value)) throw rangeError(`options.${name}`, 'a finite number', value);
  }
  if (!(epsilon >= 0 && epsilon < 1))
    throw rangeError('options.epsilon', 'a number from 0, below 1', epsilon);
  if (layers !== undefined && typeof layers !== 'number')
    throw typeError('options.layers', 'an integer', layers);
  if (layers !== undefined && !(Number.isSafeInteger(layers) && layers >= 1))
    throw rangeError('options.layers', 'an integer from 1', layers);
  const { positions } = readMethodOptions(options);

  return sieveOf(function* (inputs) {
    const tokens = readInputs(inputs, { first: 1 });
    const isLast = layers !== undefined && needLayer(tokens.layer, 'options.layers') >= layers - 1;
    const first = yield* firstChannel(tokens);
    const scoreOf = (place: number) =>
      isLast ? 1 : 1 / (1 + Math.exp(gateCenter - gateScale * first[place]));
    const halted = halt(tokens, scoreOf, epsilon);
    const left = yield* moveTokens(tokens, { map: halted.map }, halted.remaining, positions);
    const halting = yield* handedOn(tokens, halted);
    return { ...left, halting, weights: halted.weights };
  });
}

function* firstChannel({ hidden }: Tokens): Steps<Float32Array> {
  const channel = zeros('int32', [1]);
  return toFloat32(yield* step.gatherChannels(hidden, channel, {}));
}

/** What a layer decides of its tokens; all `[B,N]`. */
interface Halted {
  readonly map: TokenMap;
  readonly weights: Tensor<'float32'>;
  readonly cumulative: Float32Array;
  readonly remaining: Tensor<'float32'>;
  /** What the layer adds to the ponder cost. */
  readonly cost: Float32Array;
}

function halt(tokens: Tokens, scoreOf: (place: number) => number, epsilon: number): Halted {
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

/** Adds the layer to what tokens had come to before it. */
function* handedOn(tokens: Tokens, { map, weights, cumulative, cost }: Halted): Steps<Halting> {
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

export const method: Method<AvitOptions> = {
  name: 'avit',
  group: 'vision transformers',
  title: 'A-ViT: Adaptive Tokens for Efficient Vision Transformer',
  authors: 'Yin et al.',
  year: 2022,
  arxiv: '2112.07658',
  licence: 'NVIDIA Source Code License (1-Way Commercial): written from the paper',
  summary: 'lets each token leave when its halting scores add up to 1',
  over: 'image',
  classToken: true,
  needs: [],
  trainingFree: false,
  defaults: { gateCenter: 0 },
  order: 'place',
  tokensLeft: () => undefined,
  create: avit,
};
