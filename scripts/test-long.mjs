// The long forms of the tests, one after another; each says in a line how much it did, and the last line counts them.
//   node scripts/test-long.mjs [part of a step's name]...
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = (...args) => [process.execPath, ...args];

/** What to run, and the line of its output that counts. */
const steps = [
  {
    name: 'fuzz of the exports',
    command: node('out/test/fuzz/long.js', '--calls', '1000000'),
    count: /^fuzz of the exports: .*/m,
  },
  {
    name: 'race',
    command: node('out/test/fuzz/race.js', '--calls', '2000'),
    count: /^race: .*/m,
  },
  {
    name: 'soak',
    command: node('--expose-gc', 'out/test/soak/run.js', '--calls', '10000', '--allowed', '4'),
    count: /^soak: .*/m,
  },
  {
    name: 'libFuzzer over the C interface',
    command: node('scripts/fuzz.mjs', '600'),
    count: /^stat::number_of_executed_units:.*/m,
  },
  {
    name: 'tests with the addon under AddressSanitizer',
    command: node('scripts/test-asan.mjs', '--all'),
    count: /^\d+ passed, .*/m,
  },
];

const wanted = process.argv.slice(2);
const chosen = steps.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

/** Runs a step and gives what it wrote, and whether it ended well. */
function run([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
    child.once('error', (error) => resolve({ text: error.message, ok: false }));
    child.once('close', (code) => resolve({ text, ok: code === 0 }));
  });
}

let failed = chosen.length === 0 ? 1 : 0;
for (const { name, command, count } of chosen) {
  const start = performance.now();
  const { text, ok } = await run(command);
  const line = text.match(count)?.[0];
  const seconds = Math.round((performance.now() - start) / 1000);
  if (ok && line !== undefined) process.stdout.write(`${line} (${seconds} s)\n`);
  else {
    failed++;
    process.stdout.write(`${text}\n${name}: failed after ${seconds} s: ${command.join(' ')}\n`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
process.stdout.write(`${chosen.length - failed} long tests passed, ${failed} failed\n`);
