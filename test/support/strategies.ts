// Strategies put to work on known scores.
import { budgets, createSieve, type Reduction, type SieveInputs, type Strategy } from 'tokensieve';
import { randomInputs, scoresOf } from './reductions.js';

/** Tokens whose importance is known. */
export function scored(rows: number[][], rest: Omit<SieveInputs, 'hidden'> = {}): SieveInputs {
  const [batch, length] = [rows.length, rows[0].length];
  return { hidden: randomInputs({ batch, length, channels: 3 }).hidden, scores: scoresOf(rows), ...rest };
}

/** What a strategy leaves where `count` tokens are to stay, or as many as it likes. */
export function reduce(inputs: SieveInputs, strategy: Strategy, count?: number): Reduction {
  const budget = count === undefined ? undefined : budgets.count(count);
  return createSieve({ strategy, budget }).reduceSync(inputs);
}
