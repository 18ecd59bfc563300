import { type Budget, countsOf } from '../budgets/budget.js';
import type { Rounding } from '../budgets/schedule.js';
import { typeError } from '../errors.js';
import { readOptions, readWord } from '../options.js';
import { type PositionRule, readPositionRule } from '../positions.js';
import type { Sieve } from '../sieve.js';
import type { RowTokens, SieveInputs } from '../sieve-inputs.js';

/**
 * Whose rounding, order and arithmetic a method follows where a paper and its authors' code differ: the paper's
 * intent by default. Each method's file says what differs.
 */
export type Reference = 'paper' | 'authors';

/** Options that every method has. */
export interface MethodOptions {
  /** `'paper'` by default. */
  readonly reference?: Reference;
  /** Where the tokens left stand; `'kept'` by default, save where a method says otherwise. */
  readonly positions?: PositionRule;
}

/** Checks a `reference` option. */
export function readReference(reference: Reference): Reference {
  return readWord('options.reference', reference, ['paper', 'authors']);
}

/** Checks the options that every method has. */
export function readMethodOptions(
  options: MethodOptions,
  positionsByDefault: PositionRule = 'kept',
): { readonly isAuthors: boolean; readonly positions: PositionRule } {
  if (options === undefined) throw typeError('options', 'an object', options);
  const { reference = 'paper', positions = positionsByDefault } = readOptions(options);
  return { isAuthors: readReference(reference) === 'authors', positions: readPositionRule(positions) };
}

/** How a method rounds down whose authors write `int()`. */
export function roundingDown({ reference }: MethodOptions): Rounding {
  return reference === 'authors' ? 'truncate' : 'floor';
}

/** What a method says of the tokens that it leaves: of which row, at which layer. */
export interface CountedRow extends RowTokens {
  readonly layer?: number;
  /** `[h,w]` or `[t,h,w]`, of the method's option or of the inputs. */
  readonly grid?: readonly number[];
}

/** Tokens that stay of a row by a budget of numbers: all of them where nothing is removed at that layer. */
export function tokensLeftBy(budget: Budget, row: CountedRow): number {
  const amount = budget(row.layer);
  if (amount === undefined) return row.tokens;
  if ('rule' in amount) throw typeError('budget', 'a budget of numbers', amount.rule);
  return countsOf([row], amount)[0];
}

/** Kinds of methods, as papers and this package's documentation have them. */
export const methodGroups = [
  'vision transformers',
  'dense prediction',
  'vision-language',
  'video',
  'general',
] as const;

/** What a table of methods says of one: for documentation, tests and benchmarks that go through them all. */
export interface Method<Options extends object = object> {
  /** The name of its function. */
  readonly name: string;
  readonly group: (typeof methodGroups)[number];
  readonly title: string;
  readonly authors: string;
  readonly year: number;
  /** arXiv number. */
  readonly arxiv: string;
  /** The licence of the authors' code, and what that means here. */
  readonly licence: string;
  /** In a few words, what becomes of the tokens. */
  readonly summary: string;
  /**
   * What it is made for: the tokens of a picture, of which a class token may be the first (masked 1, or protected by
   * the method itself); a prompt whose picture's tokens are free and whose text is masked 1; or the frames of a video.
   */
  readonly over: 'image' | 'prompt' | 'video';
  /** Whether the first token is a class token that the method itself protects. */
  readonly classToken: boolean;
  /** The inputs that it reads besides `hidden`. */
  readonly needs: readonly (keyof SieveInputs)[];
  /** Whether it works on a model as it is, with nothing learnt for it. */
  readonly trainingFree: boolean;
  /** Options that a first try can start from; a grid is left to the inputs. */
  readonly defaults: Options;
  /**
   * How tokens left are listed. `'place'`: by the place of what each stands for. `'bipartite'`: the sources that stay,
   * then the destinations, each by place. `'score'`: kept ones by place, then others by falling score. `'appended'`:
   * kept tokens by place, then what was made of others. `'own'`: as the method's doc comment says.
   */
  readonly order: 'place' | 'bipartite' | 'score' | 'appended' | 'own';
  /**
   * Tokens that stay of a row, those kept included: a number where numbers alone decide, undefined where the tokens do.
   */
  tokensLeft(options: Options, row: CountedRow): number | undefined;
  create(options: Options): Sieve;
}
