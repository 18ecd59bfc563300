import { mergeTokensSync, type Tensor, type TokenMap, tome } from 'tokensieve';
import type { Attended, Block } from '../runner/transformer-block.js';

/** Tokens merged by several rounds of ToMe. */
export interface Merged {
  readonly hidden: Tensor<'float32'>;
  /** Absent where nothing had to merge. */
  readonly sizes?: Tensor<'float32'>;
  readonly map?: TokenMap;
}

/**
 * The part of the tokens that merge in one round. Half of them could at most, however little alike; a quarter
 * leaves a choice, and lets a token merge again in the next round.
 */
const mergedPerRound = 1 / 4;

/** Rounds of ToMe down to the part kept: sizes, keys and the map go along from each to the next. */
export function mergeInRounds({ hidden, k }: Attended, keep: number): Merged {
  const [batch, length, heads, channels] = k.dims;
  const target = Math.max(1, Math.floor(length * keep));
  let left: Merged = { hidden };
  let keys: Tensor<'float32'> = { ...k, dims: [batch, length, heads * channels] };
  for (let n = length; n > target; n = left.hidden.dims[1]) {
    const { sizes, map } = left;
    const round = tome({ r: merges(n, target) }).reduceSync({
      hidden: left.hidden,
      k: { ...keys, dims: [batch, n, heads, channels] },
      layout: 'bnhd',
      sizes,
    });
    keys = mergeTokensSync(keys, round.map, sizes && { weights: sizes }).tokens as Tensor<'float32'>;
    left = {
      hidden: round.hidden as Tensor<'float32'>,
      sizes: round.sizes,
      map: map ? map.compose(round.map) : round.map,
    };
  }
  return left;
}

/** Similarities between sources and destinations, in every round. */
export function mergeFlops({ key, heads }: Block, before: number, after: number): number {
  const channels = key.weight.dims[1] / heads;
  let flops = 0;
  for (let n = before; n > after; n -= merges(n, after))
    flops += 2 * Math.ceil(n / 2) * Math.floor(n / 2) * channels;
  return flops;
}

/** Tokens that merge in a round that leads from n towards the target. */
function merges(n: number, target: number): number {
  return Math.min(n - target, Math.ceil(n * mergedPerRound), Math.floor(n / 2));
}
