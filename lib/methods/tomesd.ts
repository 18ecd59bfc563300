import { countBudget } from '../budgets/count.js';
import type { Schedule } from '../budgets/schedule.js';
import { rangeError } from '../errors.js';
import { gridOf, readGridOption } from '../grid.js';
import { readInteger, readOptions } from '../options.js';
import { createSieve, type Sieve } from '../sieve.js';
import { bipartiteMerge } from '../strategies/bipartite-merge.js';
import { readList } from '../tensor.js';
import { type Method, type MethodOptions, readMethodOptions, tokensLeftBy } from './method.js';

/** Options of {@link tomesd}. */
export interface TomesdOptions extends MethodOptions {
  /** Fraction of the free tokens to remove, at most `1 - 1 / (stride[0] * stride[1])`; 0.5 in the paper. */
  readonly ratio: Schedule;
  /** `[h,w]`: how the free tokens lie, where the inputs do not say. */
  readonly grid?: readonly number[];
  /** `[sy,sx]`: blocks of one destination each; `[2,2]` by default. */
  readonly stride?: readonly number[];
  /** Draws the destination of each block, the same for all rows of a batch; without it, the first token. */
  readonly seed?: number;
}

/**
 * ToMeSD, token merging for diffusion models: Bolya and Hoffman, "Token Merging for Fast Stable Diffusion",
 * CVPR Workshops 2023, arXiv 2303.17604.
 *
 * In each block of the grid one token is a destination and the others are sources; tokens past the last whole block
 * are sources too. Tokens are compared by `hidden` (or `metric`), and the `floor(ratio * N)` sources most similar to
 * their destination merge into it as the mean. Reads grid.
 *
 * Apply it around each attention of a block on the normalised input: reduce, compute, `restoreTokens`, then add the
 * residual. Since all tokens are back after each, hand no sizes on. A model that has downsampled its latent of
 * `[H,W]` by d has a grid of `[ceil(H / d), ceil(W / d)]` there; the authors merge where d = 1 alone. A seed draws the
 * same destinations at every call: make a sieve for each step of the diffusion, each with a seed of its own.
 *
 * `reference: 'authors'` draws nothing for a batch of odd size, since guidance then has no pairs of rows, and lists
 * the sources that stay by falling similarity. Their draws are PyTorch's and differ from these.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE` or `ERR_TOKENSIEVE_SHAPE` naming the
 *   option
 */
export function tomesd(options: TomesdOptions): Sieve {
  const { ratio, grid, stride = [2, 2], seed } = readOptions(options);
  const { isAuthors, positions } = readMethodOptions(options);
  const sides = readGridOption(grid);
  const block = readStride(stride);
  checkSeed(seed);
  return createSieve({
    budget: budgetFor(ratio),
    strategy: (decision) => {
      const [height, width] = gridOf(decision.tokens, sides, 2, 'tomesd');
      const isDrawn = seed !== undefined && !(isAuthors && decision.tokens.batch % 2 === 1);
      const partition = { grid: [height, width], stride: block, ...(isDrawn && { seed }) } as const;
      return bipartiteMerge({ metric: 'hidden', partition, order: isAuthors ? 'authors' : 'index' })(
        decision,
      );
    },
    positions,
  });
}

const budgetFor = (ratio: Schedule) =>
  countBudget('options.ratio', 'ratio', ratio, { rounding: 'ceil', of: 'free' });

function readStride(value: unknown): readonly [number, number] {
  const sides = readList('options.stride', 'an array [sy,sx]', value, 2);
  if (sides.length !== 2) throw rangeError('options.stride', '[sy,sx]', value, 'ERR_TOKENSIEVE_SHAPE');
  sides.forEach((side, i) => {
    readInteger(`options.stride[${i}]`, side, 1);
  });
  return sides as [number, number];
}

function checkSeed(seed: unknown): void {
  if (seed !== undefined) readInteger('options.seed', seed, 0);
}

export const method: Method<TomesdOptions> = {
  name: 'tomesd',
  group: 'vision transformers',
  title: 'Token Merging for Fast Stable Diffusion',
  authors: 'Bolya and Hoffman',
  year: 2023,
  arxiv: '2303.17604',
  licence: 'MIT',
  summary: 'merges the tokens of each block of a picture into one drawn among them, and back',
  over: 'image',
  classToken: false,
  needs: ['grid'],
  trainingFree: true,
  defaults: { ratio: 0.5 },
  order: 'own',
  tokensLeft: ({ ratio, grid, stride = [2, 2] }, row) => {
    const sides = row.grid ?? grid;
    if (sides === undefined) return undefined;
    const destinations = sides.reduce((count, side, i) => count * Math.floor(side / stride[i]), 1);
    return destinations === 0
      ? row.tokens
      : Math.max(tokensLeftBy(budgetFor(ratio), row), row.kept + destinations);
  },
  create: tomesd,
};
