// Runs the compiled tests with node:test and closes with one line that counts them.
//   node scripts/test.mjs [part of a path]...
import { readdirSync } from 'node:fs';
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

const counts = { passed: 0, failed: 0, skipped: 0 };
const stream = run({ files, concurrency: true });
const isSuite = (data) => data.details?.type === 'suite' || files.includes(data.name);
stream.on('test:pass', (data) => {
  if (isSuite(data)) return;
  if (data.skip !== undefined || data.todo !== undefined) counts.skipped++;
  else counts.passed++;
});
stream.on('test:fail', (data) => {
  if (!isSuite(data) || data.details?.error?.failureType !== 'subtestsFailed') counts.failed++;
});
stream.on('end', () => {
  if (counts.passed + counts.failed === 0) counts.failed = 1;
  process.exitCode = counts.failed > 0 ? 1 : 0;
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
});
stream.compose(new spec()).pipe(process.stdout, { end: false });
