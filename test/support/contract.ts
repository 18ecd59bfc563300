// What holds of every operation, whatever it computes: threads, async, abort, out and overlap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Tensor } from 'tokensieve';
import { assertSameBits, bytesOf, isArgumentError } from './assertions.js';
import { copyOf, sharedCopyOf } from './tensors.js';
import { withThreads } from './threads.js';

/** Options that every operation takes. */
export interface Extra<Out> {
  readonly out?: Out;
  readonly signal?: AbortSignal;
}

/** A call of an operation, large enough for several threads to share the work. */
export interface Contract<Inputs extends readonly Tensor[], Result, Out> {
  /** Each call gets copies of its own. */
  readonly inputs: Inputs;
  run(inputs: Inputs, extra?: Extra<Out>): Promise<Result>;
  runSync(inputs: Inputs, extra?: Extra<Out>): Result;
  /** The tensors of a result. */
  tensors(result: Result): Tensor[];
  /** Room for the result, and room that shares memory with one of the inputs. */
  readonly out?: Room<Out> & { overlapping(inputs: Inputs): Out };
}

/** What `out` may be, anew at each call, and the tensors in it. */
export interface Room<Out> {
  empty(): Out;
  tensors(out: Out): Tensor[];
}

function assertSameTensors(actual: readonly Tensor[], expected: readonly Tensor[]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((tensor, i) => {
    assertSameBits(actual[i], tensor, `result ${i}`);
  });
}

/** Fills tensors with a byte that no result is made of. */
function scribble(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) bytesOf(tensor).fill(0xa5);
}

function assertScribbled(tensors: readonly Tensor[]): void {
  for (const tensor of tensors)
    assert.ok(
      bytesOf(tensor).every((byte) => byte === 0xa5),
      'nothing may be written',
    );
}

function scribbled<Out>(out: Room<Out>): Out {
  const room = out.empty();
  scribble(out.tensors(room));
  return room;
}

/** Room for a result whose arrays are all shared memory. */
function sharedRoom<Out>(out: Room<Out>): Out {
  const share = (value: unknown): unknown =>
    value instanceof Int32Array
      ? sharedCopyOf({ type: 'int32', data: value, dims: [value.length] }).data
      : sharedCopyOf(value as Tensor);
  const room = scribbled(out);
  return Object.fromEntries(
    Object.entries(room as object).map(([name, value]) => [name, share(value)]),
  ) as Out;
}

export function testContract<const Inputs extends readonly Tensor[], Result, Out>({
  inputs,
  run,
  runSync,
  tensors,
  out,
}: Contract<Inputs, Result, Out>): void {
  const copies = () => inputs.map(copyOf) as unknown as Inputs;

  test('1, 2 and 4 threads give the same bits', () => {
    const [expected, ...others] = [1, 2, 4].map((n) => withThreads(n, () => tensors(runSync(copies()))));
    for (const result of others) assertSameTensors(result, expected);
  });

  test('async gives the bits of sync, from the inputs as they were at the call', async () => {
    const expected = tensors(runSync(copies()));
    const given = copies();
    const promise = run(given);
    scribble(given);
    assertSameTensors(tensors(await promise), expected);
  });

  test('several calls in flight do not disturb each other', async () => {
    const expected = tensors(runSync(copies()));
    const results = await Promise.all(Array.from({ length: 4 }, () => run(copies())));
    for (const result of results) assertSameTensors(tensors(result), expected);
  });

  test('an aborted signal rejects', async () => {
    const reason = new Error('not needed any more');
    await assert.rejects(run(copies(), { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  });

  test('a signal that is none is refused', async () => {
    const refused = isArgumentError('ERR_TOKENSIEVE_TYPE', 'options\\.signal', 1);
    await assert.rejects(run(copies(), { signal: 1 as unknown as AbortSignal }), refused);
  });

  test('shared memory is read where it is', async () => {
    const expected = tensors(runSync(copies()));
    const shared = inputs.map(sharedCopyOf) as unknown as Inputs;
    assertSameTensors(tensors(runSync(shared)), expected);
    assertSameTensors(tensors(await run(shared)), expected);
    assertSameTensors(shared, inputs);
  });

  if (out === undefined) return;

  test('out receives the result', async () => {
    const expected = tensors(runSync(copies()));
    const room = scribbled(out);
    assertSameTensors(tensors(runSync(copies(), { out: room })), expected);
    assertSameTensors(out.tensors(room), expected);
    const later = scribbled(out);
    assertSameTensors(tensors(await run(copies(), { out: later })), expected);
    assertSameTensors(out.tensors(later), expected);
  });

  test('out may be shared memory', async () => {
    const expected = tensors(runSync(copies()));
    const shared = inputs.map(sharedCopyOf) as unknown as Inputs;
    for (const call of [runSync, run]) {
      const room = sharedRoom(out);
      await call(shared, { out: room });
      assertSameTensors(out.tensors(room), expected);
    }
  });

  test('an aborted call writes nothing', async () => {
    const room = scribbled(out);
    await assert.rejects(run(copies(), { out: room, signal: AbortSignal.abort() }), { name: 'AbortError' });
    assertScribbled(out.tensors(room));
  });

  test('a call aborted under way is whole, or rejects and writes nothing', async () => {
    const expected = tensors(runSync(copies()));
    for (const turns of [0, 1, 4]) {
      const room = scribbled(out);
      const controller = new AbortController();
      const promise = run(copies(), { out: room, signal: controller.signal });
      const ended = promise.then(
        () => undefined,
        (error: unknown) => error,
      );
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      controller.abort();
      const error = await ended;
      if (error === undefined) assertSameTensors(out.tensors(room), expected);
      else {
        assert.equal(error, controller.signal.reason);
        assertScribbled(out.tensors(room));
      }
    }
  });

  test('out that shares memory with an input is refused', async () => {
    const refused = isArgumentError('ERR_TOKENSIEVE_OVERLAP', 'options\\.out');
    const given = copies();
    assert.throws(() => runSync(given, { out: out.overlapping(given) }), refused);
    await assert.rejects(run(given, { out: out.overlapping(given) }), refused);
    assertSameTensors(given, inputs);
  });
}

type AnyCall = (...args: unknown[]) => unknown;

export interface Refusal {
  readonly name: string;
  /** Positional arguments, the options last. */
  readonly args: readonly unknown[];
  readonly code: Parameters<typeof isArgumentError>[0];
  readonly path: string;
  readonly value?: string | number;
}

/** Each bad call is refused with its error, sync and async, and writes nothing into `out`. */
export function testRefusals<Out>(
  [run, runSync]: readonly [unknown, unknown],
  refusals: readonly Refusal[],
  out?: Room<Out>,
): void {
  for (const { name, args, code, path, value } of refusals) {
    test(`refuses ${name}`, async () => {
      const room = out && scribbled(out);
      const options = args[args.length - 1];
      const withRoom =
        room !== undefined && typeof options === 'object' && options !== null && !('out' in options)
          ? [...args.slice(0, -1), { ...options, out: room }]
          : args;
      const refused = isArgumentError(code, path, value);
      assert.throws(() => (runSync as AnyCall)(...withRoom), refused);
      await assert.rejects((run as AnyCall)(...withRoom) as Promise<unknown>, refused);
      if (out !== undefined && room !== undefined) assertScribbled(out.tensors(room));
    });
  }
}

/** What no caller should pass, and some will. */
const malformed: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  2 ** 40,
  Number.NaN,
  Infinity,
  10n,
  'x',
  Symbol('x'),
  () => 0,
  [],
  [1, 'x'],
  {},
  new Float64Array(3),
  new Uint8Array(0),
  new DataView(new ArrayBuffer(8)),
  { type: 'float32', data: new Float32Array(0), dims: [0] },
  { type: 'float32', data: new Float32Array(4), dims: [2 ** 31, 2 ** 33] },
  { type: 'float32', data: new Float32Array(4), dims: [-2, -2] },
  { type: 'float32', data: new Float32Array(4), dims: [2, Number.NaN] },
  { type: 'float32', data: new Float32Array(4), dims: '4' },
  { type: 'float32', data: new Float32Array(4), dims: [1, 1, 1, 1, 1, 1, 4] },
  { type: 'float32', data: new Float32Array(4), dims: [] },
  { type: 'float32', data: [1, 2, 3, 4], dims: [4] },
  { type: 'float32', data: new Float32Array(1), dims: [] },
  { type: 'uint8', data: new Uint8Array(4), dims: [2, 2] },
  { type: 'float32', data: new Float32Array(4), dims: [4], location: 'gpu' },
  { first: 10 },
  { last: -1 },
  { kernel: 3 },
  { size: 0 },
];

/**
 * Each argument and each option in turn is replaced by what it should not be: the call succeeds or throws an error with
 * a code, and nothing worse.
 *
 * @param args positional arguments that are right, the options last, with a value for every option to try
 */
export function testMalformed([run, runSync]: readonly [unknown, unknown], args: readonly unknown[]): void {
  const options = args[args.length - 1] as Readonly<Record<string, unknown>>;
  const attempt = async (tried: readonly unknown[], what: string): Promise<void> => {
    for (const call of [runSync, run] as AnyCall[]) {
      try {
        await call(...tried);
      } catch (error) {
        const code = String((error as { code?: unknown }).code);
        assert.match(code, /^ERR_TOKENSIEVE_(TYPE|RANGE|SHAPE|OVERLAP)$/, `${what}: ${error}`);
        assert.ok(error instanceof TypeError || error instanceof RangeError, `${what}: ${error}`);
      }
    }
  };
  test('whatever the arguments, errors have a code', async () => {
    for (const [i, value] of malformed.entries()) {
      for (let place = 0; place < args.length; place++) {
        await attempt(args.with(place, value), `argument ${place} malformed[${i}]`);
      }
      for (const key of Object.keys(options)) {
        await attempt(args.with(-1, { [key]: value }), `options.${key} malformed[${i}]`);
        await attempt(
          args.with(-1, { ...options, [key]: value }),
          `options.${key} malformed[${i}], others right`,
        );
      }
    }
  });
}
