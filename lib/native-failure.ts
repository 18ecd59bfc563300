// What the C interface says went wrong, as an error.
import type { NativeFailure } from './addon.js';
import { type ErrorCode, TokenSieveError } from './errors.js';

/** By `tsv_status`. */
const statuses: readonly (ErrorCode | 'cancelled')[] = [
  'ERR_TOKENSIEVE_INTERNAL',
  'ERR_TOKENSIEVE_TYPE',
  'ERR_TOKENSIEVE_RANGE',
  'ERR_TOKENSIEVE_SHAPE',
  'ERR_TOKENSIEVE_OVERLAP',
  'cancelled',
  'ERR_TOKENSIEVE_MEMORY',
  'ERR_TOKENSIEVE_DEVICE',
  'ERR_TOKENSIEVE_INTERNAL',
  'ERR_TOKENSIEVE_NO_CUDA',
  'ERR_TOKENSIEVE_CUDA',
];

/** Whether a call failed because it was cancelled. */
export function isCancelled([status]: NativeFailure): boolean {
  return statuses[status] === 'cancelled';
}

/** The error that a failure is to JavaScript. */
export function toError([status, argument, expected, got]: NativeFailure): Error {
  const code = statuses[status] ?? 'ERR_TOKENSIEVE_INTERNAL';
  const message = `${argument} must be ${expected}; got ${got}`;
  const plain = got === '' ? expected : `${expected}: ${got}`;
  switch (code) {
    case 'ERR_TOKENSIEVE_TYPE':
      return Object.assign(new TypeError(message), { code });
    case 'ERR_TOKENSIEVE_RANGE':
    case 'ERR_TOKENSIEVE_SHAPE':
    case 'ERR_TOKENSIEVE_OVERLAP':
    case 'ERR_TOKENSIEVE_DEVICE':
      return Object.assign(new RangeError(message), { code });
    case 'ERR_TOKENSIEVE_MEMORY':
      return new TokenSieveError(code, argument === '' ? plain : 'not enough memory for the operation');
    case 'ERR_TOKENSIEVE_NO_CUDA':
    case 'ERR_TOKENSIEVE_CUDA':
      return new TokenSieveError(code, plain);
    default:
      return new TokenSieveError('ERR_TOKENSIEVE_INTERNAL', message);
  }
}
