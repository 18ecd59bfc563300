import type { FloatTensor } from './tensor.js';

/** The numbers of a small tensor; those of a float32 one are its own. */
export function toFloat32({ type, data }: Pick<FloatTensor, 'type' | 'data'>): Float32Array {
  if (type === 'float32') return data as Float32Array;
  if (!(data instanceof Uint16Array)) return Float32Array.from(data);
  if (type === 'bfloat16') return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
  return Float32Array.from(data, fromFloat16);
}

function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
