import type { Draw } from './draw.js';

/** A call that is right. */
export interface Call {
  readonly args: unknown[];
  /** What the function is a method of. */
  readonly receiver?: unknown;
  /** What `use` needs besides, which may be put wrong as the arguments may. */
  readonly more?: unknown[];
  /** True where the library refuses the call as it is. */
  readonly isRefused?: boolean;
  /** Puts the result to its use, where it is a part of something that runs. */
  use?(result: unknown, more: readonly unknown[]): unknown;
  /** Throws where what comes of the call is not right. */
  verify?(result: unknown): void;
}

/** How calls of a function are made. */
export interface Recipe {
  call(draw: Draw): Call;
  /** False where wrong arguments mean nothing to the library, as for the constructor of an error. */
  readonly mutable?: boolean;
}

/** Recipes by the name of what they call; see `Target.recipe`. */
export type Recipes = Readonly<Record<string, Recipe>>;

/** A recipe for a function whose calls are made of arguments alone. */
export function recipe(call: Recipe['call'], mutable = true): Recipe {
  return { call, mutable };
}
