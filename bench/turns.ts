// Contenders take turns in one process, so that a change of clock, or of what else the machine does, falls on all of
// them alike. A slow one has fewer turns: what it may spend is bounded.
import { setTimeout as pause } from 'node:timers/promises';
import { quantile } from './measure.js';

/** What everyone plays who has time for it. */
export const rounds = 9;
const turnMilliseconds = 40;
// Thread pools spin on for a moment after a call: the next contender waits until they have stopped
const pauseMilliseconds = 10;
/** What a contender may spend on its turns, after the first of them. */
export const budgetMilliseconds = 3_000;

/** One who takes turns. */
export interface Contender {
  /** Calls it on the i-th inputs, and gives the milliseconds that took. */
  time(i: number): Promise<number>;
  /** How many calls that is, of which it gives the mean; one by default. */
  readonly calls?: number;
}

/** Milliseconds a call. */
export interface Timing {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly samples: number;
  /** Rounds that it took part in. */
  readonly rounds: number;
}

export interface ComparedTiming extends Timing {
  /** The median over its rounds of its median over the first contender's in that round. */
  readonly ratio: number;
}

/**
 * The first contender plays every round, the others while their budget lasts; `between` runs before each round.
 * Times of the first, and of each of the others held against it.
 */
export async function takeTurns(
  first: Contender,
  others: readonly Contender[],
  inputs: number,
  between: () => void,
): Promise<{ first: Timing; others: readonly ComparedTiming[] }> {
  const ours = new Player(first);
  const theirs = others.map((each) => new Player(each));
  for (let round = 0; round < rounds; round++) {
    between();
    await ours.takeTurn(inputs);
    for (const player of theirs.filter((each) => each.canAffordATurn())) await player.takeTurn(inputs);
  }
  return {
    first: ours.timing(),
    others: theirs.map((each) => ({ ...each.timing(), ratio: each.ratioTo(ours) })),
  };
}

class Player {
  readonly #contender: Contender;
  readonly #medians: number[] = [];
  readonly #samples: number[] = [];
  #spent = 0;

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  canAffordATurn(): boolean {
    const turns = this.#medians.length;
    return turns === 0 || this.#spent + this.#spent / turns <= budgetMilliseconds;
  }

  async takeTurn(inputs: number): Promise<void> {
    await pause(pauseMilliseconds);
    // Finds the caches as the others left them: counted only when it is the whole turn
    const { calls = 1 } = this.#contender;
    const first = await this.#contender.time(0);
    const turn: number[] = first * calls < turnMilliseconds ? [] : [first];
    let spent = turn.length * first * calls;
    for (let i = 1; spent < turnMilliseconds; i++) {
      const milliseconds = await this.#contender.time(i % inputs);
      turn.push(milliseconds);
      spent += milliseconds * calls;
    }
    turn.sort(ascending);
    this.#medians.push(quantile(turn, 0.5));
    this.#samples.push(...turn);
    this.#spent += spent;
  }

  ratioTo(other: Player): number {
    return quantile(
      this.#medians.map((median, round) => median / other.#medians[round]).sort(ascending),
      0.5,
    );
  }

  timing(): Timing {
    const samples = this.#samples.sort(ascending);
    const [p10, median, p90] = [0.1, 0.5, 0.9].map((p) => quantile(samples, p));
    return { median, p10, p90, samples: samples.length, rounds: this.#medians.length };
  }
}

const ascending = (a: number, b: number): number => a - b;
