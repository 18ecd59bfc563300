// Every operation on shared memory that another thread scribbles into meanwhile: any result, but no crash.
//   node out/test/fuzz/race.js [--calls N]      of each operation
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { arraysIn } from '../support/arrays.js';
import { drawing } from './draw.js';
import { operationNames } from './operations.js';
import { recipes } from './recipes/index.js';
import { everyTarget } from './targets.js';

const { values: given } = parseArgs({ options: { calls: { type: 'string', default: '1000' } } });
const calls = Number(given.calls);

/** Calls with the same arguments, before others are drawn. */
const together = 20;

// Small numbers, which are tokens and masks, and bytes of any kind, which are most of all neither.
const scribbling = `
  const { parentPort } = require('node:worker_threads');
  let buffers = [];
  let state = 1;
  const random = (limit) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % limit;
  const scribble = () => {
    for (let i = 0; i < 20000; i++) {
      const bytes = buffers[random(buffers.length)];
      if (bytes?.length > 0) bytes[random(bytes.length)] = random(2) ? random(4) : random(256);
    }
    setImmediate(scribble);
  };
  parentPort.on('message', (arrays) => { buffers = arrays; parentPort.postMessage('begun'); });
  scribble();`;

const isCoded = (error: unknown): boolean =>
  /^ERR_TOKENSIEVE_(TYPE|RANGE|SHAPE|OVERLAP|MEMORY)$/.test(String((error as { code?: unknown }).code));

async function main(): Promise<void> {
  const targets = new Map(everyTarget().map((target) => [target.path, target]));
  const worker = new Worker(scribbling, { eval: true });
  const names = operationNames();
  let refused = 0;
  for (const name of names) {
    let args: unknown[] = [];
    for (let call = 0; call < calls; call++) {
      if (call % together === 0) {
        const set = call / together;
        args = recipes[name].call(drawing(set, set % 2 === 0 ? 'large' : 'small', ['shared'])).args;
        const bytes = arraysIn(args)
          .filter(({ buffer }) => buffer instanceof SharedArrayBuffer)
          .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
        const begun = new Promise((resolve) => worker.once('message', resolve));
        worker.postMessage(bytes);
        await begun;
      }
      try {
        await targets.get(call % 2 === 0 ? name : `${name}Sync`)?.call(undefined, args);
      } catch (error) {
        if (!isCoded(error)) throw new Error(`${name}, call ${call}`, { cause: error });
        refused++;
      }
    }
  }
  await worker.terminate();
  const count = `${names.length * calls} calls of ${names.length} operations`;
  process.stdout.write(`race: ${count} on memory that another thread writes, 0 failed; ${refused} refused\n`);
}

void main();
