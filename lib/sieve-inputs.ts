// What a sieve is handed, and what its parts read of it.
import { typeError } from './errors.js';
import type { Halting } from './halting.js';
import type { PredictorWeights, ReadPredictor } from './linear-layer.js';
import type { Steps } from './steps.js';
import type { FloatTensor, Tensor } from './tensor.js';

/** What a sieve reduces, and what its criterion and strategy may read. Only `hidden` is always needed. */
export interface SieveInputs {
  /** `[B,N,C]`, or `[N,C]` for one row: the tokens themselves, float32, float16 or bfloat16. */
  readonly hidden: FloatTensor;
  /** `[B,H,Nq,D]`: queries of this layer's attention. Leading 1-dims may be left out, here and below. */
  readonly q?: FloatTensor | undefined;
  /** `[B,Hkv,N,D]`: its keys. */
  readonly k?: FloatTensor | undefined;
  /** `[B,Hkv,N,Dv]`: its values. */
  readonly v?: FloatTensor | undefined;
  /** `'bnhd'` where q, k and v are `[B,N,H,D]`; `'bhnd'` by default. */
  readonly layout?: 'bhnd' | 'bnhd' | undefined;
  /** `[B,N,D]`: features to compare tokens by, in place of what a merging method would take. */
  readonly metric?: FloatTensor | undefined;
  /** `[B,N,C]`: of a loss, by hidden. */
  readonly gradients?: FloatTensor | undefined;
  /** `[B,H,Nq,D]`: queries of an earlier layer, for methods that look at two. */
  readonly shallowQ?: FloatTensor | undefined;
  /** `[B,Hkv,N,D]`: keys of that layer. */
  readonly shallowK?: FloatTensor | undefined;
  /** `[B,N,D]`: the tokens in the space they share with text, such as CLIP's. */
  readonly imageEmbeds?: FloatTensor | undefined;
  /** `[B,T,D]`, or `[T,D]` for one row: the text in that space. */
  readonly textEmbeds?: FloatTensor | undefined;
  /** uint8 `[B,T]` or `[T]`: 2 drops a text token; none by default. */
  readonly textMask?: Uint8Array | Tensor<'uint8'> | undefined;
  /** `[h,w]`, or `[t,h,w]` for video: how the free tokens of each row lie, line by line, frame by frame. */
  readonly grid?: readonly number[] | undefined;
  /** What `avit` left of the layer before; none for the first. */
  readonly halting?: Halting | undefined;
  /** Weights of a predictor of importance, for methods that have learned one. */
  readonly predictor?: PredictorWeights | undefined;
  /** float32 `[B,N]`: importance known already; the criterion is then not asked. */
  readonly scores?: Tensor<'float32'> | undefined;
  /** uint8 `[B,N]` or `[N]`: 0 free, 1 keep, 2 drop. */
  readonly mask?: Uint8Array | Tensor<'uint8'> | undefined;
  /** `[B]`: tokens of each row, where the rest is padding; the same as a mask of 2 behind them. */
  readonly lengths?: Int32Array | undefined;
  /** float32 `[B,N]` or `[N]`: how many original tokens each stands for; 1 by default. */
  readonly sizes?: Float32Array | Tensor<'float32'> | undefined;
  /**
   * int32 or int64 `[B,N]` or `[N]`: where each token stands; 0 to N - 1 by default. M-RoPE: `[S,B,N]`, S rows of
   * positions such as time, height and width; `[S,N]` where hidden is `[N,C]`.
   */
  readonly positions?: Int32Array | BigInt64Array | Tensor<'int32' | 'int64'> | undefined;
  /** Which layer this is, counted from 0: what a schedule over layers goes by. */
  readonly layer?: number | undefined;
}

/** Tokens of one row. */
export interface RowTokens {
  /** N of the counting rules: those not masked 2. */
  readonly tokens: number;
  /** Those masked 1, which stay. */
  readonly kept: number;
}

/** The inputs of a sieve, checked and brought to one form; B = 1 where a leading dim was left out. */
export interface Tokens {
  readonly batch: number;
  /** Whether `hidden` came as `[N,C]`. */
  readonly isSingle: boolean;
  /** N, masked tokens included. */
  readonly length: number;
  /** `[B,N,C]` */
  readonly hidden: FloatTensor;
  /** `[B,H,Nq,D]`, or `[B,Nq,H,D]` by layout. */
  readonly q: FloatTensor | undefined;
  readonly k: FloatTensor | undefined;
  readonly v: FloatTensor | undefined;
  readonly layout: 'bhnd' | 'bnhd';
  /** `[B,N,D]` */
  readonly metric: FloatTensor | undefined;
  /** `[B,N,C]` */
  readonly gradients: FloatTensor | undefined;
  /** As q and k, of an earlier layer. */
  readonly shallowQ: FloatTensor | undefined;
  readonly shallowK: FloatTensor | undefined;
  /** `[B,N,D]` */
  readonly imageEmbeds: FloatTensor | undefined;
  /** `[B,T,D]` */
  readonly textEmbeds: FloatTensor | undefined;
  /** `[B * T]`; undefined where every text token counts. */
  readonly textMask: Uint8Array | undefined;
  /** `[h,w]` or `[t,h,w]`, integers from 1. */
  readonly grid: readonly number[] | undefined;
  readonly halting: Halting | undefined;
  readonly predictor: ReadPredictor | undefined;
  /** `[B,N]` */
  readonly scores: Tensor<'float32'> | undefined;
  /** `[B * N]`, what lengths and protection add to it included; undefined where every token is free. */
  readonly mask: Uint8Array | undefined;
  readonly rows: readonly RowTokens[];
  /** `[B,N]` */
  readonly sizes: Tensor<'float32'> | undefined;
  /** `[B,N]`, or `[S,B,N]` for M-RoPE. */
  readonly positions: Tensor<'int32' | 'int64'>;
  readonly layer: number | undefined;
  /** Of tokens that are segments of others: those, and what cuts features `[B,N,D]` of theirs as the tokens were. */
  readonly within?: { readonly whole: Tokens; cut(features: FloatTensor): Steps<FloatTensor> };
}

/** Tokens that always stay, as if masked 1: so many first and last of those not dropped. */
export interface Protection {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}

/** The field of the inputs that a part of the sieve reads, or an error that says who needs it. */
export function required(
  tokens: Tokens,
  name: 'q' | 'k' | 'v' | 'metric' | 'gradients' | 'shallowQ' | 'shallowK' | 'imageEmbeds' | 'textEmbeds',
  reader: string,
): FloatTensor {
  const value = tokens[name];
  if (value === undefined) throw typeError(`inputs.${name}`, `a tensor, which ${reader} reads`, value);
  return value;
}
