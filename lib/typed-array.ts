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

const bufferOf = getterOf('buffer') as (array: unknown) => ArrayBuffer;
const byteOffsetOf = getterOf('byteOffset') as (array: unknown) => number;
const subarray = Object.getPrototypeOf(Uint8Array.prototype).subarray as Uint8Array['subarray'];

/** Elements `start` to `end` of an array, in its memory, whatever class it says it has. Throws when that is gone. */
export function viewOf<A extends object>(array: A, start: number, end: number): A {
  const name = arrayName(array) as string;
  const Class = (globalThis as unknown as Record<string, new (...of: unknown[]) => A>)[name]!;
  const whole = new Class(bufferOf(array), byteOffsetOf(array), arrayLength(array));
  return Reflect.apply(subarray, whole, [start, end]) as unknown as A;
}
