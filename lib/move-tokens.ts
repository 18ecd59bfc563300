import { blockMap } from './block-map.js';
import { type PositionRule, positionsLeft } from './positions.js';
import type { Tokens } from './sieve-inputs.js';
import { type Steps, step } from './steps.js';
import type { Plan } from './strategies/strategy.js';
import { type FloatTensor, type Tensor, zeros } from './tensor.js';
import type { TokenMap } from './token-map.js';

/** What a sieve leaves. Where a leading dim was left out of `hidden`, it is left out here too. */
export interface Reduction {
  /**
   * `[B,M,C]` of the input's type; M is the longest row, shorter ones end in zeros. Where members were laid side
   * by side, `[B,M,K*C]`.
   */
  readonly hidden: FloatTensor;
  /** How each token left is made of those before. */
  readonly map: TokenMap;
  /** float32 `[B,M]`: how many original tokens each stands for; 0 for padding. */
  readonly sizes: Tensor<'float32'>;
  /** `[B,M]`, or `[S,B,M]` for M-RoPE, int64 where the input's are: by the sieve's {@link PositionRule}. */
  readonly positions: Tensor<'int32' | 'int64'>;
  /** uint8 `[B,M]`, for the next reduction: 1 where the token is one that was kept, 2 for padding. */
  readonly mask: Tensor<'uint8'>;
  /** float32 `[B,N]`: the importance of each token before; absent where nothing was scored. */
  readonly scores?: Tensor<'float32'>;
  /** `[B]`: tokens of each row, where they differ. */
  readonly lengths?: Int32Array;
  /**
   * Where members were laid side by side: the map of each token to its block of channels, over hidden viewed as
   * `[B, M*K, C]`. Restoring that view by it gives every token back bit for bit.
   */
  readonly blocks?: TokenMap;
}

/** Carries a plan out: moves the tokens, and with them all that is known of each. */
export function* moveTokens(
  tokens: Tokens,
  { map, merge, centres, concatenate, sizes: sizesAdded }: Plan,
  scores: Tensor<'float32'> | undefined,
  positionRule: PositionRule,
): Steps<Reduction> {
  const { batch, mask, sizes } = tokens;
  const M = map.outputLengths.reduce((most, length) => Math.max(most, length), 0);
  const isRagged = map.outputLengths.some((length) => length !== M);
  const blocks = concatenate && blockMap(map, concatenate);
  const hidden = blocks
    ? yield* concatenated(tokens.hidden, blocks, [batch, M, concatenate.width])
    : isPruning(map)
      ? yield* gathered(tokens.hidden, map, M, isRagged)
      : (yield* step.mergeTokens(tokens.hidden, map, merge ?? { ...(sizes && { weights: sizes }) })).tokens;

  const slotSizes = map.sizes(sizesAdded ?? sizes);
  const positions = positionsLeft(tokens, map, M, positionRule, centres);
  const left = {
    sizes: zeros('float32', [batch, M]),
    mask: zeros('uint8', [batch, M]),
  };
  left.mask.data.fill(2);
  for (let row = 0, slot = 0; row < batch; row++) {
    for (let at = row * M; at < row * M + map.outputLengths[row]; at++, slot++) {
      const token = row * map.inputLength + map.members[map.offsets[slot]];
      left.sizes.data[at] = slotSizes[slot];
      left.mask.data[at] = mask?.[token] === 1 ? 1 : 0;
    }
  }
  const shaped = <T extends Tensor>(tensor: T): T =>
    tokens.isSingle ? { ...tensor, dims: tensor.dims.slice(1) } : tensor;
  return {
    hidden: shaped(hidden),
    map,
    sizes: shaped(left.sizes),
    positions: tokens.isSingle
      ? { ...positions, dims: positions.dims.filter((_, i) => i !== positions.dims.length - 2) }
      : positions,
    mask: shaped(left.mask),
    ...(scores && { scores: shaped(scores) }),
    ...(isRagged && { lengths: map.outputLengths.slice() }),
    ...(blocks && { blocks }),
  };
}

function isPruning({ members, offsets, weights }: TokenMap): boolean {
  return weights === undefined && members.length === offsets.length - 1;
}

/** Pruned tokens, copied bit for bit. */
function* gathered(hidden: FloatTensor, map: TokenMap, M: number, isRagged: boolean): Steps<FloatTensor> {
  const { rowDims, members, outputLengths } = map;
  if (!isRagged)
    return yield* step.gatherTokens(hidden, { type: 'int32', data: members, dims: [rowDims[0], M] }, {});
  const offsets = new Int32Array(outputLengths.length + 1);
  for (let row = 0; row < outputLengths.length; row++) offsets[row + 1] = offsets[row] + outputLengths[row];
  const indices: Tensor<'int32'> = { type: 'int32', data: members, dims: [members.length] };
  return (yield* step.gatherRagged(hidden, { indices, offsets }, {})).tokens;
}

/** The tokens of each slot side by side: blocks are slots of their own, and channels once they have been moved. */
function* concatenated(
  hidden: FloatTensor,
  blocks: TokenMap,
  [batch, M, width]: readonly [number, number, number],
): Steps<FloatTensor> {
  const { tokens } = yield* step.mergeTokens(hidden, blocks, { reduce: 'sum' });
  return { ...tokens, dims: [batch, M, width * hidden.dims[2]] };
}
