import { typeError } from '../errors.js';
import { readInteger } from './call.js';

/**
 * How many tokens an operation is to choose of each batch item. A count that no item has is refused by the C
 * interface, before a result of that size would be made: `room` is 0 for it.
 */
export function readChoiceCount(value: unknown, length: number): { count: number; room: number } {
  if (typeof value !== 'number') throw typeError('options.count', 'an integer', value);
  const count = readInteger('options.count', value, 0);
  return { count, room: count >= 0 && count <= length ? count : 0 };
}
