// Puts right arguments wrong, in places all over their tree.
import { types } from 'node:util';
import { TokenMap } from 'tokensieve';
import type { Draw } from './draw.js';
import { arrayOfOtherRealm, hostile, hostileNumber, inOtherRealm } from './hostile.js';
import type { Resizable } from './memory.js';

/** What has been done to the arguments of a call, as far as its outcome is to be judged by it. */
export interface Mutations {
  /** In words, for the report. */
  readonly done: string[];
  /** What may come out of the call as it is: errors thrown by getters, reasons of signals. */
  readonly planted: Set<unknown>;
  /** Values that getters and proxies stand before, with the path they are at. */
  readonly hidden: { readonly path: string; readonly value: unknown }[];
  /** To be done when an asynchronous call has been made. */
  readonly meanwhile: (() => void)[];
}

interface Place {
  readonly holder: Record<PropertyKey, unknown>;
  readonly key: string;
  readonly path: string;
  readonly value: unknown;
}

interface World extends Mutations {
  readonly draw: Draw;
  readonly places: readonly Place[];
}

/** A change of one place; false where it does not apply there. */
type Mutation = (place: Place, world: World) => boolean;

/** Puts up to `times` places of the arguments wrong, fewer where little is left to be put wrong. */
export function mutate(root: Record<PropertyKey, unknown>, times: number, draw: Draw): Mutations {
  const mutations: Mutations = { done: [], planted: new Set(), hidden: [], meanwhile: [] };
  for (let tries = 20; tries > 0 && mutations.done.length < times; tries--) {
    const places = placesIn(root);
    const place = draw.pick(places);
    const mutation = place.holder === root ? reorder : draw.pick(mutationsOf(place.value));
    if (mutation(place, { ...mutations, draw, places }))
      mutations.done.push(`${place.path}: ${mutation.name}`);
  }
  return mutations;
}

const isPlain = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !types.isProxy(value) &&
  (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);

/** Every property below, but for those that only a getter or a proxy could tell of. */
function placesIn(root: Record<PropertyKey, unknown>, path = '', depth = 0): Place[] {
  if (depth > 6 || (Array.isArray(root) && root.length > 1000)) return [];
  return Object.keys(root).flatMap((key) => {
    const property = Object.getOwnPropertyDescriptor(root, key);
    if (property === undefined || !('value' in property)) return [];
    const value: unknown = property.value;
    const place = { holder: root, key, path: `${path}.${key}`, value };
    return isPlain(value) ? [place, ...placesIn(value, place.path, depth + 1)] : [place];
  });
}

const put = ({ holder, key }: Place, value: unknown): boolean => Reflect.set(holder, key, value);

const define = ({ holder, key }: Place, get: () => unknown): boolean =>
  Reflect.defineProperty(holder, key, { get, enumerable: true, configurable: true });

function plant({ planted }: World): Error {
  const error = new Error('thrown by an argument');
  planted.add(error);
  return error;
}

function replace(place: Place, { draw }: World): boolean {
  return put(place, hostile(draw));
}

function alias(place: Place, { draw, places }: World): boolean {
  return put(place, draw.pick(places).value);
}

function remove({ holder, key }: Place): boolean {
  return Reflect.deleteProperty(holder, key);
}

function throwingGetter(place: Place, world: World): boolean {
  const error = plant(world);
  return define(place, () => {
    throw error;
  });
}

function fickleGetter(place: Place, { draw, hidden }: World): boolean {
  const values = [place.value, hostile(draw), place.value];
  for (const value of values) hidden.push({ path: place.path, value });
  let reads = draw.integer(2);
  return define(place, () => values[Math.min(reads++, 2)]);
}

/** A getter that tells the truth, and takes some memory away from under the call. */
function thievingGetter(place: Place, world: World): boolean {
  const victim = anyView(world);
  if (victim === undefined) return false;
  world.hidden.push({ path: place.path, value: place.value });
  return define(place, () => {
    takeAway(victim, world);
    return place.value;
  });
}

function takenMeanwhile(_: Place, world: World): boolean {
  const victim = anyView(world);
  if (victim === undefined) return false;
  world.meanwhile.push(() => takeAway(victim, world));
  return true;
}

function takenBefore(_: Place, world: World): boolean {
  const victim = anyView(world);
  if (victim !== undefined) takeAway(victim, world);
  return victim !== undefined;
}

function anyView({ draw, places }: World): NodeJS.TypedArray | undefined {
  const views = places.map(({ value }) => value).filter(types.isTypedArray);
  return views.length === 0 ? undefined : draw.pick(views);
}

const ordinary: readonly unknown[] = [Float32Array, Uint16Array, Int32Array, BigInt64Array, Uint8Array].map(
  ({ prototype }) => prototype,
);

/** An array that still says of itself what is so, in memory that is there. */
function isOrdinary(value: unknown): value is NodeJS.TypedArray {
  return (
    types.isTypedArray(value) &&
    ordinary.includes(Object.getPrototypeOf(value)) &&
    !['length', 'buffer', 'byteLength'].some((name) => Object.hasOwn(value, name)) &&
    value.length > 0
  );
}

/** Shrinks a buffer, or transfers it away; what is shared can only grow. */
function takeAway({ buffer, byteOffset, byteLength }: NodeJS.TypedArray, { draw }: World): void {
  if (!types.isArrayBuffer(buffer) || buffer.byteLength === 0) return;
  draw.memory.disturb(buffer);
  if ((buffer as Resizable).resizable && draw.chance(0.7)) {
    const keep = byteOffset + draw.pick([0, Math.floor(byteLength / 2), byteLength * 1.5]);
    (buffer as Resizable).resize(Math.min(draw.pick([0, Math.floor(keep)]), buffer.byteLength));
  } else structuredClone(buffer, { transfer: [buffer] });
}

function abortSignal(place: Place, world: World): boolean {
  if (!isPlain(place.value) || Array.isArray(place.value)) return false;
  const controller = new AbortController();
  const reason = plant(world);
  if (!Reflect.set(place.value, 'signal', controller.signal)) return false;
  const abort = () => controller.abort(reason);
  if (world.draw.chance(0.3)) abort();
  else if (world.draw.chance(0.5)) world.meanwhile.push(abort);
  else world.meanwhile.push(() => setImmediate(abort));
  return true;
}

const everywhere: readonly Mutation[] = [
  replace,
  replace,
  replace,
  alias,
  alias,
  remove,
  throwingGetter,
  fickleGetter,
  thievingGetter,
  takenMeanwhile,
  takenBefore,
];

function perturb(place: Place, { draw }: World): boolean {
  const value = place.value as number;
  const near = [value + 1, value - 1, -value, value * 2, value + 0.5, value / 3, hostileNumber(draw)];
  return put(place, draw.pick(near));
}

function asOtherPrimitive(place: Place, { draw }: World): boolean {
  const value = place.value as number;
  return put(
    place,
    draw.pick([String(value), new Number(value), { valueOf: () => value }, [value], Boolean(value)]),
  );
}

function wrap(place: Place, { draw, hidden }: World): boolean {
  const target = place.value as object;
  hidden.push({ path: place.path, value: target });
  return put(place, draw.chance(0.5) ? new Proxy(target, {}) : Object.create(target));
}

function guardWithTraps(place: Place, world: World): boolean {
  const error = plant(world);
  const target = place.value as object;
  world.hidden.push({ path: place.path, value: target });
  const trap = (): never => {
    throw error;
  };
  const name = world.draw.pick(['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf']);
  return put(place, new Proxy(target, { [name]: trap }));
}

function freeze({ value }: Place): boolean {
  if (!ArrayBuffer.isView(value)) Object.freeze(value);
  return true;
}

function addProperty({ value }: Place, { draw }: World): boolean {
  if (!Object.isExtensible(value)) return false;
  const name = draw.pick([
    'extra',
    'out',
    'mask',
    'lengths',
    'signal',
    'location',
    'length',
    '__proto__',
    'then',
  ]);
  return Reflect.set(value as object, name, hostile(draw));
}

function reorder(place: Place, { draw }: World): boolean {
  const given = place.value as unknown[];
  if (given.length > 100 || Object.values(Object.getOwnPropertyDescriptors(given)).some(({ get }) => get))
    return false;
  const list = Array.prototype.slice.call(given); // by index: its iterator may be endless
  const [i, j] = [draw.integer(list.length + 1), draw.integer(list.length + 1)];
  return draw.pick([
    () => put(place, [...list.slice(0, i), list[j], ...list.slice(i)]),
    () => put(place, [...list.slice(0, i), ...list.slice(i + 1)]),
    () => put(place, list.toReversed()),
    () => put(place, [...list, 1]),
    () => put(place, [1, ...list]),
    () => put(place, [...list, 0]),
    () =>
      put(
        place,
        Int32Array.from(list, (x) => (typeof x === 'number' ? x : 0)),
      ),
    () => put(place, arrayOfOtherRealm(list)),
    () => Reflect.deleteProperty(given, String(i)),
  ])();
}

function otherView(place: Place, { draw }: World): boolean {
  const view = place.value as NodeJS.TypedArray;
  const { buffer, byteOffset, length } = view;
  return draw.pick([
    () => put(place, view.subarray(1)),
    () => put(place, view.subarray(0, Math.floor(length / 2))),
    () => put(place, view.slice()),
    () => put(place, inOtherRealm(view)),
    () => put(place, Array.from(view as Uint8Array)),
    () => put(place, new Proxy(view, {})),
    () => put(place, new Uint8Array(buffer, byteOffset, length)),
    () => put(place, new DataView(buffer as ArrayBuffer, byteOffset)),
    () => put(place, { type: 'float32', data: view, dims: [length] }),
  ])();
}

/** Another length, class or prototype than the memory has. */
function forge({ value }: Place, { draw }: World): boolean {
  const view = value as NodeJS.TypedArray;
  return draw.pick([
    () => Reflect.defineProperty(view, 'length', { value: draw.pick([0, 1_000_000, view.length * 4, -1]) }),
    () => Reflect.defineProperty(view, 'buffer', { value: new ArrayBuffer(1) }),
    () => Reflect.defineProperty(view, 'byteLength', { value: 1 }),
    () =>
      Reflect.setPrototypeOf(
        view,
        draw.pick([Float32Array, Uint8Array, Int32Array, BigInt64Array]).prototype,
      ),
    () => Reflect.setPrototypeOf(view, null),
    () => Reflect.defineProperty(view, Symbol.toStringTag, { value: 'Float32Array' }),
  ])();
}

const wild = [
  0,
  1,
  2,
  3,
  -1,
  255,
  2 ** 31 - 1,
  -(2 ** 31),
  Number.NaN,
  Infinity,
  -Infinity,
  1e38,
  -1e-45,
  1e-38,
];

function contents({ value }: Place, { draw }: World): boolean {
  const view = value as NodeJS.TypedArray;
  if (!isOrdinary(view)) return false;
  for (let i = draw.between(1, 3); i > 0; i--) {
    const x = draw.pick(wild);
    const at = draw.integer(view.length);
    if (types.isBigInt64Array(view) || types.isBigUint64Array(view))
      view[at] = Number.isFinite(x) ? BigInt(Math.trunc(x)) : 2n ** 62n;
    else view[at] = x;
  }
  return true;
}

/** The arrays of a map are for reading, but nothing keeps a caller from writing. */
function corruptMap(place: Place, world: World): boolean {
  const { outputLengths, offsets, members, assignment } = place.value as TokenMap;
  const array = world.draw.pick([outputLengths, offsets, members, assignment]);
  return contents({ ...place, value: array }, world);
}

function forgeMap(place: Place, { draw }: World): boolean {
  const map = place.value as TokenMap;
  return put(
    place,
    Object.assign(Object.create(TokenMap.prototype), { ...map, inputLength: draw.integer(99) }),
  );
}

function mutationsOf(value: unknown): readonly Mutation[] {
  if (types.isProxy(value)) return everywhere;
  if (typeof value === 'number') return [...everywhere, perturb, perturb, perturb, asOtherPrimitive];
  if (isOrdinary(value)) return [...everywhere, otherView, otherView, forge, contents, contents, contents];
  if (value instanceof TokenMap) return [...everywhere, corruptMap, corruptMap, corruptMap, forgeMap];
  if (Array.isArray(value)) return [...everywhere, reorder, reorder, reorder, wrap, guardWithTraps, freeze];
  if (isPlain(value))
    return [...everywhere, wrap, guardWithTraps, freeze, addProperty, addProperty, abortSignal, abortSignal];
  return everywhere;
}
