// Calls every operation again and again, and looks at the memory of the process.
//   node --expose-gc out/test/soak/run.js [--calls N] [--allowed MB]

import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { drawing } from '../fuzz/draw.js';
import { operationNames } from '../fuzz/operations.js';
import { recipes } from '../fuzz/recipes/index.js';
import { everyTarget, type Target } from '../fuzz/targets.js';

const { values: given } = parseArgs({
  options: { calls: { type: 'string', default: '10000' }, allowed: { type: 'string', default: '4' } },
});
const calls = Number(given.calls);
const allowed = Number(given.allowed) * 2 ** 20;

/** So many asynchronous calls at once. */
const together = 20;

/** Makes so many calls with the same arguments: half at once, half on the package's threads. */
async function callAgain(
  [sync, async]: readonly Target[],
  count: number,
  sets: readonly unknown[][],
): Promise<void> {
  for (let i = 0; i < count / 2; i++) sync.call(undefined, sets[i % sets.length]);
  for (let i = 0; i < count / 2; i += together)
    await Promise.all(
      Array.from({ length: together }, (_, j) => async.call(undefined, sets[(i + j) % sets.length])),
    );
}

/**
 * What the process holds when all that nobody needs has been let go: resident memory, but for the room that V8 keeps
 * ready, which it doubles when it likes.
 */
async function memoryHeld(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    global.gc?.();
    await setImmediate();
  }
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return rss - heapTotal + heapUsed;
}

async function main(): Promise<void> {
  if (global.gc === undefined) throw new Error('run it with --expose-gc');
  const targets = new Map(everyTarget().map((target) => [target.path, target]));
  const names = operationNames();
  let most = 0;
  for (const name of names) {
    const forms = [targets.get(`${name}Sync`)!, targets.get(name)!];
    // Arguments drawn anew hold results of their own in `out`, which calls in flight together would share.
    const sets = Array.from({ length: 20 }, (_, seed) => withoutOut(recipes[name].call(drawing(seed)).args));
    await callAgain(forms, Math.max(together * 2, calls / 5), sets);
    // What leaks, leaks every time; what the allocator keeps for later, it keeps once.
    let grown = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3 && grown > allowed; round++) {
      const before = await memoryHeld();
      await callAgain(forms, calls, sets);
      grown = (await memoryHeld()) - before;
    }
    most = Math.max(most, grown);
    if (grown > allowed)
      throw new Error(`${name}: ${calls} calls took ${(grown / 2 ** 20).toFixed(1)} MB that stay`);
  }
  const megabytes = (most / 2 ** 20).toFixed(1);
  process.stdout.write(
    `soak: ${names.length * calls} calls of ${names.length} operations, 0 failed; at most ${megabytes} MB grown\n`,
  );
}

function withoutOut(args: unknown[]): unknown[] {
  return args.map((arg) => {
    if (typeof arg !== 'object' || arg === null || !('out' in arg)) return arg;
    const { out: _, ...rest } = arg;
    return rest;
  });
}

void main();
