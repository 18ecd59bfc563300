// softmax(scale q k^T) v with the whole attention matrix of each head.
import { count, type Values } from '../support/tensors.js';
import { type AttentionMasking, attentionRow, attentionShape } from './attention-probabilities.js';

export interface Attention {
  readonly output: Values;
  /** Absolute error that each output is allowed. */
  readonly tolerance: Float64Array;
  readonly lse: Values;
  readonly rowError: Float64Array;
}

/** q `[B,H,Nq,D]`, k `[B,Hkv,N,D]`, v `[B,Hkv,N,Dv]`. */
export function attention(q: Values, k: Values, v: Values, options: AttentionMasking = {}): Attention {
  const { batch, heads, keyHeads, queries, keys } = attentionShape(q, k);
  const channels = v.dims[3];
  const dims = [batch, heads, queries, channels];
  const output = new Float64Array(count(dims));
  const tolerance = new Float64Array(output.length);
  const lse = new Float64Array(batch * heads * queries);
  const rowError = new Float64Array(lse.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const keyHead = Math.floor(h / (heads / keyHeads));
      for (let i = 0; i < queries; i++) {
        const row = (b * heads + h) * queries + i;
        const { probabilities, logSumExp, relativeError } = attentionRow(q, k, options, [b, h, i]);
        lse[row] = logSumExp;
        rowError[row] = relativeError;
        for (let c = 0; c < channels; c++) {
          let magnitude = 0;
          for (let j = 0; j < keys; j++) {
            const term = probabilities[j] * v.data[((b * keyHeads + keyHead) * keys + j) * channels + c];
            output[row * channels + c] += term;
            magnitude += Math.abs(term);
          }
          tolerance[row * channels + c] = magnitude * relativeError;
        }
      }
    }
  }
  return {
    output: { data: output, dims },
    tolerance,
    lse: { data: lse, dims: [batch, heads, queries] },
    rowError,
  };
}
