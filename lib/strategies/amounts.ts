// What a budget may say to a strategy.
import { countsOf } from '../budgets/budget.js';
import { typeError } from '../errors.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Decision } from './strategy.js';

/** The tokens of a strategy that is not told how many stay. `reader` is who an error says decides that. */
export function unbudgeted({ tokens, amount }: Decision, reader: string): Tokens {
  if (amount !== undefined) throw typeError('budget', `left out: ${reader} decides how many stay`, amount);
  return tokens;
}

/** How many tokens of each row stay, where a strategy goes by numbers alone; undefined without a budget. */
export function countsAsked({ tokens, amount }: Decision, reader: string): number[] | undefined {
  if (amount === undefined) return undefined;
  if ('rule' in amount)
    throw typeError('budget', `a number of tokens, since ${reader} has no use for a rule`, amount.rule);
  return countsOf(tokens.rows, amount);
}
