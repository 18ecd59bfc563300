/** The power of N by which milliseconds grow: least squares on the logarithms. */
export function fittedPower(
  points: readonly { readonly N: number; readonly milliseconds: number }[],
): number {
  const logs = points.map(({ N, milliseconds }) => [Math.log(N), Math.log(milliseconds)] as const);
  const mean = (of: 0 | 1): number => logs.reduce((sum, log) => sum + log[of], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, log) => sum + (log[0] - x) * (log[1] - y), 0);
  const variance = logs.reduce((sum, log) => sum + (log[0] - x) ** 2, 0);
  return covariance / variance;
}

/** Where a call's fixed costs no longer count: the fit is over the points from here on. */
export const fitFrom = 1024;
