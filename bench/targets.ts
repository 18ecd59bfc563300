// What a row of the benchmarks aims at, and whether it got there.

/** What is compared with the number aimed at. */
export type Figure =
  /** The other's time over ours: at least. */
  | 'speedup'
  /** The least time possible over ours: at least. */
  | 'share of ceiling'
  /** Our time over the other's: at most. */
  | 'cost'
  /** Microseconds of ours beyond the other's: at most. */
  | 'overhead'
  /** What more threads gain over what the FMA peak gains by them: at least. */
  | 'share of scaling';

export interface Target {
  readonly figure: Figure;
  readonly goal: number;
  /** For that number of threads only. */
  readonly threads?: number;
  /** Why it is missed, and what was tried; printed where it is. */
  readonly note?: string;
}

export interface Verdict {
  readonly target: Target;
  readonly value: number;
  readonly met: boolean;
}

const percent = (x: number): string => `${(100 * x).toFixed(0)} %`;

const figures: Readonly<
  Record<Figure, { readonly atMost: boolean; readonly format: (value: number) => string }>
> = {
  speedup: { atMost: false, format: (x) => `${x < 9.95 ? x.toFixed(2) : x.toFixed(0)} x` },
  'share of ceiling': { atMost: false, format: percent },
  cost: { atMost: true, format: (x) => `${x.toFixed(2)} x` },
  overhead: { atMost: true, format: (x) => `${x.toFixed(1)} µs` },
  'share of scaling': { atMost: false, format: (x) => x.toFixed(2) },
};

/** Judges the targets that this number of threads has a figure for. */
export function judgeTargets(
  targets: readonly Target[],
  threads: number,
  values: Readonly<Partial<Record<Figure, number | undefined>>>,
): readonly Verdict[] {
  return targets.flatMap((target) => {
    const value = values[target.figure];
    if (value === undefined || (target.threads ?? threads) !== threads) return [];
    const { atMost } = figures[target.figure];
    return [{ target, value, met: atMost ? value <= target.goal : value >= target.goal }];
  });
}

/** Such as `≥ 1.45 x`. */
export function goalText({ figure, goal }: Target): string {
  const { atMost, format } = figures[figure];
  return `${atMost ? '≤' : '≥'} ${format(goal)}`;
}

/** Such as `1.52 x`. */
export const valueText = ({ target, value }: Verdict): string => figures[target.figure].format(value);

export const outcome = ({ met }: Verdict): 'met' | 'missed' => (met ? 'met' : 'missed');

/** Such as `≥ 1.45 x met, ≥ 70 % missed`. */
export const verdictsText = (verdicts: readonly Verdict[]): string =>
  verdicts.map((verdict) => `${goalText(verdict.target)} ${outcome(verdict)}`).join(', ');
