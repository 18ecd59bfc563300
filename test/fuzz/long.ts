// The long form of the fuzz: many seeds, one count.
//   node out/test/fuzz/long.js [--calls N] [--seed S]
import { parseArgs } from 'node:util';
import { watchedFuzz } from './watched.js';

const { values: given } = parseArgs({
  options: { calls: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1000' } },
});

/** Calls of one process. */
const portion = 50_000;

async function main(): Promise<void> {
  const total = Number(given.calls);
  for (let done = 0, seed = Number(given.seed); done < total; done += portion, seed++)
    process.stdout.write(`${await watchedFuzz(seed, Math.min(portion, total - done))}\n`);
  process.stdout.write(`fuzz of the exports: ${total} calls, 0 failed\n`);
}

void main();
