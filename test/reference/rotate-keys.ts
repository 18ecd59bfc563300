// Rotary position embedding from one position to another.
import type { Values } from '../support/tensors.js';

export interface RotateKeysOptions {
  readonly base?: number;
  readonly frequencies?: ArrayLike<number>;
  readonly rotaryDim?: number;
  readonly interleaved?: boolean;
  /** Pairs that follow each row of positions. */
  readonly sections?: readonly number[];
}

/** k `[B,Hkv,N,D]`; shift gives to - from of a token, for each section. */
export function rotateKeys(
  { data, dims }: Values,
  shift: (b: number, head: number, token: number, section: number) => number,
  options: RotateKeysOptions = {},
): Float64Array {
  const [, heads, N, D] = dims;
  const { base = 10_000, rotaryDim = D, interleaved = false, sections = [rotaryDim / 2] } = options;
  const pairs = rotaryDim / 2;
  const sectionOf = sections.flatMap((count, section) => new Array<number>(count).fill(section));
  const out = Float64Array.from(data);
  for (let row = 0; row < data.length / D; row++) {
    const [b, head, token] = [Math.floor(row / N / heads), Math.floor(row / N) % heads, row % N];
    for (let i = 0; i < pairs; i++) {
      const frequency = options.frequencies?.[i] ?? base ** ((-2 * i) / rotaryDim);
      const angle = shift(b, head, token, sectionOf[i]) * frequency;
      const first = row * D + (interleaved ? 2 * i : i);
      const second = first + (interleaved ? 1 : pairs);
      out[first] = data[first] * Math.cos(angle) - data[second] * Math.sin(angle);
      out[second] = data[second] * Math.cos(angle) + data[first] * Math.sin(angle);
    }
  }
  return out;
}
