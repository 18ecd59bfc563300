// Calls that take long enough for something to happen meanwhile.
import type { Tensor } from 'tokensieve';

/** Numbers from -1 to 1 in an order that is not theirs. */
export function ramp(dims: readonly number[], shared = false): Tensor<'float32'> {
  const count = dims.reduce((a, b) => a * b, 1);
  const data = new Float32Array(shared ? new SharedArrayBuffer(count * 4) : new ArrayBuffer(count * 4));
  for (let i = 0; i < count; i++) data[i] = ((i * 37) % 101) / 50 - 1;
  return { type: 'float32', data, dims };
}

/** For scripts: `calls()` begins three calls of some tens of milliseconds each. */
export const longCalls = `
  const dims = [1, 8, 1024, 64];
  const data = new Float32Array(8 * 1024 * 64).map((_, i) => ((i * 37) % 101) / 50 - 1);
  const q = { type: 'float32', data, dims };
  const calls = () => [1, 2, 3].map(() => tokensieve.attentionScores(q, q));`;
