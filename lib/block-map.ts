import { rangeError } from './errors.js';
import type { Concatenation } from './strategies/strategy.js';
import { zeros } from './tensor.js';
import { adoptTokenMap, type TokenMap } from './token-map.js';
import { withoutOnes } from './token-map-fields.js';

const maxInt32 = 0x7fffffff;

/**
 * The map of tokens that lie side by side: a slot for each block of each slot. A block that no token fills holds the
 * slot's first, with weight 0.
 *
 * @throws RangeError `ERR_TOKENSIEVE_RANGE` for a block that there is not, or that two tokens would fill, and for more
 * blocks than a map can count; TokenSieveError `ERR_TOKENSIEVE_MEMORY`
 */
export function blockMap(map: TokenMap, { width, blockOf }: Concatenation): TokenMap {
  const slots = map.offsets.length - 1;
  const most = Math.floor(maxInt32 / Math.max(1, slots));
  if (!Number.isInteger(width) || width < 1 || width > most)
    throw rangeError('concatenate.width', `an integer from 1 to ${most}`, width);
  const { data: members } = zeros('int32', [slots * width]);
  const { data: weights } = zeros('float32', [slots * width]);
  const { data: offsets } = zeros('int32', [slots * width + 1]);
  for (let block = 0; block < offsets.length; block++) offsets[block] = block;
  const assignment = new Int32Array(map.assignment.length).fill(-1);
  for (let row = 0, slot = 0; row < map.outputLengths.length; row++) {
    const firstSlot = slot;
    for (const end = slot + map.outputLengths[row]; slot < end; slot++) {
      members.fill(map.members[map.offsets[slot]], slot * width, (slot + 1) * width);
      for (let m = map.offsets[slot]; m < map.offsets[slot + 1]; m++) {
        const token = row * map.inputLength + map.members[m];
        const block = slot * width + readBlock(blockOf, token, width);
        if (weights[block] === 1)
          throw rangeError(`concatenate.blockOf[${token}]`, 'a block that is still free', blockOf[token]);
        members[block] = map.members[m];
        weights[block] = 1;
        assignment[token] = block - firstSlot * width;
      }
    }
  }
  return adoptTokenMap({
    rowDims: map.rowDims,
    inputLength: map.inputLength,
    outputLengths: map.outputLengths.map((length) => length * width),
    offsets,
    members,
    weights: withoutOnes(weights),
    assignment,
    isPartition: weights.every((weight) => weight === 1),
  });
}

function readBlock(blockOf: Int32Array, token: number, width: number): number {
  const block = blockOf[token];
  if (Number.isInteger(block) && block >= 0 && block < width) return block;
  throw rangeError(`concatenate.blockOf[${token}]`, `an integer from 0 to ${width - 1}`, block);
}
