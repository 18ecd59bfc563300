// One call with arguments put wrong in up to three places, and what is allowed to come of it.
import assert from 'node:assert/strict';
import { types } from 'node:util';
import { TokenMap, TokenSieveError } from 'tokensieve';
import { type Draw, drawing } from './draw.js';
import { lengthOf } from './memory.js';
import { type Mutations, mutate } from './mutate.js';
import type { Call, Recipe } from './recipe.js';
import type { Target } from './targets.js';

/** How a call ended, when it ended as it may. */
export type Ending = 'right' | 'succeeded' | 'refused' | 'threw its own';

/** Calls a function once. Rejects with what is wrong, which says what was done to the arguments. */
export async function callOnce(target: Target, recipe: Recipe, seed: number): Promise<Ending> {
  const draw = drawing(seed);
  const call = recipe.call(draw);
  const root: Record<string, unknown> = { args: call.args, ...(call.more && { more: call.more }) };
  const times = recipe.mutable === false ? 0 : draw.pick([0, 1, 1, 1, 2, 3]);
  const mutations = mutate(root, times, draw);
  const before = draw.memory;
  before.seal();
  const ended = await outcome(target, call, root, mutations);
  try {
    return judge(call, root, ended, mutations, draw);
  } catch (error) {
    throw new Error(`${target.path} with [${mutations.done.join('; ')}]`, { cause: error });
  }
}

type Ended = { readonly result: unknown } | { readonly error: unknown };

async function outcome(
  target: Target,
  call: Call,
  root: Record<string, unknown>,
  { meanwhile }: Mutations,
): Promise<Ended> {
  try {
    const made = target.call(call.receiver, listOf(root.args));
    const used = call.use ? call.use(await made, listOf(root.more)) : made;
    if (types.isPromise(used)) for (const disturb of meanwhile) disturb();
    return { result: await used };
  } catch (error) {
    return { error };
  }
}

/** A mutation may have put anything in place of the list of arguments. */
const listOf = (list: unknown): readonly unknown[] => (Array.isArray(list) ? list : [list]);

function judge(
  call: Call,
  root: object,
  ended: Ended,
  { done, planted, hidden }: Mutations,
  draw: Draw,
): Ending {
  if ('error' in ended) {
    assert.equal(draw.memory.firstChange([]), undefined, 'a call that fails writes nothing');
    if (planted.has(ended.error) || isOfRevokedProxy(ended.error)) return 'threw its own';
    assertCoded(ended.error);
    assert.ok(done.length > 0 || call.isRefused, `a right call fails: ${ended.error}`);
    return 'refused';
  }
  const outputs = [
    ...viewsOfOut(root),
    ...hidden.flatMap(({ path, value }) => viewsOfOut(value, path.includes('.out'))),
  ];
  assert.equal(draw.memory.firstChange(outputs), undefined, 'nothing but out is written');
  assertWhole(ended.result);
  if (done.length > 0 || call.verify === undefined) return 'succeeded';
  call.verify(ended.result);
  return 'right';
}

/** What the engine throws for any use of a proxy that has been revoked is the caller's as much as a getter's error. */
const isOfRevokedProxy = (error: unknown): boolean =>
  error instanceof TypeError && error.message.endsWith('on a proxy that has been revoked');

/** An error of the library: a code that says what, and the class that goes with it. */
function assertCoded(error: unknown): void {
  const { code, message } = error as { code?: unknown; message?: string };
  const text = error instanceof Error ? error.stack : String(error);
  assert.match(String(code), /^ERR_TOKENSIEVE_(TYPE|RANGE|SHAPE|OVERLAP|DETACHED|MEMORY|NO_CUDA)$/, text);
  const isKnown =
    error instanceof TypeError || error instanceof RangeError || error instanceof TokenSieveError;
  assert.ok(isKnown && message, text);
}

/** Results are tensors with as much data as their dims say, and maps that hold together. */
function assertWhole(result: unknown, depth = 0): void {
  if (typeof result !== 'object' || result === null || ArrayBuffer.isView(result) || depth > 3) return;
  if (result instanceof TokenMap) return;
  const { data, dims } = result as { data?: unknown; dims?: unknown };
  if (types.isTypedArray(data) && Array.isArray(dims)) {
    const expected = dims.reduce((product: number, dim: number) => product * dim, 1);
    assert.equal(lengthOf(data), expected, `dims ${dims} of a result`);
    return;
  }
  for (const value of Object.values(result)) assertWhole(value, depth + 1);
}

/** The arrays below properties named `out`, as far as they can be seen without asking a getter or a proxy. */
function viewsOfOut(value: unknown, isOut = false, depth = 0): NodeJS.TypedArray[] {
  if (typeof value !== 'object' || value === null || depth > 8) return [];
  if (types.isTypedArray(value)) return isOut ? [value] : [];
  if (types.isProxy(value)) return [];
  const properties = Object.entries(Object.getOwnPropertyDescriptors(value));
  return properties.flatMap(([key, property]) =>
    'value' in property ? viewsOfOut(property.value, isOut || key === 'out', depth + 1) : [],
  );
}
