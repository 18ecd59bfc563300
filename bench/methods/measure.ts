// What a method costs, and which of its op calls how much: a sieve's steps, each timed.
import { attentionSync, type FloatTensor, type Method, methods, type Steps, setNumThreads } from 'tokensieve';
import { quantile } from '../measure.js';
import { inputsOf, type MethodShape, poolOf, shapes, shapesOf } from './inputs.js';

/** A method at a shape. Times are medians in milliseconds. */
export interface MethodResult {
  readonly method: string;
  readonly group: Method['group'];
  readonly over: Method['over'];
  readonly shape: string;
  readonly tokens: number;
  readonly left: number;
  readonly total: number;
  /** By op, the greatest first. */
  readonly ops: readonly { readonly name: string; readonly milliseconds: number; readonly calls: number }[];
  /** The total over the sum of the op calls, of the fastest round: the one that was disturbed least. */
  readonly overhead: number;
  /** One call of `attention` on all tokens of that shape. */
  readonly attention: number;
}

/** A method whose own work is more than half of its kernels' is badly made. */
export const mostOverhead = 1.5;

// Several rounds, of which the median counts, save for those that take seconds.
const budgetMilliseconds = 400;
const leastRounds = 5;
const longRound = 1500;

export function measureMethods(
  filter: string,
  threads: number,
  onStart: (name: string) => void,
): MethodResult[] {
  setNumThreads(threads);
  const results: MethodResult[] = [];
  for (const shape of shapes) {
    const chosen = methodsAt(shape, filter);
    if (chosen.length === 0) continue;
    const pool = poolOf(shape);
    const [q, k, v] = (['q', 'k', 'v'] as const).map((name) => pool(name) as FloatTensor);
    onStart(`attention ${shape.name}`);
    const attention = timed(() => attentionSync(q, k, v));
    for (const method of chosen) {
      onStart(`${method.name} ${shape.name}`);
      results.push({ ...measureMethod(method, shape, pool), attention });
    }
  }
  return results;
}

/** The methods that are timed at a shape and whose name, group or shape contains a text. */
export function methodsAt(shape: MethodShape, filter: string): Method[] {
  return methods.filter(
    (method) =>
      shapesOf(method).includes(shape) && `${method.name} ${method.group} ${shape.name}`.includes(filter),
  );
}

function measureMethod(
  method: Method,
  shape: MethodShape,
  pool: ReturnType<typeof poolOf>,
): Omit<MethodResult, 'attention'> {
  const sieve = method.create(method.defaults);
  const inputs = inputsOf(method, pool);
  const first = timedSteps(sieve.steps(inputs));
  const rounds: Round[] = [];
  const least = first.total > longRound ? 1 : leastRounds;
  for (let spent = 0; rounds.length < least || spent < budgetMilliseconds; ) {
    const round = timedSteps(sieve.steps(inputs));
    spent += round.total;
    rounds.push(round);
  }
  const median = (of: (round: Round) => number): number =>
    quantile(
      rounds.map(of).sort((a, b) => a - b),
      0.5,
    );
  const fastest = rounds.reduce((best, round) => (round.total < best.total ? round : best));
  const ops = [...first.ops.keys()].map((name) => ({
    name,
    calls: first.ops.get(name)?.calls ?? 0,
    milliseconds: median((round) => round.ops.get(name)?.milliseconds ?? 0),
  }));
  return {
    method: method.name,
    group: method.group,
    over: method.over,
    shape: shape.name,
    tokens: first.left.map.inputLength,
    left: first.left.map.outputLengths[0],
    total: median((round) => round.total),
    ops: ops.sort((a, b) => b.milliseconds - a.milliseconds),
    overhead: fastest.total / fastest.inOps,
  };
}

interface Round {
  readonly left: { readonly map: { readonly inputLength: number; readonly outputLengths: Int32Array } };
  readonly total: number;
  readonly inOps: number;
  readonly ops: Map<string, { milliseconds: number; calls: number }>;
}

/** Runs a reduction to its end, each op call timed by itself. */
function timedSteps(steps: Steps<Round['left']>): Round {
  const ops: Round['ops'] = new Map();
  let inOps = 0;
  const start = performance.now();
  let next = steps.next();
  while (!next.done) {
    const { name } = next.value;
    const before = performance.now();
    const result = next.value.now();
    const milliseconds = performance.now() - before;
    inOps += milliseconds;
    const op = ops.get(name) ?? { milliseconds: 0, calls: 0 };
    op.milliseconds += milliseconds;
    op.calls++;
    ops.set(name, op);
    next = steps.next(result);
  }
  return { left: next.value, total: performance.now() - start, inOps, ops };
}

function timed(call: () => void): number {
  const samples: number[] = [];
  for (let spent = 0; spent < budgetMilliseconds; ) {
    const start = performance.now();
    call();
    const milliseconds = performance.now() - start;
    spent += milliseconds;
    samples.push(milliseconds);
  }
  return quantile(
    samples.sort((a, b) => a - b),
    0.5,
  );
}
