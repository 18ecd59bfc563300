import { types } from 'node:util';

/** The typed arrays in a result, in the order of its properties. */
export function arraysIn(value: unknown): NodeJS.TypedArray[] {
  if (types.isTypedArray(value)) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(arraysIn) : [];
}
