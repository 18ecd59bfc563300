import { rangeError, typeError } from './errors.js';

export { readOptions, readSignal } from './ops/call.js';

/** One of some words. */
export function readWord<T extends string>(path: string, value: T, words: readonly T[]): T {
  if (!words.includes(value)) throw typeError(path, words.map((word) => `'${word}'`).join(' or '), value);
  return value;
}

/** An integer from `least` on. */
export function readInteger(path: string, value: unknown, least: number): number {
  if (typeof value !== 'number') throw typeError(path, 'an integer', value);
  if (!Number.isSafeInteger(value) || value < least)
    throw rangeError(path, `an integer from ${least}`, value);
  return value;
}

/** A threshold: any number, infinite ones too. */
export function readThreshold(path: string, value: unknown): number {
  if (typeof value !== 'number') throw typeError(path, 'a number', value);
  if (Number.isNaN(value)) throw rangeError(path, 'a number', value);
  return value;
}
