// Every function that the package exports, as it is: a new one is found here before anyone has thought of it.
import * as tokensieve from 'tokensieve';

/** A function to call, and the name of the recipe that makes its arguments. */
export interface Target {
  /** Where it stands in the package, such as `topKSync`, `budgets.keep` or `TokenMap.prototype.compose`. */
  readonly path: string;
  /** The same for both forms of an operation. */
  readonly recipe: string;
  call(receiver: unknown, args: readonly unknown[]): unknown;
}

type AnyFunction = (...args: unknown[]) => unknown;

function isClass(value: AnyFunction): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function target(path: string, call: AnyFunction): Target {
  const recipe = path.replace(/Sync$/, '');
  return { path, recipe, call: (receiver, args) => Reflect.apply(call, receiver, args) };
}

function methodsOf(path: string, holder: object): Target[] {
  return Object.getOwnPropertyNames(holder).flatMap((name) => {
    const { value } = Object.getOwnPropertyDescriptor(holder, name) ?? {};
    return typeof value === 'function' && name !== 'constructor' ? [target(`${path}.${name}`, value)] : [];
  });
}

function targetsIn(path: string, value: unknown): Target[] {
  if (typeof value === 'function') {
    const call = value as AnyFunction;
    if (!isClass(call)) return [target(path, call)];
    const { prototype } = call as unknown as { prototype: object };
    const construct = (...args: unknown[]) => Reflect.construct(call, args) as unknown;
    return [target(path, construct), ...methodsOf(path, call), ...methodsOf(`${path}.prototype`, prototype)];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]: [string, unknown]) => {
    const name = (member as { name?: unknown } | null)?.name;
    const isRow = Array.isArray(value) && typeof name === 'string';
    return targetsIn(`${path}.${isRow ? name : key}`, member);
  });
}

/** All of them, in the order of their exports. */
export function everyTarget(): Target[] {
  return Object.entries(tokensieve).flatMap(([name, value]) =>
    name === 'default' ? [] : targetsIn(name, value),
  );
}
