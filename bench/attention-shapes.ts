// Shapes as both attention operations take them.
import type { FloatType } from 'tokensieve';

/** H query heads on Hkv key heads, Nq queries and N keys of D channels. */
export interface HeadShape {
  readonly H: number;
  readonly N: number;
  readonly D: number;
  /** As many as query heads by default. */
  readonly Hkv?: number;
  /** As many as keys by default. */
  readonly Nq?: number;
  readonly type?: FloatType;
}

export function attentionShape({
  H,
  N,
  D,
  Hkv = H,
  Nq = N,
  type = 'float32',
}: HeadShape): Required<HeadShape> {
  return { H, N, D, Hkv, Nq, type };
}

/** Such as `16 x 577² x 64`, or `32/8 x 32 x 16384 x 128` for 32 heads on 8. */
export function attentionName(shape: HeadShape): string {
  const { H, Hkv, Nq, N, D, type } = attentionShape(shape);
  const heads = Hkv === H ? `${H}` : `${H}/${Hkv}`;
  const places = Nq === N ? `${N}²` : `${Nq} x ${N}`;
  return `${heads} x ${places} x ${D}${type === 'float32' ? '' : ` ${type}`}`;
}

/** Up to so many query rows of a key head, keys and values are read as they lie. */
const fewRows = 8;

export function areFew(shape: HeadShape, queries: number): boolean {
  const { H, Hkv } = attentionShape(shape);
  return (H / Hkv) * queries <= fewRows;
}

/** The kernels that multiply so many queries a head with the keys. */
export function productKernels(shape: HeadShape, queries: number): string[] {
  const copies = attentionShape(shape).type === 'float32' ? [] : ['load_rows'];
  if (areFew(shape, queries)) return [...copies, 'attention_few_logits'];
  return [...copies, 'pack_key_panels', 'attention_logits'];
}
