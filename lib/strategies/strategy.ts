import type { Amount } from '../budgets/budget.js';
import type { MergeTokensOptions } from '../ops/merge-tokens.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { Tensor } from '../tensor.js';
import type { TokenMap } from '../token-map.js';

/** What a strategy decides by. */
export interface Decision {
  readonly tokens: Tokens;
  /** `[B,N]`; undefined where there is neither a criterion nor `inputs.scores`. */
  readonly scores: Tensor<'float32'> | undefined;
  /** Undefined for a sieve without a budget. */
  readonly amount: Amount | undefined;
}

/** Who goes where, and how members are joined where a slot has several. */
export interface Plan {
  readonly map: TokenMap;
  /** How `mergeTokens` joins members; by default the mean, weighted by token sizes. */
  readonly merge?: Pick<MergeTokensOptions, 'reduce' | 'weights'>;
}

/** P of `X' = P(X, E(X))`: turns scores and an amount into a map. It moves no data itself. */
export type Strategy = (decision: Decision) => Steps<Plan>;
