import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { breakEvenKeep, growingCost, linearCost } from '../bench/break-even/solve.js';
import { floorOfPasses } from '../bench/ceilings.js';
import { fittedPower } from '../bench/growth/slope.js';
import { nativeTimer } from '../bench/itself/native-call.js';
import { type Pair, pairs } from '../bench/itself/pairs.js';
import { smallCalls } from '../bench/itself/small-calls.js';
import { type Figure, judgeTargets, type Target, verdictsText } from '../bench/targets.js';
import { budgetMilliseconds, type Contender, rounds, takeTurns } from '../bench/turns.js';

/** Says how long its calls take, without taking it. */
function pretending(milliseconds: number): Contender & { asked: number } {
  const contender = {
    asked: 0,
    time: async () => {
      contender.asked++;
      return milliseconds;
    },
  };
  return contender;
}

const nothing = (): void => undefined;

describe('takeTurns', () => {
  it('gives a fast contender all rounds, and a slow one those that its budget pays for', async () => {
    const [ours, fast, slow, slower] = [1, 4, 700, 9000].map(pretending);
    const { first, others } = await takeTurns(ours, [fast, slow, slower], 3, nothing);
    assert.equal(first.rounds, rounds);
    assert.deepEqual(
      others.map((other) => [other.rounds, other.ratio, other.median]),
      [
        [rounds, 4, 4],
        [Math.floor(budgetMilliseconds / 700), 700, 700],
        [1, 9000, 9000],
      ],
    );
    assert.equal(slower.asked, 1);
  });

  it('does not count the call that finds the caches as others left them', async () => {
    let calls = 0;
    const cold: Contender = { time: async () => (calls++ === 0 ? 39 : 20) };
    const { first } = await takeTurns(cold, [], 1, nothing);
    assert.deepEqual([first.median, first.p90, first.samples], [20, 20, 2 * rounds]);
  });

  it('counts all calls of a sample in the length of a turn', async () => {
    const quick: Contender = { calls: 10, time: async () => 1 };
    const { first } = await takeTurns(quick, [], 1, nothing);
    assert.deepEqual([first.median, first.samples], [1, 4 * rounds]);
  });

  it('holds each round against the first contender of that round', async () => {
    let round = 0;
    const drifting = (base: number): Contender => ({ time: async () => base * 1.5 ** round });
    const { others } = await takeTurns(drifting(50), [drifting(100)], 1, () => {
      round++;
    });
    assert.ok(Math.abs(others[0].ratio - 2) < 1e-12);
  });
});

describe('targets', () => {
  const verdict = (figure: Figure, goal: number, value: number): boolean =>
    judgeTargets([{ figure, goal }], 1, { [figure]: value })[0].met;

  it('of each kind are met at the goal and on its better side only', () => {
    for (const figure of ['speedup', 'share of ceiling', 'share of scaling'] as const)
      assert.deepEqual(
        [0.79, 0.8, 0.81].map((value) => verdict(figure, 0.8, value)),
        [false, true, true],
        figure,
      );
    for (const figure of ['cost', 'overhead'] as const)
      assert.deepEqual(
        [2.9, 3, 3.1].map((value) => verdict(figure, 3, value)),
        [true, true, false],
        figure,
      );
  });

  it('are judged for their number of threads, and where there is a figure', () => {
    const targets: Target[] = [
      { figure: 'share of ceiling', goal: 0.7, threads: 1 },
      { figure: 'share of ceiling', goal: 0.52, threads: 2 },
      { figure: 'speedup', goal: 1.45 },
    ];
    const text = (threads: number, speedup?: number): string =>
      verdictsText(judgeTargets(targets, threads, { 'share of ceiling': 0.6, speedup }));
    assert.equal(text(1, 1.5), '≥ 70 % missed, ≥ 1.45 x met');
    assert.equal(text(2), '≥ 52 % met');
    assert.equal(text(3), '');
  });

  it('of this package against itself have names of their own', () => {
    const name = ({ name, against }: Pair): string => `${name}, against ${against}`;
    assert.equal(new Set(pairs.map(name)).size, pairs.length);
  });
});

describe('the floor of passes', () => {
  it('is the sum of theirs, and says what most of it is', () => {
    const ceilings = { fma: 100e9, read: 50e9, copy: 20e9, bytes: 2 ** 20 };
    const computing = { flops: 1e9, read: 1e6, written: 0 };
    const moving = { flops: 0, read: 5e6, written: 5e6 };
    const { milliseconds, limit } = floorOfPasses([moving, computing], ceilings);
    assert.ok(Math.abs(milliseconds - 10.5) < 1e-9);
    assert.equal(limit, 'FMA');
  });
});

describe('fittedPower', () => {
  it('finds the power of exact powers, and of what scatters about one', () => {
    const points = (f: (N: number) => number) => [64, 128, 256, 1024].map((N) => ({ N, milliseconds: f(N) }));
    assert.ok(Math.abs(fittedPower(points((N) => 3e-6 * N ** 2)) - 2) < 1e-12);
    assert.ok(Math.abs(fittedPower(points((N) => 5 * N)) - 1) < 1e-12);
    assert.ok(Math.abs(fittedPower(points((N) => N * (N === 128 ? 1.05 : 0.95))) - 1) < 0.05);
  });
});

describe('break-even', () => {
  const N = 1000;

  it('is where what a block saves pays for reducing', () => {
    assert.equal(
      breakEvenKeep(
        N,
        (n) => n,
        () => 100,
      ),
      0.9,
    );
    assert.equal(
      breakEvenKeep(
        N,
        (n) => n ** 2,
        () => 0.19 * N ** 2,
      ),
      0.9,
    );
    // What is left is moved as well: 1.5 n + 0.1 N = N
    assert.equal(
      breakEvenKeep(
        N,
        (n) => n,
        (n) => 0.5 * n + 100,
      ),
      0.6,
    );
  });

  it('is nowhere when reducing costs more than any share saves', () => {
    assert.equal(
      breakEvenKeep(
        N,
        (n) => n,
        () => 2000,
      ),
      undefined,
    );
    assert.equal(
      breakEvenKeep(
        N,
        (n) => n,
        () => 600,
        0.5,
      ),
      undefined,
    );
    assert.equal(
      breakEvenKeep(
        N,
        (n) => n,
        () => 500,
        0.5,
      ),
      0.5,
    );
  });

  it('goes by costs between those measured', () => {
    const square = growingCost([16, 64, 1024].map((n) => ({ n, milliseconds: n ** 2 })));
    for (const n of [8, 16, 40, 500, 1024, 2000]) assert.ok(Math.abs(square(n) / n ** 2 - 1) < 1e-9, `${n}`);
    const line = linearCost([2, 4, 10].map((n) => ({ n, milliseconds: 3 * n + 1 })));
    for (const n of [1, 2, 3, 7, 10, 20]) assert.ok(Math.abs(line(n) - (3 * n + 1)) < 1e-9, `${n}`);
  });
});

describe('nativeTimer', () => {
  for (const { name, withOut } of smallCalls) {
    it(`times the C function of ${name}`, () => {
      const milliseconds = nativeTimer(withOut())(10);
      assert.ok(milliseconds > 0 && milliseconds < 1e3, `${milliseconds}`);
    });
  }

  it('takes nothing that does not cross once', () => {
    assert.throws(() => nativeTimer(nothing), /crosses 0 times/);
    const call = smallCalls[0].withOut();
    const twice = (): void => {
      call();
      call();
    };
    assert.throws(() => nativeTimer(twice), /crosses 2 times/);
  });
});
