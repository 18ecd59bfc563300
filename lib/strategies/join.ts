import type { MergeReduce } from '../ops/merge-tokens.js';
import { readWord } from '../options.js';
import type { Tokens } from '../sieve-inputs.js';
import type { Plan } from './strategy.js';

/** The `reduce` among a strategy's options: how members are joined, a mean being weighted by token sizes. */
export function readJoin(reduce: MergeReduce): (tokens: Tokens) => NonNullable<Plan['merge']> {
  readWord('options.reduce', reduce, ['mean', 'sum', 'max', 'norm']);
  const isMean = reduce === 'mean' || reduce === 'norm';
  return ({ sizes }) => ({ reduce, ...(isMean && sizes && { weights: sizes }) });
}
