// What criteria say, told apart from what a sieve does with it.
import assert from 'node:assert/strict';
import { budgets, type Criterion, createSieve, type SieveInputs, strategies, type Tensor } from 'tokensieve';
import { scoresOf } from './reductions.js';

/** The scores that a criterion gives the tokens of some inputs. */
export function ask(criterion: Criterion, inputs: SieveInputs): Tensor<'float32'> {
  const sieve = createSieve({ criterion, budget: budgets.keep(1), strategy: strategies.prune() });
  const { scores } = sieve.reduceSync(inputs);
  assert.ok(scores);
  return scores;
}

/** A criterion that says what it is told. */
export function given(rows: number[][]): Criterion {
  return () => scoresOf(rows);
}
