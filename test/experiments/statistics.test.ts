import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { permutation, uniform } from '../../experiments/analysis/random.js';
import { pairedDifference, proportion } from '../../experiments/analysis/statistics.js';

const near = (actual: number, expected: number, tolerance = 1e-4) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);

/** Paired results by how many items both, only the first, only the second, and neither got right. */
function pairs(both: number, first: number, second: number, neither: number): [number[], number[]] {
  const counts = [both, first, second, neither];
  const outcomes = [
    [1, 1],
    [1, 0],
    [0, 1],
    [0, 0],
  ];
  const items = counts.flatMap((count, i) => Array.from({ length: count }, () => outcomes[i]));
  return [items.map(([a]) => a), items.map(([, b]) => b)];
}

describe('proportion', () => {
  it("is Wilson's interval", () => {
    // Newcombe 1998, table I, method 3: 81 of 263 and 0 of 20.
    const some = proportion([...new Array(81).fill(1), ...new Array(182).fill(0)]);
    near(some.estimate, 81 / 263);
    near(some.low, 0.2553);
    near(some.high, 0.3662);
    const none = proportion(new Array(20).fill(0));
    near(none.low, 0);
    near(none.high, 0.1611);
  });
});

describe('pairedDifference', () => {
  it('is the interval of Bonett and Price on binary results', () => {
    const [a, b] = pairs(50, 8, 20, 22);
    const { estimate, low, high } = pairedDifference(a, b);
    const [p, q, n] = [9 / 102, 21 / 102, 102];
    const half = 1.959964 * Math.sqrt((p + q - (p - q) ** 2) / n);
    near(estimate, -0.12);
    near(low, p - q - half, 1e-6);
    near(high, p - q + half, 1e-6);
  });

  it('covers the true difference about 95 times in 100', () => {
    const next = uniform(11);
    let covered = 0;
    const trials = 2000;
    for (let trial = 0; trial < trials; trial++) {
      const a: number[] = [];
      const b: number[] = [];
      for (let i = 0; i < 300; i++) {
        const draw = next();
        // 70 % both right, 12 % only a, 6 % only b: a true difference of 0.06.
        a.push(Number(draw < 0.82));
        b.push(Number(draw < 0.7 || (draw >= 0.82 && draw < 0.88)));
      }
      const { low, high } = pairedDifference(a, b);
      covered += Number(low <= 0.06 && 0.06 <= high);
    }
    near(covered / trials, 0.95, 0.02);
  });

  it('keeps a width when no item differs', () => {
    const same = pairedDifference([1, 0, 1, 1], [1, 0, 1, 1]);
    assert.equal(same.estimate, 0);
    assert.ok(same.low < 0 && same.high > 0);
  });

  it('refuses results of different length', () => {
    assert.throws(() => pairedDifference([1], [1, 0]), /differ in length: 1 and 2/);
  });
});

describe('permutation', () => {
  it('holds every number once and repeats for the same seed', () => {
    const order = permutation(1000, 5);
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, i) => i),
    );
    assert.deepEqual(order, permutation(1000, 5));
    assert.notDeepEqual(order, permutation(1000, 6));
  });
});
