// What no caller should pass, and some will.
import { runInNewContext } from 'node:vm';
import { TokenMap } from 'tokensieve';
import type { Draw } from './draw.js';

const numbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  2,
  7,
  0.5,
  1e-9,
  Number.NaN,
  Infinity,
  -Infinity,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 33,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
  1e300,
  -1e300,
];

const words: readonly string[] = [
  '',
  'x',
  '3',
  'float32',
  'int64',
  'mean',
  'all',
  '__proto__',
  'a'.repeat(300),
];

class Longer extends Float32Array {
  override get length(): number {
    return 1_000_000;
  }
}

const foreign = runInNewContext(
  '({ Float32Array, Int32Array, Uint8Array, Uint16Array, BigInt64Array, Array })',
) as {
  readonly [name: string]: new (...args: unknown[]) => unknown;
};

/** The same elements in a class of another realm, such as a vm context or a frame; undefined where it has none. */
export function inOtherRealm(view: NodeJS.TypedArray): unknown {
  const Class = foreign[view.constructor.name];
  return Class && new Class(view.buffer, view.byteOffset, view.length);
}

export function arrayOfOtherRealm(list: readonly unknown[]): unknown {
  const array = new foreign.Array() as unknown[];
  array.push(...list);
  return array;
}

function endless(): number[] {
  const array = [1, 2, 3];
  array[Symbol.iterator] = function* () {
    for (;;) yield 1;
  };
  return array;
}

function sparse(length: number): unknown[] {
  const array: unknown[] = [];
  array.length = length;
  return array;
}

function cyclic(): unknown {
  const object: Record<string, unknown> = { type: 'float32', dims: [1] };
  object.data = object;
  return object;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const others: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => 10n,
  () => -(2n ** 64n),
  () => Symbol('x'),
  () => () => 0,
  () => [],
  () => [1],
  () => [1, 'x'],
  () => [2, 3, 4],
  () => new Array(3),
  () => sparse(2 ** 32 - 1),
  () => endless(),
  () => [[1, 2], [3]],
  () => arrayOfOtherRealm([2, 3]),
  () => ({}),
  () => Object.create(null),
  () => Object.create(TokenMap.prototype),
  () => Object.create(AbortSignal.prototype),
  () => cyclic(),
  () => new Date(0),
  () => /x/,
  () => new Map([[1, 2]]),
  () => new Set([1]),
  () => new Number(3),
  () => ({ valueOf: () => 3, toString: () => 'mean' }),
  () => new ArrayBuffer(16),
  () => new SharedArrayBuffer(16),
  () => new DataView(new ArrayBuffer(16)),
  () => Buffer.alloc(12),
  () => new Float64Array(4),
  () => new Int8Array(4),
  () => new Uint8ClampedArray(4),
  () => new Uint32Array(4),
  () => new BigUint64Array(2),
  () => new Float32Array(0),
  () => new Longer(4),
  () => new Proxy(new Float32Array(4), {}),
  () => new Proxy([2, 3], {}),
  () => new Proxy({}, { get: () => 2 ** 31 }),
  () => revoked(),
  () => TokenMap.fromKept(Int32Array.of(0, 1), 2),
  () => AbortSignal.abort('reason'),
  () => ({ indices: { type: 'int32', data: Int32Array.of(5), dims: [1] }, offsets: Int32Array.of(0, 1) }),
  () => ({ type: 'float32', data: new Float32Array(0), dims: [2 ** 31 - 1, 0, 2 ** 31 - 1] }),
  () => ({ type: 'float32', data: new Float32Array(0), dims: [2 ** 31 - 1, 2 ** 31 - 1, 0] }),
  () => ({ type: 'float32', data: new Float32Array(0), dims: [2 ** 40, 0, 3] }),
  () => ({ type: 'float32', data: new Float32Array(0), dims: [0, 2 ** 52] }),
  () => ({ type: 'float32', data: new Float32Array(4), dims: [1, 1, 1, 1, 1, 1, 4] }),
  () => ({ type: 'float32', data: new Float32Array(1), dims: [] }),
  () => ({ type: 'float32', data: new Longer(4), dims: [1_000_000] }),
  () => ({ type: 'float32', data: new Float32Array(4), dims: [4], location: 'gpu' }),
  () => ({ type: 'float16', data: new Float32Array(4), dims: [4] }),
  () => ({ type: 'int64', data: BigInt64Array.of(-1n, 2n ** 62n), dims: [2] }),
  () => ({ first: 10 }),
  () => ({ last: -1 }),
  () => ({ last: 2 ** 52 }),
  () => ({ size: 0 }),
  () => ({ size: 1e-300 }),
  () => ({ kernel: 2 ** 31 - 1 }),
];

/** Any of it. */
export function hostile(draw: Draw): unknown {
  const kind = draw.uniform();
  if (kind < 0.35) return draw.pick(numbers);
  if (kind < 0.4) return draw.pick(words);
  return draw.pick(others)();
}

export function hostileNumber(draw: Draw): number {
  return draw.pick(numbers);
}
