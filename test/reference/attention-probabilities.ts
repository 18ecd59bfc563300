// Softmax of the masked logits of one head, query by query: what attention and its scores are both made of.
import { errorBudget } from '../support/error-budget.js';
import type { Values } from '../support/tensors.js';

export interface AttentionMasking {
  readonly scale?: number;
  /** Query i of Nq sees key j of N when j <= i + N - Nq. */
  readonly causal?: boolean;
  /** How many keys a query sees, up to and with its own. */
  readonly window?: number;
  /** `[B,N]`, 2 for no key. */
  readonly mask?: ArrayLike<number>;
  /** `[B,Nq]`, 2 for no query. */
  readonly queryMask?: ArrayLike<number>;
  readonly lengths?: ArrayLike<number>;
  /** `[B,N]`, added to the logits. */
  readonly bias?: ArrayLike<number>;
  readonly softcap?: number;
  /** `[L]`: multiplies products by how far query and key are apart, L - 1 at most. */
  readonly distanceScale?: ArrayLike<number>;
  /** `[B,N]` or `[N]`; 0 to N - 1 by default. */
  readonly positions?: ArrayLike<number | bigint>;
  /** `[B,Nq]` or `[Nq]`; those of the last Nq keys by default. */
  readonly queryPositions?: ArrayLike<number | bigint>;
}

export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly channels: number;
}

/** What one query sees of the keys. */
export interface AttentionRow {
  readonly probabilities: Float64Array;
  readonly seen: readonly boolean[];
  readonly logSumExp: number;
  readonly entropy: number;
  /** Relative error that each probability of this row is allowed. */
  readonly relativeError: number;
}

export function attentionShape(q: Values, k: Values): AttentionShape {
  const [batch, heads, queries, channels] = q.dims;
  return { batch, heads, keyHeads: k.dims[1], queries, keys: k.dims[2], channels };
}

/** Whether a query takes part at all. */
export function isQuery(shape: AttentionShape, options: AttentionMasking, b: number, i: number): boolean {
  const { queries, keys } = shape;
  if (options.queryMask?.[b * queries + i] === 2) return false;
  return options.lengths === undefined || queries !== keys || i < options.lengths[b];
}

function isSeen(shape: AttentionShape, options: AttentionMasking, b: number, i: number, j: number): boolean {
  const { queries, keys } = shape;
  const own = i + keys - queries;
  if (!isQuery(shape, options, b, i)) return false;
  if (options.mask?.[b * keys + j] === 2) return false;
  if (options.lengths !== undefined && j >= options.lengths[b]) return false;
  if (options.causal && j > own) return false;
  return options.window === undefined || j > own - options.window;
}

/** The element of item b of `[B,n]`, or of the one row `[n]` for all. */
function placeOf(places: ArrayLike<number | bigint>, n: number, b: number, i: number): bigint {
  return BigInt(places[(places.length > n ? b * n : 0) + i]);
}

/** What the product of query i and key j is multiplied by. */
function distanceFactor(
  { queries, keys }: AttentionShape,
  { distanceScale, positions, queryPositions }: AttentionMasking,
  [b, i, j]: readonly [number, number, number],
): number {
  if (distanceScale === undefined) return 1;
  const ofKey = (j: number) => (positions === undefined ? BigInt(j) : placeOf(positions, keys, b, j));
  const own =
    queryPositions === undefined ? ofKey(keys - queries + i) : placeOf(queryPositions, queries, b, i);
  const distance = own > ofKey(j) ? own - ofKey(j) : ofKey(j) - own;
  const last = BigInt(distanceScale.length - 1);
  return distanceScale[Number(distance < last ? distance : last)];
}

/** Row i of head h of batch item b. `givenLse` replaces the sum over the keys. */
export function attentionRow(
  q: Values,
  k: Values,
  options: AttentionMasking,
  [b, h, i]: readonly [number, number, number],
  givenLse?: number,
): AttentionRow {
  const shape = attentionShape(q, k);
  const { heads, keyHeads, queries, keys, channels } = shape;
  const scale = options.scale ?? 1 / Math.sqrt(channels);
  const keyHead = Math.floor(h / (heads / keyHeads));
  const query = ((b * heads + h) * queries + i) * channels;

  const seen = Array.from({ length: keys }, (_, j) => isSeen(shape, options, b, i, j));
  const logits = new Float64Array(keys).fill(Number.NEGATIVE_INFINITY);
  let magnitude = 0;
  for (let j = 0; j < keys; j++) {
    if (!seen[j]) continue;
    const key = ((b * keyHeads + keyHead) * keys + j) * channels;
    let dot = 0;
    let size = 0;
    for (let c = 0; c < channels; c++) {
      const term = q.data[query + c] * k.data[key + c];
      dot += term;
      size += Math.abs(term);
    }
    const factor = scale * distanceFactor(shape, options, [b, i, j]);
    magnitude = Math.max(magnitude, size * Math.abs(factor));
    const logit = options.softcap
      ? options.softcap * Math.tanh((dot * factor) / options.softcap)
      : dot * factor;
    logits[j] = logit + (options.bias?.[b * keys + j] ?? 0);
  }

  const greatest = logits.reduce((a, x) => Math.max(a, x), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((total, x) => total + (x === greatest ? 1 : Math.exp(x - greatest)), 0);
  const logSumExp = greatest === Number.NEGATIVE_INFINITY ? greatest : greatest + Math.log(sum);
  const divisor = givenLse ?? logSumExp;
  const probabilities = logits.map((x) => (x === Number.NEGATIVE_INFINITY ? 0 : Math.exp(x - divisor)));
  const entropy = logits.reduce((total, x) => {
    const p = Math.exp(x - logSumExp);
    return p > 0 ? total - p * (x - logSumExp) : total;
  }, 0);
  const { base, perMagnitude } = errorBudget.attentionProbability;
  return { probabilities, seen, logSumExp, entropy, relativeError: base + perMagnitude * magnitude };
}
