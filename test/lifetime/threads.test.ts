// Every operation on 1 to 4 threads, while other calls keep them busy: the same bits.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { attentionScores, info, setNumThreads } from 'tokensieve';
import { drawing } from '../fuzz/draw.js';
import { operationNames } from '../fuzz/operations.js';
import { recipes } from '../fuzz/recipes/index.js';
import { everyTarget } from '../fuzz/targets.js';
import { arraysIn } from '../support/arrays.js';
import { ramp } from '../support/long-calls.js';

const targets = new Map(everyTarget().map((target) => [target.path, target]));
const q = ramp([1, 4, 256, 64]);

/** The bytes of all that a call gives. */
async function bytesOfCall(path: string, args: readonly unknown[]): Promise<Buffer[]> {
  const target = targets.get(path);
  assert.ok(target);
  const result = await target.call(undefined, args);
  const arrays = typeof result === 'number' ? [Float64Array.of(result)] : arraysIn(result);
  return arrays.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)),
  );
}

suite('1 to 4 threads give the same bits under load', () => {
  for (const name of operationNames()) {
    test(name, async () => {
      const before = info().threads;
      const busy: Promise<unknown>[] = [];
      try {
        for (const seed of [1, 2]) {
          const { args } = recipes[name].call(drawing(seed, 'large'));
          setNumThreads(1);
          const expected = await bytesOfCall(`${name}Sync`, args);
          assert.ok(expected.length > 0);
          for (const threads of [2, 3, 4]) {
            setNumThreads(threads);
            busy.push(attentionScores(q, q), attentionScores(q, q));
            assert.deepEqual(await bytesOfCall(`${name}Sync`, args), expected, `${threads} threads, sync`);
            assert.deepEqual(await bytesOfCall(name, args), expected, `${threads} threads, async`);
          }
        }
      } finally {
        await Promise.all(busy);
        setNumThreads(before);
      }
    });
  }
});
