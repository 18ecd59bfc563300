import { readWord } from '../options.js';
import type { Sieve } from '../sieve.js';
import type { SieveInputs } from '../sieve-inputs.js';

/**
 * Whose rounding, order and arithmetic a method follows where a paper and its authors' code differ: the paper's
 * intent by default. Each method's file says what differs.
 */
export type Reference = 'paper' | 'authors';

/** Checks a `reference` option. */
export function readReference(reference: Reference): Reference {
  return readWord('options.reference', reference, ['paper', 'authors']);
}

/** What a table of methods says of one: for documentation, tests and benchmarks that go through them all. */
export interface Method<Options extends object = object> {
  /** The name of its function. */
  readonly name: string;
  readonly group: 'vision transformer' | 'general';
  readonly title: string;
  readonly authors: string;
  readonly year: number;
  /** arXiv number. */
  readonly arxiv: string;
  /** The licence of the authors' code, and what that means here. */
  readonly licence: string;
  /** The inputs that it reads besides `hidden`. */
  readonly needs: readonly (keyof SieveInputs)[];
  /** Options that a first try can start from. */
  readonly defaults: Options;
  create(options: Options): Sieve;
}
