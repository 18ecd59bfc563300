// From how few tokens on reducing them pays, of costs that were measured.

export interface Cost {
  readonly n: number;
  readonly milliseconds: number;
}

/** A cost at any n: straight between the measured ones on logarithmic axes, as costs that grow by powers are. */
export function growingCost(points: readonly Cost[]): (n: number) => number {
  const line = straight(points.map(({ n, milliseconds }) => [Math.log(n), Math.log(milliseconds)] as const));
  return (n) => Math.exp(line(Math.log(n)));
}

/** A cost at any n: straight between the measured ones. */
export function linearCost(points: readonly Cost[]): (n: number) => number {
  return straight(points.map(({ n, milliseconds }) => [n, milliseconds] as const));
}

/** Through points of ascending x; beyond them as in the last piece. */
function straight(points: readonly (readonly [number, number])[]): (x: number) => number {
  return (x) => {
    const next = points.findIndex(([at]) => at >= x);
    const i = Math.max(1, next < 0 ? points.length - 1 : next);
    const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
    return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
  };
}

/**
 * The greatest share of N tokens with which a block costs no more than with all, reducing included; undefined when
 * no share from `leastKeep` on does.
 */
export function breakEvenKeep(
  N: number,
  block: (n: number) => number,
  reducing: (n: number) => number,
  leastKeep = 0,
): number | undefined {
  for (let n = N - 1; n >= Math.max(1, leastKeep * N); n--)
    if (block(n) + reducing(n) <= block(N)) return n / N;
  return undefined;
}
