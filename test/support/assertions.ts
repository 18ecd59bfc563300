// Assertions on tensors and on errors.
import assert from 'node:assert/strict';
import type { Tensor } from 'tokensieve';
import { leastPositive, roundingError } from './error-budget.js';
import { decode } from './tensors.js';

/** Every element within its absolute tolerance of what is expected, plus one rounding to the tensor's own type. */
export function assertWithin(
  actual: Tensor,
  expected: { readonly data: ArrayLike<number>; readonly dims: readonly number[] },
  tolerance: ArrayLike<number> | ((index: number) => number),
  label = '',
): void {
  assert.deepEqual(actual.dims, expected.dims, `${label} dims`);
  const type = actual.type as keyof typeof roundingError;
  const { data } = decode(actual);
  const allowed = typeof tolerance === 'function' ? tolerance : (i: number) => tolerance[i];
  for (let i = 0; i < data.length; i++) {
    const value = expected.data[i];
    if (Object.is(data[i], value) || data[i] === value) continue;
    const limit = allowed(i) + Math.abs(value) * roundingError[type] + leastPositive[type];
    const distance = Math.abs(data[i] - value);
    if (!(distance <= limit)) {
      assert.fail(`${label}[${i}]: got ${data[i]}, expected ${value}; off by ${distance}, allowed ${limit}`);
    }
  }
}

/** The same dims and the same bits. */
export function assertSameBits(actual: Tensor, expected: Tensor, label = ''): void {
  assert.deepEqual(actual.dims, expected.dims, `${label} dims`);
  assert.equal(actual.type, expected.type, `${label} type`);
  assert.ok(bytesOf(actual).equals(bytesOf(expected)), `${label} bits differ`);
}

export function bytesOf({ data }: Tensor): Buffer {
  return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

const classOfCode = {
  ERR_TOKENSIEVE_TYPE: TypeError,
  ERR_TOKENSIEVE_RANGE: RangeError,
  ERR_TOKENSIEVE_SHAPE: RangeError,
  ERR_TOKENSIEVE_OVERLAP: RangeError,
  ERR_TOKENSIEVE_DETACHED: TypeError,
} as const;

export type ArgumentCode = keyof typeof classOfCode;

/**
 * The error of a bad argument: its code, the class that goes with it, and a message that begins with the argument's
 * path (a regular expression where either of two may be blamed) and names the value.
 */
export function isArgumentError(
  code: ArgumentCode,
  path: string,
  value?: string | number,
): (error: unknown) => true {
  return (error) => {
    const expected = classOfCode[code];
    assert.ok(error instanceof expected, `${code} must come as a ${expected.name}: ${error}`);
    assert.equal((error as Error & { code?: string }).code, code, error.message);
    assert.match(error.message, new RegExp(`^(${path})(?![A-Za-z])`), 'the message begins with the path');
    if (value !== undefined)
      assert.ok(error.message.includes(String(value)), `"${error.message}" must name ${value}`);
    return true;
  };
}
