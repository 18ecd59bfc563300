// What a typed array is, asked of the array itself: a class can be forged and a property overridden, and an array of
// another realm (a vm context, as test runners make them) is no instance of the classes known here.

function getterOf(name: PropertyKey): (value: unknown) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name)!;
  return (value) => Reflect.apply(get!, value, []) as unknown;
}

/** The name of a typed array's class, such as `Float32Array`; undefined for anything else. */
export const arrayName = getterOf(Symbol.toStringTag) as (value: unknown) => string | undefined;

/** The elements a typed array has now: 0 when its memory is gone. */
export const arrayLength = getterOf('length') as (array: unknown) => number;
