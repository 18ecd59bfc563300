import { rangeError } from './errors.js';
import type { Ragged } from './ragged.js';
import type { Tokens } from './sieve-inputs.js';
import { type Steps, step } from './steps.js';
import type { DensePlan } from './strategies/strategy.js';
import { bytesOf, type FloatTensor, readTensor, type Tensor, zeros } from './tensor.js';

/**
 * What a sieve leaves whose strategy is dense. There is no map: every token has a part in every new one, so that
 * none has a place, and none can be restored from them. Where a leading dim was left out of `hidden`, it is left
 * out here too.
 */
export interface Distillation {
  /** `[B,M,C']`: in each row the kept tokens, then the distilled ones; shorter rows end in zeros. */
  readonly hidden: FloatTensor;
  /** uint8 `[B,M]`, for the next reduction: 1 where the token is one that was kept, 2 for padding. */
  readonly mask: Tensor<'uint8'>;
  /** float32 `[B,N]`: the importance of each token before; absent where nothing was scored. */
  readonly scores?: Tensor<'float32'>;
  /** `[B]`: tokens of each row, where they differ. */
  readonly lengths?: Int32Array;
}

/** Puts the kept tokens in front of those that a dense strategy has made. */
export function* besideKept(
  tokens: Tokens,
  plan: DensePlan,
  scores: Tensor<'float32'> | undefined,
): Steps<Distillation> {
  const { batch, rows, isSingle } = tokens;
  const distilled = readDistilled(plan.distilled, batch);
  const made = distilled.dims[1];
  const lengths = Int32Array.from(rows, ({ kept }) => kept + made);
  const M = lengths.reduce((most, length) => Math.max(most, length), 0);
  const mask = zeros('uint8', [batch, M]);
  mask.data.fill(2);
  for (let row = 0; row < batch; row++) {
    mask.data.fill(0, row * M, row * M + lengths[row]);
    mask.data.fill(1, row * M, row * M + rows[row].kept);
  }
  const hidden = M === made ? distilled : yield* joined(tokens, distilled, lengths, M);
  const shaped = <T extends Tensor>(tensor: T): T =>
    isSingle ? { ...tensor, dims: tensor.dims.slice(1) } : tensor;
  return {
    hidden: shaped(hidden),
    mask: shaped(mask),
    ...(scores && { scores: shaped(scores) }),
    ...(lengths.some((length) => length !== M) && { lengths }),
  };
}

function readDistilled(value: unknown, batch: number): FloatTensor {
  const distilled = readTensor('distilled', value, ['float32', 'float16', 'bfloat16']);
  if (distilled.dims.length === 3 && distilled.dims[0] === batch) return distilled;
  throw rangeError('distilled.dims', `[${batch},M,C]`, distilled.dims, 'ERR_TOKENSIEVE_SHAPE');
}

/** `[B,M,C]`: each row's kept tokens, and then its distilled ones. */
function* joined(tokens: Tokens, distilled: FloatTensor, lengths: Int32Array, M: number): Steps<FloatTensor> {
  const { hidden, batch } = tokens;
  const [, made, channels] = distilled.dims;
  if (hidden.dims[2] !== channels) {
    const expected = `of ${channels} channels, as the distilled tokens that kept ones stand beside`;
    throw rangeError('inputs.hidden.dims', expected, hidden.dims, 'ERR_TOKENSIEVE_SHAPE');
  }
  const kept = keptTokens(tokens);
  const { tokens: copies } = yield* step.gatherRagged(hidden, kept, { packed: true });
  const all = zeros(hidden.type, [batch, M, channels], hidden.data);
  const bytes = channels * all.data.BYTES_PER_ELEMENT;
  const [to, from, behind] = [bytesOf(all), bytesOf(copies), bytesOf(distilled)];
  for (let row = 0; row < batch; row++) {
    const end = (row * M + lengths[row]) * bytes;
    to.set(from.subarray(kept.offsets[row] * bytes, kept.offsets[row + 1] * bytes), row * M * bytes);
    to.set(behind.subarray(row * made * bytes, (row + 1) * made * bytes), end - made * bytes);
  }
  return all;
}

function keptTokens({ batch, length, mask, rows }: Tokens): Ragged {
  const offsets = new Int32Array(batch + 1);
  for (let row = 0; row < batch; row++) offsets[row + 1] = offsets[row] + rows[row].kept;
  const data = new Int32Array(offsets[batch]);
  for (let place = 0, at = 0; place < batch * length; place++)
    if (mask?.[place] === 1) data[at++] = place % length;
  return { indices: { type: 'int32', data, dims: [data.length] }, offsets };
}
