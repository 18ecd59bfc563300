import { addon, type NativeFailure } from '../addon.js';
import { type DeviceMemory, usable } from '../device-memory.js';
import { type AnyTensor, DeviceTensor } from '../device-tensor.js';
import { type ErrorCode, errorCodes, rangeError, TokenSieveError, typeError } from '../errors.js';
import { isCancelled, toError } from '../native-failure.js';
import { isHost, newDeviceTensor, type Operand, operandOf, readOperand } from '../operand.js';
import { type DataType, type FloatType, holds, readList, reshape, type Tensor, zeros } from '../tensor.js';
import { arrayLength } from '../typed-array.js';

/** Options that every operation takes. */
export interface CommonOptions {
  /** Stops an asynchronous call: it rejects with the signal's reason and writes nothing. */
  signal?: AbortSignal | undefined;
}

/** A tensor in one of an operation's places; `swapped` when dimensions 1 and 2 are exchanged in memory. */
export interface Placed {
  readonly tensor: Operand;
  readonly swapped: boolean;
}

/** One call, ready to cross: places and numbers in the order of the operation's adapter in native/node/operations.cc. */
export interface Invocation<R> {
  readonly operation: string;
  readonly inputs: readonly (Operand | Placed | undefined)[];
  readonly outputs: readonly (Output | undefined)[];
  readonly numbers: readonly number[];
  /** Makes the result once the outputs are filled. */
  readonly result: () => R;
}

/** A tensor to fill. One that the caller gave is computed apart in asynchronous calls and copied at the end. */
export interface Output<T extends DataType = DataType> {
  readonly tensor: Operand<T>;
  /** What the caller gets. */
  readonly shown: AnyTensor<T>;
  readonly given: boolean;
  /** Why the tensor that the caller gave can not be used, to be said when all inputs are right. */
  readonly misfit: Error | undefined;
  readonly swapped: boolean;
}

const typeNumbers: Readonly<Record<DataType, number>> = {
  float32: 1,
  float16: 2,
  bfloat16: 3,
  int32: 4,
  int64: 5,
  uint8: 6,
};

const slotNumbers = 9;
const operationNumbers = new Map(addon.operations.map((name, index) => [name, index]));
// One call is laid out and read at a time, so the header can be used again.
const header = new Float64Array(20 * slotNumbers + 32 + 1);

/** `memories`: where the tensors lie that lie on devices, of which the first has the call run on its stream. */
function layOut(invocation: Invocation<unknown>): {
  operation: number;
  arrays: unknown[];
  memories: DeviceMemory[] | undefined;
} {
  const operation = operationNumbers.get(invocation.operation);
  if (operation === undefined) {
    throw new TokenSieveError(
      'ERR_TOKENSIEVE_INTERNAL',
      `the binary has no operation ${invocation.operation}`,
    );
  }
  const arrays: unknown[] = [];
  let memories: DeviceMemory[] | undefined;
  let at = 0;
  const place = (tensor: Operand | undefined, swapped: boolean): void => {
    header[at] = tensor === undefined ? 0 : typeNumbers[tensor.type];
    if (tensor !== undefined) {
      const { dims } = tensor;
      header[at + 1] = dims.length;
      for (let i = 0; i < dims.length; i++) header[at + 2 + i] = dims[i]!;
      header[at + 6] = swapped ? 1 : 0;
      header[at + 7] = 0;
      if (!ArrayBuffer.isView(tensor.data)) {
        const { pointer, stream } = usable('a tensor', tensor.data);
        header[at + 7] = stream.index + 1;
        header[at + 8] = pointer;
        memories ??= [];
        memories.push(tensor.data);
      }
    }
    arrays.push(tensor?.data);
    at += slotNumbers;
  };
  for (const input of invocation.inputs) {
    if (input !== undefined && 'tensor' in input) place(input.tensor, input.swapped);
    else place(input, false);
  }
  for (const output of invocation.outputs) place(output?.tensor, output?.swapped ?? false);
  for (const number of invocation.numbers) header[at++] = number;
  header[at] = memories?.[0].stream.pointer ?? 0;
  return { operation, arrays, memories };
}

/** Calls the addon, of which what it throws has a code and a message but not yet its class. */
function crossing<R>(call: () => R): R {
  try {
    return call();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    throw typeof code === 'string' && code in errorCodes
      ? new TokenSieveError(code as ErrorCode, message)
      : error;
  }
}

/** Refuses what is wrong with a call before any of it is done. */
function check(invocation: Invocation<unknown>): void {
  const { operation, arrays } = layOut(invocation);
  const failure = crossing(() => addon.check(operation, header, ...arrays));
  if (failure !== undefined) throw toError(failure);
  for (const output of invocation.outputs) if (output?.misfit) throw output.misfit;
}

/** Runs a call on the calling thread, without copies; on device tensors, enqueues it. */
export function runSync<R>(invocation: Invocation<R>): R {
  if (invocation.outputs.some((output) => output?.misfit)) check(invocation);
  const { operation, arrays, memories } = layOut(invocation);
  if (memories !== undefined) return enqueue(invocation, memories, operation, arrays);
  const failure = crossing(() => addon.run(operation, header, ...arrays));
  if (failure !== undefined) throw toError(failure);
  return invocation.result();
}

/** Runs a call on the package's threads, or on a device. Rejects with the signal's reason once that is aborted. */
export function runAsync<R>(invocation: Invocation<R>, signal: AbortSignal | undefined): Promise<R> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // On the caller's own memory: the copies that the call works on never overlap.
    check(invocation);
    const { operation, arrays, memories } = layOut(invocation);
    if (memories !== undefined) {
      const result = enqueue(invocation, memories, operation, arrays);
      const done = memories[0].stream.whenDone().then(
        () => result,
        (error: unknown) => {
          abandon(invocation);
          throw error;
        },
      );
      resolve(signal === undefined ? done : unlessAborted(done, signal, () => abandon(invocation)));
      return;
    }
    let copied = 0;
    invocation.outputs.forEach((output, i) => {
      if (output?.given) copied |= 1 << i;
    });
    const done = (failure: NativeFailure | 'detached' | undefined): void => {
      try {
        if (signal !== undefined) forget(signal, call);
        if (failure === undefined) resolve(invocation.result());
        else if (failure !== 'detached') reject(isCancelled(failure) ? signal?.reason : toError(failure));
        else
          reject(
            new TokenSieveError('ERR_TOKENSIEVE_DETACHED', 'the buffer of options.out was transferred away'),
          );
      } catch (error) {
        reject(error);
      }
    };
    const call = crossing(() => addon.start(operation, header, copied, done, ...arrays));
    if (signal !== undefined) cancelOn(signal, call);
  });
}

/** Checks a call and puts it on the stream of the first of its memories, in order with whoever else works with them. */
function enqueue<R>(
  invocation: Invocation<R>,
  memories: readonly DeviceMemory[],
  operation: number,
  arrays: readonly unknown[],
): R {
  const { stream } = memories[0];
  const lenders = new Set(memories.flatMap((memory) => memory.lenders(stream)));
  try {
    stream.between(lenders, () => {
      const failure = crossing(() => addon.run(operation, header, ...arrays));
      if (failure !== undefined) throw toError(failure);
    });
  } catch (error) {
    abandon(invocation);
    throw error;
  }
  return invocation.result();
}

/** Lets go of the tensors that were made for a call which failed. */
function abandon(invocation: Invocation<unknown>): void {
  for (const output of invocation.outputs) {
    if (output !== undefined && !output.given && output.shown instanceof DeviceTensor) output.shown.dispose();
  }
}

/** What a device does cannot be stopped; whoever waits for it can be let go. */
function unlessAborted<R>(done: Promise<R>, signal: AbortSignal, abandon: () => void): Promise<R> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      abandon();
      reject(signal.reason);
    };
    cancelOn(signal, leave);
    done.then(resolve, reject).finally(() => forget(signal, leave));
  });
}

/** Calls under way by their signal: one listener for all of them, since many calls often share one signal. */
const callsOf = new WeakMap<AbortSignal, Set<UnderWay>>();

/** A call of the addon, or what to do instead. */
type UnderWay = number | (() => void);

function cancelAll(this: AbortSignal): void {
  for (const call of callsOf.get(this) ?? []) {
    if (typeof call === 'number') addon.cancel(call);
    else call();
  }
}

function cancelOn(signal: AbortSignal, call: UnderWay): void {
  const calls = callsOf.get(signal) ?? new Set();
  callsOf.set(signal, calls);
  if (calls.size === 0) signal.addEventListener('abort', cancelAll, { once: true });
  calls.add(call);
}

function forget(signal: AbortSignal, call: UnderWay): void {
  const calls = callsOf.get(signal);
  calls?.delete(call);
  if (calls?.size === 0) signal.removeEventListener('abort', cancelAll);
}

/** Checks that `signal` is one, or absent. */
export function readSignal(options: { signal?: unknown }): AbortSignal | undefined {
  const { signal } = options;
  if (signal === undefined || isSignal(signal)) return signal;
  throw typeError('options.signal', 'an AbortSignal', signal);
}

const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')!.get!;

/** Whether a value is an AbortSignal in more than its prototype. */
function isSignal(value: unknown): value is AbortSignal {
  if (!(value instanceof AbortSignal)) return false;
  try {
    return typeof Reflect.apply(aborted, value, []) === 'boolean';
  } catch {
    return false;
  }
}

/** Checks that options are an object, or absent. */
export function readOptions<T extends object>(options: T | undefined): T {
  if (options === undefined) return {} as T;
  if (typeof options === 'object' && options !== null && !ArrayBuffer.isView(options)) return options;
  throw typeError('options', 'an object', options);
}

/** The float types, as {@link readOperand} takes them. */
export const floatTypes: readonly FloatType[] = ['float32', 'float16', 'bfloat16'];

/**
 * The output for one field of a result: the tensor in `out` when the caller gave one, else a new one.
 *
 * @param dims its dims as the caller sees them; whether they fit the inputs is for the C interface to say
 * @param like data of an input: the output lies where that does, and is of its class
 */
export function outputFor<T extends DataType>(
  out: unknown,
  field: string,
  type: T,
  dims: readonly number[],
  like: Operand['data'] | undefined,
): Output<T> {
  if (out !== undefined && (typeof out !== 'object' || out === null))
    throw typeError('options.out', 'an object', out);
  const value = (out as Record<string, unknown> | undefined)?.[field];
  return outputAt(`options.out.${field}`, value, type, dims, like);
}

/** The output that a caller gave at `path`, or a new one. */
export function outputAt<T extends DataType>(
  path: string,
  value: unknown,
  type: T,
  dims: readonly number[],
  like: Operand['data'] | undefined,
): Output<T> {
  if (value === undefined) {
    const shown =
      like === undefined || ArrayBuffer.isView(like)
        ? zeros(type, dims, like)
        : newDeviceTensor(type, dims, like);
    return { tensor: operandOf(shown), shown, given: false, misfit: undefined, swapped: false };
  }
  const tensor = readOperand(path, value, [type]);
  if (tensor.dims.length !== dims.length || dims.some((dim, i) => dim !== tensor.dims[i])) {
    const misfit = rangeError(`${path}.dims`, `[${dims.join(', ')}]`, tensor.dims, 'ERR_TOKENSIEVE_SHAPE');
    return { ...outputAt(path, undefined, type, dims, like), misfit };
  }
  const shown = isHost(tensor) ? tensor : (value as DeviceTensor<T>);
  return { tensor, shown, given: true, misfit: undefined, swapped: false };
}

/** An output with other dims for the kernel than the caller sees. */
export function withDims<T extends DataType>(
  { tensor, shown, given, misfit }: Output<T>,
  dims: readonly number[],
  swapped = false,
): Output<T> {
  return { tensor: reshape(tensor, dims), shown, given, misfit, swapped };
}

/** A tensor brought to a rank by adding leading 1s; the C interface refuses what is too long. */
export function withRank<T extends DataType>(path: string, tensor: Operand<T>, rank: number): Operand<T> {
  const missing = rank - tensor.dims.length;
  if (missing === 0) return tensor;
  if (missing < 0 || tensor.dims.length === 0) {
    throw rangeError(`${path}.dims`, `1 to ${rank} dimensions`, tensor.dims.length, 'ERR_TOKENSIEVE_SHAPE');
  }
  return reshape(tensor, [...new Array<number>(missing).fill(1), ...tensor.dims]);
}

/** A number that must be an integer where given. */
export function readInteger(path: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw typeError(path, 'an integer', value);
  if (!Number.isInteger(value)) throw rangeError(path, 'an integer', value);
  return value + 0; // -0 is 0
}

/** The elements of an array of integers, each `expected` so. */
export function readIntegers(path: string, value: unknown, expected: string): Tensor<'int32'> {
  const list = readList(path, 'an array of integers', value, 2 ** 24);
  const data = Int32Array.from(list, (element, i) => {
    const integer = readInteger(`${path}[${i}]`, element ?? Number.NaN, 0);
    if ((integer | 0) === integer) return integer;
    throw rangeError(`${path}[${i}]`, expected, integer);
  });
  return { type: 'int32', data, dims: [data.length] };
}

/** A number, where given. */
export function readNumber(path: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw typeError(path, 'a number', value);
  return value;
}

/** A boolean, where given. */
export function readBoolean(path: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw typeError(path, 'true or false', value);
  return value;
}

/** One of some words as the number of its place, where given. */
export function readChoice(
  path: string,
  value: unknown,
  choices: readonly string[],
  fallback: string,
): number {
  const place = choices.indexOf((value === undefined ? fallback : value) as string);
  if (place < 0) throw typeError(path, choices.map((choice) => `'${choice}'`).join(' or '), value);
  return place;
}

/**
 * A small array that may come bare: `mask, queryMask, bias, lse, weights, positions, queries, indices, lengths`.
 * A bare one gets the dims given, or its own length.
 */
export function readArray<T extends DataType>(
  path: string,
  value: unknown,
  types: readonly T[],
  dims?: readonly number[],
): Operand<T> | undefined {
  return value === undefined ? undefined : readRequiredArray(path, value, types, dims);
}

/** As {@link readArray}, for an argument that must be there. */
export function readRequiredArray<T extends DataType>(
  path: string,
  value: unknown,
  types: readonly T[],
  dims?: readonly number[],
): Operand<T> {
  if (!ArrayBuffer.isView(value)) {
    const tensor = readOperand(path, value, types);
    const rank = tensor.dims.length;
    if (rank >= 1 && rank <= 4) return tensor;
    throw rangeError(`${path}.dims`, '1 to 4 dimensions', rank, 'ERR_TOKENSIEVE_SHAPE');
  }
  const isArrayOf = (type: DataType): boolean =>
    type !== 'float16' && type !== 'bfloat16' && holds(type, value);
  const type = types.find(isArrayOf);
  if (type === undefined) throw typeError(path, `${types.join(' or ')} values`, value);
  const length = arrayLength(value);
  const fits = dims !== undefined && dims.reduce((a, b) => a * b, 1) === length;
  return { type, data: value as Tensor<T>['data'], dims: fits ? dims : [length] };
}
