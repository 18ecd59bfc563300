// Inverse-transform sampling of a row at even points, after the authors' code of adaptive token sampling.

/** The tokens picked by `count` points, kept ones among them, ascending. */
export function sampleCdf(row: ArrayLike<number>, count: number, mask?: ArrayLike<number>): number[] {
  const present = Array.from(row, (_, i) => i).filter((i) => mask?.[i] !== 2);
  const kept = present.filter((i) => mask?.[i] === 1);
  const free = present.filter((i) => mask?.[i] !== 1);
  const numbers = free.filter((i) => !Number.isNaN(row[i]));
  const candidates = numbers.length > 0 ? numbers.sort((i, j) => row[i] - row[j] || i - j) : free;
  const points = count - kept.length;
  const chosen = new Set(kept);
  if (candidates.length === 1 && points > 0) chosen.add(candidates[0]);
  if (candidates.length > 1) {
    const y = normalizedCdf(weights(candidates.map((i) => row[i])));
    const start = Math.min(...y.filter((place) => place > 0));
    for (let k = 0; k < points; k++) {
      const point = points === 1 ? 1 : start + (k - start * k) / (points - 1);
      const distances = y.map((place) => Math.abs(place - point));
      chosen.add(candidates[distances.indexOf(Math.min(...distances))]);
    }
  }
  return [...chosen].sort((i, j) => i - j);
}

/** What ascending scores count for. */
function weights(scores: readonly number[]): readonly number[] {
  const greatest = scores[scores.length - 1];
  if (Number.isNaN(greatest) || greatest === 0) return scores.map(() => 1);
  return greatest === Infinity ? scores.map((score) => Number(score === Infinity)) : scores;
}

function normalizedCdf(masses: readonly number[]): number[] {
  let sum = 0;
  const sums = masses.map((mass) => {
    sum += mass;
    return sum;
  });
  const [least, most] = [sums[0], sums[sums.length - 1]];
  return sums.map((c) => (c - least) / (most - least));
}
