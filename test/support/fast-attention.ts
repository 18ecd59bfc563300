// How far logits of precision 'fast' may be from exact ones, from its rounding alone.
import { count, type Values } from './tensors.js';

interface Rounding {
  readonly scale?: number;
  /** `[B,N]`, 2 for no key. */
  readonly mask?: ArrayLike<number>;
}

/**
 * The greatest error of a logit of each query head `[B,H]`. A byte is off by up to half a step, evenly: eight standard
 * deviations of a product's error. Centre and gains are those of all keys and queries; half as much again is for the
 * sample that the kernels take.
 */
export function fastLogitError(q: Values, k: Values, { scale, mask }: Rounding = {}): Float64Array {
  const [batch, heads, queries, depth] = q.dims;
  const [, keyHeads, keys] = k.dims;
  const group = heads / keyHeads;
  const errors = new Float64Array(count([batch, heads]));
  for (let unit = 0; unit < batch * keyHeads; unit++) {
    const b = Math.floor(unit / keyHeads);
    const seen = Array.from({ length: keys }, (_, j) => j).filter((j) => mask?.[b * keys + j] !== 2);
    const key = (j: number, c: number) => k.data[(unit * keys + j) * depth + c];
    const rows = Array.from({ length: group * queries }, (_, i) => unit * group * queries + i);
    const query = (i: number, c: number) => q.data[i * depth + c];
    const channels = Array.from({ length: depth }, (_, c) => {
      const centre = seen.reduce((sum, j) => sum + key(j, c), 0) / seen.length;
      const wide = Math.max(...seen.map((j) => Math.abs(key(j, c) - centre)));
      return { centre, wide, most: Math.max(...rows.map((i) => Math.abs(query(i, c)))) };
    });
    const widest = 1e-20 + 1e-3 * Math.max(...channels.map(({ wide }) => wide));
    const greatest = 1e-20 + 1e-3 * Math.max(...channels.map(({ most }) => most));
    const gains = channels.map(({ wide, most }) =>
      Math.sqrt(Math.max(wide, widest) / Math.max(most, greatest)),
    );
    const sizes = (row: (c: number) => number) => {
      const balanced = gains.map((_, c) => row(c));
      return { norm: Math.hypot(...balanced), step: Math.max(...balanced.map(Math.abs)) / 127 };
    };
    const ofKeys = seen.map((j) => sizes((c) => (key(j, c) - channels[c].centre) / gains[c]));
    const ofQueries = rows.map((i) => sizes((c) => query(i, c) * gains[c]));
    const most = (all: readonly { norm: number; step: number }[], name: 'norm' | 'step') =>
      Math.max(0, ...all.map((one) => one[name]));
    const deviation = Math.hypot(
      most(ofKeys, 'norm') * most(ofQueries, 'step'),
      most(ofQueries, 'norm') * most(ofKeys, 'step'),
    );
    const error = (1.5 * 8 * Math.abs(scale ?? 1 / Math.sqrt(depth)) * deviation) / Math.sqrt(12);
    errors.fill(error, unit * group, (unit + 1) * group);
  }
  return errors;
}
