// The keep ratio from which reducing tokens pays within one transformer block, every cost measured here and now: the
// block on all tokens and on fewer, deciding which ones, and moving them.
import { setNumThreads } from 'tokensieve';
import { quickMedian } from '../measure.js';
import { type BlockShape, type Method, methods, prepareBlock } from './block.js';
import { breakEvenKeep, type Cost, growingCost, linearCost } from './solve.js';

/** One way of reducing N tokens. */
export interface BreakEvenPoint {
  readonly N: number;
  /** Scoring or matching. */
  readonly deciding: number;
  /** Selecting and gathering, or merging, into n tokens. */
  readonly moving: readonly Cost[];
  /** Absent where no keep ratio pays. */
  readonly keep?: number;
}

export interface BreakEvenResult {
  readonly shape: BlockShape;
  /** Milliseconds of a block of n tokens. */
  readonly block: readonly Cost[];
  readonly methods: readonly { readonly name: string; readonly points: readonly BreakEvenPoint[] }[];
}

/** Vision transformers of three sizes, and every N of them. */
export const blockShapes: readonly BlockShape[] = [
  { C: 384, D: 64 },
  { C: 768, D: 64 },
  { C: 1024, D: 64 },
];
const sizes = [64, 128, 256, 512, 1024, 2048, 4096];
// Two a doubling
const blockSizes = [
  8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
];

export const breakEvenName = ({ C, D }: BlockShape): string => `break-even ${C} channels, heads of ${D}`;

export function measureBreakEven(shape: BlockShape): BreakEvenResult {
  setNumThreads(1);
  const block = blockSizes.map((n) => ({ n, milliseconds: quickMedian(prepareBlock(n, shape)) }));
  const blockCost = growingCost(block);
  return {
    shape,
    block,
    methods: methods.map((method) => ({
      name: method.name,
      points: sizes.map((N) => measurePoint(method, N, shape, blockCost)),
    })),
  };
}

function measurePoint(
  method: Method,
  N: number,
  shape: BlockShape,
  block: (n: number) => number,
): BreakEvenPoint {
  const { calls, without } = method.deciding(N, shape);
  const deciding = Math.max(0, quickMedian(calls) - (without === undefined ? 0 : quickMedian(without)));
  const moving = [1 / 2, 3 / 4, 15 / 16].map((keep) => ({
    n: N * keep,
    milliseconds: quickMedian(method.moving(N, N * keep, shape)),
  }));
  const movingCost = linearCost(moving);
  const keep = breakEvenKeep(N, block, (n) => deciding + Math.max(0, movingCost(n)), method.leastKeep);
  return { N, deciding, moving, ...(keep === undefined ? {} : { keep }) };
}
