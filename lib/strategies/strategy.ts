import type { Amount } from '../budgets/budget.js';
import { typeError } from '../errors.js';
import type { MergeTokensOptions } from '../ops/merge-tokens.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Steps } from '../steps.js';
import type { FloatTensor, Tensor } from '../tensor.js';
import { isTokenMap, type TokenMap } from '../token-map.js';

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
  /** For each slot the token of its row that it stands for, where that need not be its lowest member. */
  readonly centres?: Int32Array;
  /** `[B * N]`: what each token adds to the size of its slot, where that is not its own size. */
  readonly sizes?: Float32Array;
  /** Lays members side by side instead, as channels of one token. */
  readonly concatenate?: Concatenation;
}

/** Which block of its slot each token fills; blocks that none fills are zeros. */
export interface Concatenation {
  /** Blocks of a slot: C channels become `width * C`. */
  readonly width: number;
  /** `[B * N]`: from 0 to width - 1, rising with the members of a slot. */
  readonly blockOf: Int32Array;
}

/** P of `X' = P(X, E(X))`: turns scores and an amount into a map. It moves no data itself. */
export type Strategy = (decision: Decision) => Steps<Plan> | Plan;

/** Checks what a strategy decides, which may be anyone's. */
export function readPlan<P extends Plan | DensePlan>(value: P): P {
  if (typeof value === 'object' && value !== null && ('distilled' in value || isTokenMap(value.map)))
    return value;
  throw typeError('strategy', 'a strategy, which gives { map } or { distilled }', value);
}

/** New tokens that are made of all: no map leads to them. */
export interface DensePlan {
  /** `[B,M,C']` */
  readonly distilled: FloatTensor;
}

/** P where it is dense: every token has a part in every one that it leaves. */
export type DenseStrategy = (decision: Decision) => Steps<DensePlan>;
