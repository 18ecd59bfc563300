/**
 * A stream of random numbers that depends on its seed alone, as the kernels draw theirs: SplitMix64 (Steele, Lea and
 * Flood, 2014).
 *
 * @returns a function of n that gives an integer from 0, below n: the upper half of a draw times n, shifted right by 32
 */
export function splitMix64(seed: number): (n: number) => number {
  const wrap = (x: bigint) => BigInt.asUintN(64, x);
  let state = BigInt(seed);
  return (n) => {
    state = wrap(state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    z ^= z >> 31n;
    return Number(((z >> 32n) * BigInt(n)) >> 32n);
  };
}
