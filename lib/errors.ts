import { types } from 'node:util';
import { arrayLength, arrayName } from './typed-array.js';

/**
 * Every code an error of this package can carry, with what it means.
 *
 * A bad argument is a `TypeError` (wrong type) or a `RangeError` (wrong value); everything else is a
 * {@link TokenSieveError}. The message names the argument's path and the value found there.
 */
export const errorCodes = {
  ERR_TOKENSIEVE_TYPE: 'an argument has the wrong JavaScript type or a tensor the wrong element type',
  ERR_TOKENSIEVE_RANGE: 'a number lies outside what the operation allows',
  ERR_TOKENSIEVE_SHAPE: 'the dims of a tensor do not fit the operation or another argument',
  ERR_TOKENSIEVE_OVERLAP: 'an output shares memory with an input or another output',
  ERR_TOKENSIEVE_DETACHED: 'the buffer of an argument was transferred away, or has shrunk',
  ERR_TOKENSIEVE_MEMORY: 'memory for a result or for working space could not be had',
  ERR_TOKENSIEVE_ABI: 'an addon that uses this one was compiled for another version of its C interface',
  ERR_TOKENSIEVE_NO_BINARY:
    'there is no native binary for this platform, or it cannot be loaded; the message says what to do',
  ERR_TOKENSIEVE_NO_CUDA: 'no usable CUDA device; the message says why',
  ERR_TOKENSIEVE_CUDA: 'the CUDA device or its driver failed; the message says at what',
  ERR_TOKENSIEVE_DEVICE:
    'a tensor lies on another device than the others, or on one that the operation has no form for',
  ERR_TOKENSIEVE_DISPOSED: 'a device or what lay on it was used after it had been disposed of',
  ERR_TOKENSIEVE_ON_DEVICE: 'the data lives on a device and must be downloaded first',
  ERR_TOKENSIEVE_INTERNAL: 'the library broke one of its own rules: please report it',
} as const;

/** A code carried by every error of this package; see {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** What went wrong when it was not an argument: a missing binary, memory, a device. */
export class TokenSieveError extends Error {
  /** See {@link errorCodes}. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenSieveError';
    this.code = code;
  }
}

/** A short, honest picture of a value for a message: never its whole content, never a throw. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'object' || value === null) return String(value);
  const name = arrayName(value);
  if (name !== undefined) return `${name}(${arrayLength(value)})`;
  if (types.isProxy(value) || !Array.isArray(value)) return 'an object';
  if (value.length > 8) return `an array of ${value.length}`;
  const elements = Array.from(
    { length: value.length },
    (_, i) => Object.getOwnPropertyDescriptor(value, i)?.value as unknown,
  );
  return elements.every((v) => typeof v === 'number' || v === null)
    ? `[${elements.join(', ')}]`
    : `an array of ${value.length}`;
}

/** Error for a value of the wrong type: `TypeError`, `ERR_TOKENSIEVE_TYPE`. */
export function typeError(path: string, expected: string, value: unknown): TypeError & { code: ErrorCode } {
  const error = new TypeError(`${path} must be ${expected}; got ${describe(value)}`);
  return Object.assign(error, { code: 'ERR_TOKENSIEVE_TYPE' as const });
}

/** Error for a value outside its range: `RangeError`, with the code given. */
export function rangeError(
  path: string,
  expected: string,
  value: unknown,
  code: ErrorCode = 'ERR_TOKENSIEVE_RANGE',
): RangeError & { code: ErrorCode } {
  const error = new RangeError(`${path} must be ${expected}; got ${describe(value)}`);
  return Object.assign(error, { code });
}
