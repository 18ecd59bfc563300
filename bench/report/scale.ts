/** An axis: what it shows, from where to where. */
export interface Axis {
  /** With its unit. */
  readonly title: string;
  readonly kind: 'linear' | 'log2' | 'log10';
  readonly low: number;
  readonly high: number;
  readonly format: (value: number) => string;
}

/** Pixels of values on an axis that runs from `start` to `end`. */
export function scaleOf({ kind, low, high }: Axis, start: number, end: number): (value: number) => number {
  const along = kind === 'linear' ? (value: number) => value : Math.log;
  return (value) => start + ((along(value) - along(low)) / (along(high) - along(low))) * (end - start);
}

/** Values to mark on an axis, about five to ten of them. */
export function ticksOf({ kind, low, high }: Axis): readonly number[] {
  if (kind === 'linear') {
    const step = [0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10].find((size) => (high - low) / size <= 10) ?? 20;
    return range(Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)).map((i) => i * step);
  }
  const base = kind === 'log2' ? 2 : 10;
  const powers = range(
    Math.ceil(Math.log(low) / Math.log(base) - 1e-9),
    Math.floor(Math.log(high) / Math.log(base) + 1e-9),
  );
  const every = Math.ceil(powers.length / 11);
  if (base === 10 && powers.length < 4)
    return range(powers[0] - 1, powers[powers.length - 1])
      .flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power))
      .filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
  return powers.filter((_, i) => i % every === 0).map((power) => base ** power);
}

/** The least powers of the base that hold all values between them. */
export function powersAround(values: readonly number[], base: 2 | 10): { low: number; high: number } {
  const exponent = (value: number): number => Math.log(value) / Math.log(base);
  const low = Math.floor(exponent(Math.min(...values)) + 1e-9);
  const high = Math.ceil(exponent(Math.max(...values)) - 1e-9);
  return { low: base ** low, high: base ** Math.max(high, low + 1) };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
