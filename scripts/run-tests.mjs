// What the test scripts share: finding compiled tests, running them with node:test, and counting.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const tests = path.join(root, 'out', 'test');

/** The compiled tests whose path has one of some parts; all without any. */
export function findTests(parts) {
  return readdirSync(tests, { recursive: true })
    .filter(
      (file) =>
        file.endsWith('.test.js') && (parts.length === 0 || parts.some((part) => file.includes(part))),
    )
    .map((file) => path.join(tests, file))
    .sort();
}

/** Whether a test is one of an operation. */
export function isOfOperation(file) {
  return path.basename(path.dirname(file)) === 'ops';
}

/** Whether a test of an operation runs on a device too: it then calls it by way of test/support/operations.ts. */
export function runsOnDevice(file) {
  return isOfOperation(file) && readFileSync(file, 'utf8').includes('/support/operations.js');
}

/** What the library says of itself in another environment. */
export function infoWith(env) {
  const script = `process.stdout.write(JSON.stringify(require(${JSON.stringify(root)}).info()))`;
  const options = { env: { ...process.env, ...env }, encoding: 'utf8' };
  return JSON.parse(spawnSync(process.execPath, ['-e', script], options).stdout);
}

const counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs files, each in a process of its own, with variables added to the environment. */
export async function runFiles(files, env = {}) {
  const isSuite = (data) => data.details?.type === 'suite' || files.includes(data.name);
  const before = { ...process.env };
  Object.assign(process.env, env);
  const stream = run({ files, concurrency: availableParallelism() });
  stream.on('test:pass', (data) => {
    if (isSuite(data)) return;
    if (data.skip !== undefined || data.todo !== undefined) counts.skipped++;
    else counts.passed++;
  });
  stream.on('test:fail', (data) => {
    if (!isSuite(data) || data.details?.error?.failureType !== 'subtestsFailed') counts.failed++;
  });
  for await (const text of stream.compose(new spec())) process.stdout.write(text);
  for (const name of Object.keys(env)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
}

/** Says what all runs came to, in one line; the exit code goes by it. */
export function conclude() {
  if (counts.passed + counts.failed === 0) counts.failed = 1;
  process.exitCode = counts.failed > 0 ? 1 : 0;
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
}
