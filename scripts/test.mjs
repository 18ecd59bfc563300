// Runs the compiled tests with node:test and closes with one line that counts them. The tests of the operations run
// once on every instruction set that this machine has, each forced in turn by TOKENSIEVE_ISA; all others run once.
//   node scripts/test.mjs [part of a path]...
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);
const tests = path.join(root, 'out', 'test');
const files = readdirSync(tests, { recursive: true })
  .filter(
    (file) =>
      file.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => file.includes(part))),
  )
  .map((file) => path.join(tests, file))
  .sort();

/** Whether the library, told to use an instruction set, does so here. */
function isAvailable(isa) {
  const script = `process.stdout.write(require(${JSON.stringify(root)}).info().isa)`;
  const env = { ...process.env, TOKENSIEVE_ISA: isa };
  return spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }).stdout === isa;
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const isSuite = (data) => data.details?.type === 'suite' || files.includes(data.name);

/** Runs files with the environment as it is now: each starts a process of its own. */
async function runFiles(chosen) {
  const stream = run({ files: chosen, concurrency: availableParallelism() });
  stream.on('test:pass', (data) => {
    if (isSuite(data)) return;
    if (data.skip !== undefined || data.todo !== undefined) counts.skipped++;
    else counts.passed++;
  });
  stream.on('test:fail', (data) => {
    if (!isSuite(data) || data.details?.error?.failureType !== 'subtestsFailed') counts.failed++;
  });
  for await (const text of stream.compose(new spec())) process.stdout.write(text);
}

const operations = files.filter((file) => path.basename(path.dirname(file)) === 'ops');
const others = files.filter((file) => !operations.includes(file));
const forced = process.env.TOKENSIEVE_ISA;
const isas = forced === undefined ? ['scalar', 'neon', 'avx2', 'avx512'] : [forced];

if (others.length > 0) await runFiles(others);
if (operations.length > 0) {
  for (const isa of isas.filter(isAvailable)) {
    process.env.TOKENSIEVE_ISA = isa;
    process.stdout.write(`\nOperations on ${isa}\n`);
    await runFiles(operations);
  }
}
if (counts.passed + counts.failed === 0) counts.failed = 1;
process.exitCode = counts.failed > 0 ? 1 : 0;
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
