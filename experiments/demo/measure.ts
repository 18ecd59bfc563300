import { attendFirst, finish, type Reduced, type UseLite } from '../runner/use-lite.js';
import type { Example } from './data.js';
import type { Method } from './methods.js';

/** One pass over the texts with one method, keep ratio and seed. */
export interface Run {
  readonly method: Method;
  readonly keep: number;
  readonly seed: number;
}

export interface Measured extends Run {
  /** [texts, width], each of unit length. */
  readonly embeddings: Float32Array;
  /** Tokens of each text after the reduction. */
  readonly tokens: Int32Array;
  /** Milliseconds for all texts: in the reduction, and in the whole model with it. */
  readonly reducing: number;
  readonly total: number;
}

/** Tokens that a batch holds at most: enough rows for the matrix products, little enough for the caches. */
const batchTokens = 1024;

/**
 * Embeds the texts with every run. A batch holds texts of one length, so nothing is padded and every text
 * comes out as it would alone.
 *
 * The work before the reduction is the same in all runs and is done once a batch; its time counts in the
 * total of each. The runs take turns within a batch, in rotating order, so that a machine that slows down or
 * has its caches warm favours none.
 */
export function measure(
  model: UseLite,
  examples: readonly Example[],
  runs: readonly Run[],
  progress: (done: number) => void,
): Measured[] {
  const width = model.head.weight.dims[1];
  const results = runs.map((run) => ({
    ...run,
    embeddings: new Float32Array(examples.length * width),
    tokens: new Int32Array(examples.length),
    reducing: 0,
    total: 0,
  }));
  const batches = batchesOfOneLength(examples);
  warmUp(model, examples, batches[0], runs);

  let done = 0;
  for (const [turn, batch] of batches.entries()) {
    const tokens = batch.map((i) => examples[i].tokens);
    const began = performance.now();
    const state = attendFirst(model, tokens);
    const shared = performance.now() - began;
    for (let i = 0; i < runs.length; i++) {
      const result = results[(i + turn) % runs.length];
      const start = performance.now();
      const reduced: Reduced = result.method.reduce(state, result.keep, seedOf(result.seed, turn));
      const between = performance.now();
      const { data } = finish(model, reduced);
      const end = performance.now();
      result.reducing += between - start;
      result.total += shared + end - start;
      batch.forEach((text, row) => {
        result.tokens[text] = reduced.hidden.dims[1];
        result.embeddings.set(data.subarray(row * width, (row + 1) * width), text * width);
      });
    }
    done += batch.length;
    progress(done);
  }
  return results;
}

/** A seed for each batch of each run. */
function seedOf(seed: number, turn: number): number {
  return seed * 65536 + turn;
}

/** Indices of texts, those of one length together. */
function batchesOfOneLength(examples: readonly Example[]): number[][] {
  const byLength = new Map<number, number[]>();
  examples.forEach(({ tokens }, i) => {
    const alike = byLength.get(tokens.ids.length);
    if (alike) alike.push(i);
    else byLength.set(tokens.ids.length, [i]);
  });
  return [...byLength].flatMap(([length, indices]) => {
    const size = Math.max(1, Math.floor(batchTokens / length));
    const count = Math.ceil(indices.length / size);
    return Array.from({ length: count }, (_, i) => indices.slice(i * size, (i + 1) * size));
  });
}

/** Once through everything, so that no run pays for compilation and first touches. */
function warmUp(
  model: UseLite,
  examples: readonly Example[],
  batch: readonly number[],
  runs: readonly Run[],
): void {
  const state = attendFirst(
    model,
    batch.map((i) => examples[i].tokens),
  );
  for (const { method, keep, seed } of runs) finish(model, method.reduce(state, keep, seed));
}
