import { attendFirst, finish, type UseLite } from '../runner/use-lite.js';
import type { Example } from './data.js';
import type { Method } from './methods.js';

/** Medians over single texts of one length, in milliseconds. */
export interface Latency {
  readonly method: Method;
  readonly tokens: number;
  readonly milliseconds: number;
  readonly reducing: number;
  readonly speedup: number;
}

const warmUps = 3;
const rounds = 40;

/**
 * How long one text takes alone, by its length: with a batch of one, the fixed cost of each call weighs most.
 * The methods take turns on the same texts.
 *
 * @param texts at least as long as the greatest of the lengths that they are cut to
 * @param methods the first is what the others are compared with
 */
export function measureLatency(
  model: UseLite,
  texts: readonly Example[],
  lengths: readonly number[],
  methods: readonly Method[],
  keep: number,
): Latency[] {
  return lengths.flatMap((length) => {
    const times = methods.map(() => ({ total: [] as number[], reducing: [] as number[] }));
    for (let round = -warmUps; round < rounds; round++) {
      const { ids, positions } = texts[(round + warmUps) % texts.length].tokens;
      const text = { ids: ids.subarray(0, length), positions: positions.subarray(0, length) };
      methods.forEach((method, m) => {
        const began = performance.now();
        const state = attendFirst(model, [text]);
        const start = performance.now();
        const reduced = method.reduce(state, keep, round + warmUps);
        const reducedAt = performance.now();
        finish(model, reduced);
        const end = performance.now();
        if (round < 0) return;
        times[m].total.push(end - began);
        times[m].reducing.push(reducedAt - start);
      });
    }
    const medians = times.map(({ total, reducing }) => ({
      total: median(total),
      reducing: median(reducing),
    }));
    return methods.map((method, m) => ({
      method,
      tokens: length,
      milliseconds: medians[m].total,
      reducing: medians[m].reducing,
      speedup: medians[0].total / medians[m].total,
    }));
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
