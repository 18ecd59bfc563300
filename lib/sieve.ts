import { type Budget, readAmount } from './budgets/budget.js';
import { type Criterion, scoresOf } from './criteria/criterion.js';
import { besideKept, type Distillation } from './distillation.js';
import { rangeError, typeError } from './errors.js';
import { moveTokens, type Reduction } from './move-tokens.js';
import { readOptions, readSignal } from './options.js';
import { type PositionRule, readPositionRule } from './positions.js';
import { readInputs } from './read-inputs.js';
import type { Protection, SieveInputs } from './sieve-inputs.js';
import { isSteps, runAsync, runSync, type Steps } from './steps.js';
import { identityMap } from './strategies/maps.js';
import {
  type DensePlan,
  type DenseStrategy,
  type Plan,
  readPlan,
  type Strategy,
} from './strategies/strategy.js';

/** The parts of a sieve. */
export interface SieveParts {
  /** E: scores tokens. May be left out where the strategy needs no scores, or the inputs bring them. */
  readonly criterion?: Criterion | undefined;
  /** How many tokens stay. May be left out where the strategy has a threshold of its own. */
  readonly budget?: Budget | undefined;
  /** P: who goes where. */
  readonly strategy: Strategy;
  /** Tokens that always stay, besides those the mask keeps. */
  readonly protect?: Protection | undefined;
  /** Where the tokens left stand; `'kept'` by default. */
  readonly positions?: PositionRule | undefined;
}

/** The parts of a sieve whose strategy is dense, such as `distil`. It alone says how many tokens there will be. */
export interface DenseSieveParts extends Pick<SieveParts, 'criterion' | 'protect'> {
  readonly budget?: undefined;
  readonly positions?: undefined;
  readonly strategy: DenseStrategy;
}

/** A method of token reduction, ready for data. `Left` is what it leaves. */
export interface Sieve<Left = Reduction> {
  /**
   * Reduces on the package's own threads. The inputs must be left alone until the promise settles.
   *
   * @param options.signal ends the reduction early: the promise is rejected with its reason
   */
  reduce(inputs: SieveInputs, options?: { readonly signal?: AbortSignal }): Promise<Left>;
  /** Reduces at once, on this thread and the package's own. */
  reduceSync(inputs: SieveInputs): Left;
  /** The reduction as the op calls it makes one after another: for what is put together from sieves. */
  steps(inputs: SieveInputs): Steps<Left>;
}

/**
 * Algorithm 1 of arXiv 2505.18227, `X' = P(X, E(X))`: a criterion scores the tokens, a budget says how many
 * stay, a strategy decides who goes where, and the data is moved accordingly.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` for a part that is no function
 */
export function createSieve(parts: DenseSieveParts): Sieve<Distillation>;
export function createSieve(parts: SieveParts): Sieve;
export function createSieve(parts: SieveParts | DenseSieveParts): Sieve<Reduction | Distillation> {
  const { criterion, budget, strategy, protect = {}, positions = 'kept' } = readOptions(parts);
  if (typeof strategy !== 'function') throw typeError('strategy', 'a strategy', strategy);
  if (criterion !== undefined && typeof criterion !== 'function')
    throw typeError('criterion', 'a criterion', criterion);
  if (budget !== undefined && typeof budget !== 'function') throw typeError('budget', 'a budget', budget);
  checkProtection(protect);
  readPositionRule(positions);

  function* reduction(inputs: SieveInputs): Steps<Reduction | Distillation> {
    const tokens = readInputs(inputs, protect);
    const amount = readAmount(budget?.(tokens.layer));
    if (budget !== undefined && amount === undefined)
      return yield* moveTokens(tokens, { map: identityMap(tokens) }, tokens.scores, positions);
    const scores = tokens.scores ?? (criterion && (yield* scoresOf(criterion, tokens)));
    const decided: Steps<Plan | DensePlan> | Plan | DensePlan = strategy({ tokens, scores, amount });
    const plan = readPlan(isSteps(decided) ? yield* decided : decided);
    return 'distilled' in plan
      ? yield* besideKept(tokens, plan, scores)
      : yield* moveTokens(tokens, plan, scores, positions);
  }

  return sieveOf(reduction);
}

/** The forms of a sieve, of one body. */
export function sieveOf<Left>(steps: (inputs: SieveInputs) => Steps<Left>): Sieve<Left> {
  return {
    reduce: async (inputs, options) => runAsync(steps(inputs), readSignal(readOptions(options))),
    reduceSync: (inputs) => runSync(steps(inputs)),
    steps,
  };
}

function checkProtection(protect: unknown): void {
  if (typeof protect !== 'object' || protect === null) throw typeError('protect', 'an object', protect);
  for (const [end, tokens] of Object.entries({ first: 0, last: 0, ...protect })) {
    if (tokens !== undefined && typeof tokens !== 'number')
      throw typeError(`protect.${end}`, 'an integer', tokens);
    if (tokens !== undefined && !(Number.isSafeInteger(tokens) && tokens >= 0))
      throw rangeError(`protect.${end}`, 'an integer from 0', tokens);
  }
}
