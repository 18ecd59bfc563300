// Conversions between numbers and the bits of the 16-bit float types, rounding to nearest, ties to even.

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The bits of the bfloat16 nearest to a number. */
export function toBfloat16(value: number): number {
  float[0] = value;
  const word = bits[0];
  if (Number.isNaN(value)) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** The number that bfloat16 bits stand for. */
export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0];
}

/** The bits of the float16 nearest to a number. */
export function toFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const scaled = roundToEven(magnitude * 2 ** (10 - exponent));
  return sign | (((exponent + 15) << 10) + (scaled - 1024));
}

/** The number that float16 bits stand for. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
