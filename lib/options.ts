import { typeError } from './errors.js';

export { readOptions, readSignal } from './ops/call.js';

/** One of some words. */
export function readWord<T extends string>(path: string, value: T, words: readonly T[]): T {
  if (!words.includes(value)) throw typeError(path, words.map((word) => `'${word}'`).join(' or '), value);
  return value;
}
