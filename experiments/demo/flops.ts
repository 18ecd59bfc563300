import type { Block } from '../runner/transformer-block.js';
import type { UseLite } from '../runner/use-lite.js';

/**
 * Floating point operations of a block's matrix products, a multiply-add being two: projections,
 * query-key and attention-value products on `attended` tokens, the feed-forward part on `fed` tokens.
 */
export function blockFlops(block: Block, attended: number, fed: number): number {
  const perToken = [block.query, block.key, block.value, block.output, block.residual];
  const projections = perToken.reduce((sum, layer) => sum + (layer ? linearFlops(layer.weight.dims) : 0), 0);
  const keyChannels = block.key.weight.dims[1];
  const valueChannels = block.value.weight.dims[1];
  const attention = 2 * attended * attended * (keyChannels + valueChannels);
  const feedForward = linearFlops(block.expand.weight.dims) + linearFlops(block.contract.weight.dims);
  return attended * projections + attention + fed * feedForward;
}

/** The whole model on a text of `before` tokens, of which `after` are left past the first attention. */
export function modelFlops(
  { blocks: [first, second], head }: UseLite,
  before: number,
  after: number,
): number {
  return blockFlops(first, before, after) + blockFlops(second, after, after) + linearFlops(head.weight.dims);
}

function linearFlops([from, to]: readonly number[]): number {
  return 2 * from * to;
}
