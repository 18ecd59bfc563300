import { addon } from '../addon.js';
import { rangeError } from '../errors.js';
import { onHost, readOperand } from '../operand.js';
import { type FloatTensor, reshape } from '../tensor.js';
import { type AttentionOptions, swap } from './attention-options.js';
import {
  floatTypes,
  type Invocation,
  outputFor,
  type Placed,
  readArray,
  readChoice,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withRank,
} from './call.js';
import type { PackedKeys } from './packed-keys.js';

/** Options of {@link packKeys}. */
export interface PackKeysOptions extends Pick<AttentionOptions, 'mask' | 'lengths' | 'layout' | 'signal'> {
  /** `[B,H,n,D]`: queries such as will come, by which channels are balanced. Without them all channels count alike. */
  queries?: FloatTensor;
}

function prepare(k: FloatTensor, options: PackKeysOptions): Invocation<PackedKeys> {
  const swapped = readChoice('options.layout', options.layout, ['bhnd', 'bnhd'], 'bhnd') === 1;
  const four = (path: string, value: unknown): Placed => {
    const tensor = withRank(path, readOperand(path, value, floatTypes), 4);
    return { tensor: swapped ? reshape(tensor, swap(tensor.dims)) : tensor, swapped };
  };
  const key = four('k', k);
  const [batch = 0, heads = 0, keys = 0, depth = 0] = key.tensor.dims;
  const bytes = addon.packedKeysBytes(batch, heads, keys, depth);
  if (!(bytes > 0 && bytes < 2 ** 31)) throw rangeError('k.dims', 'keys of at most 2 GB packed', k.dims);
  const packed = outputFor(undefined, 'packed', 'uint8', [bytes], undefined);
  return {
    operation: 'packKeys',
    inputs: [
      key,
      readArray('options.mask', options.mask, ['uint8'], [batch, keys]),
      readArray('options.lengths', options.lengths, ['int32']),
      options.queries === undefined ? undefined : four('options.queries', options.queries),
    ],
    outputs: [packed],
    numbers: [],
    result: () => ({
      type: 'packed-keys',
      data: onHost('k', packed.tensor).data,
      keyDims: [batch, heads, keys, depth],
    }),
  };
}

/**
 * Keys packed once for many calls of {@link attentionScores} with precision `'fast'`, which take them in place of k:
 * those of a decoder's cache. Scores are as if k had been given, but for where exact rows are called for (a row that
 * bytes cannot compute, a soft cap, the entropy): these are computed from what the bytes stand for. A key that is not
 * finite makes the scores NaN of the queries that see it. Keys dropped here are dropped from every call, whose own mask
 * may drop more.
 *
 * Where the processor does not multiply bytes, packed keys are float32, and scores exact. On a device there is nothing to
 * pack: it reads keys where they lie.
 *
 * @param k `[B,Hkv,N,D]` (leading 1s may be left out), float32, float16 or bfloat16
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`, and for keys on a device
 * `ERR_TOKENSIEVE_DEVICE`
 */
export async function packKeys(k: FloatTensor, options?: PackKeysOptions): Promise<PackedKeys> {
  const given = readOptions(options);
  return runAsync(prepare(k, given), readSignal(given));
}

/** {@link packKeys}, at once on the calling thread. */
export function packKeysSync(k: FloatTensor, options?: PackKeysOptions): PackedKeys {
  return runSync(prepare(k, readOptions(options)));
}
