// Fuzz of everything that the package exports, by seed.
//   node out/test/fuzz/run.js [--seed S] [--calls N] [--only I] [--target PATH] [--at FILE]
// --only repeats call I of a seed alone; --target keeps to one export; --at names a file that always holds the number
// of the call under way, for whoever finds this process ended or hanging.
import { openSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setNumThreads } from 'tokensieve';
import { callOnce, type Ending } from './fuzz.js';
import { recipes } from './recipes/index.js';
import { everyTarget } from './targets.js';

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    calls: { type: 'string', default: '20000' },
    only: { type: 'string' },
    target: { type: 'string' },
    at: { type: 'string' },
  },
});

const seed = Number(given.seed);
const targets = everyTarget().filter(({ path }) => given.target === undefined || path === given.target);
const [first, last] =
  given.only === undefined ? [0, Number(given.calls)] : [Number(given.only), Number(given.only) + 1];

/** The call of a number has a seed of its own, so that it can be repeated alone. */
const seedOf = (call: number): number => Math.imul(seed, 0x9e3779b9) ^ Math.imul(call + 1, 0x85ebca6b);

async function main(): Promise<void> {
  const endings: Record<Ending, number> = { right: 0, succeeded: 0, refused: 0, 'threw its own': 0 };
  const at = given.at === undefined ? undefined : openSync(given.at, 'w');
  setNumThreads(2);
  for (let call = first; call < last; call++) {
    if (at !== undefined) writeSync(at, `${String(call).padEnd(12)}\n`, 0);
    const target = targets[call % targets.length];
    try {
      endings[await callOnce(target, recipes[target.recipe], seedOf(call))]++;
    } catch (error) {
      const again = `node out/test/fuzz/run.js --seed ${seed} --only ${call}`;
      process.stderr.write(`fuzz: call ${call} went wrong; repeat it with: ${again}\n`);
      throw error;
    }
  }
  const counts = Object.entries(endings).map(([ending, count]) => `${count} ${ending}`);
  process.stdout.write(
    `fuzz: ${last - first} calls of ${targets.length} exports, seed ${seed}: ${counts.join(', ')}\n`,
  );
}

void main();
