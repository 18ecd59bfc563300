import { needLayer } from '../budgets/schedule.js';
import { rangeError, typeError } from '../errors.js';
import { toFloat32 } from '../float-numbers.js';
import type { Halting } from '../halting.js';
import { moveTokens, type Reduction } from '../move-tokens.js';
import { readInteger, readOptions } from '../options.js';
import { readInputs } from '../read-inputs.js';
import { type Sieve, sieveOf } from '../sieve.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import { haltTokens, handOn } from '../strategies/halt.js';
import { type Tensor, zeros } from '../tensor.js';
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
 * Behind each block a token's halting score is `h = sigmoid(gateScale * x[0] - gateCenter)` of its first channel.
 * When its scores add up to more than `1 - epsilon` it halts and leaves; its output is the sum over its layers of
 * `h * x`, the last one weighted by the remainder, 1 less the scores before it. Hand `hidden`, `mask`, `positions`
 * and `halting` on to the next layer, whose attention then is over the tokens left alone: the authors' code masks
 * them and computes them all. After the last layer `halting.output` is `[B,N,C]` over all tokens, and
 * `halting.ponder` the cost of each: the layers it took, plus the remainder. `scores` are what is left of 1.
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
  if (layers !== undefined) readInteger('options.layers', layers, 1);
  const { positions } = readMethodOptions(options);

  return sieveOf(function* (inputs) {
    const tokens = readInputs(inputs, { first: 1 });
    const isLast = layers !== undefined && needLayer(tokens.layer, 'options.layers') >= layers - 1;
    const first = yield* firstChannel(tokens);
    const scoreOf = (place: number) =>
      isLast ? 1 : 1 / (1 + Math.exp(gateCenter - gateScale * first[place]));
    const halted = haltTokens(tokens, scoreOf, epsilon);
    const left = yield* moveTokens(tokens, { map: halted.map }, halted.remaining, positions);
    const halting = yield* handOn(tokens, halted);
    return { ...left, halting, weights: halted.weights };
  });
}

function* firstChannel({ hidden }: Tokens): Steps<Float32Array> {
  const channel = zeros('int32', [1]);
  return toFloat32(yield* step.gatherChannels(hidden, channel, {}));
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
