interface Point {
  readonly N: number;
  readonly milliseconds: number;
}

/** Where a call's fixed costs no longer count: fits are over the points from here on. */
export const fitFrom = 1024;

/** The power that a curve's points grow by, to two digits. */
export function powerOf({ points }: { readonly points: readonly Point[] }): string {
  const fitted = points.filter(({ N }) => N >= fitFrom);
  return fitted.length > 1 ? fittedPower(fitted).toFixed(2) : '?';
}

/** The power of N by which milliseconds grow: least squares on the logarithms. */
export function fittedPower(points: readonly Point[]): number {
  const logs = points.map(({ N, milliseconds }) => [Math.log(N), Math.log(milliseconds)] as const);
  const mean = (of: 0 | 1): number => logs.reduce((sum, log) => sum + log[of], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, log) => sum + (log[0] - x) * (log[1] - y), 0);
  const variance = logs.reduce((sum, log) => sum + (log[0] - x) ** 2, 0);
  return covariance / variance;
}
