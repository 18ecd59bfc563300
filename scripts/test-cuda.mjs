// Runs the tests of the operations, and those of devices, on a GPU; says so and ends well where there is none.
//   node scripts/test-cuda.mjs [part of a path]...
import path from 'node:path';
import { conclude, findTests, infoWith, runFiles, runsOnDevice } from './run-tests.mjs';

const { available, devices, driver, reason } = infoWith({}).cuda;
if (available) {
  const files = findTests(process.argv.slice(2));
  const chosen = files.filter((file) => runsOnDevice(file) || path.basename(path.dirname(file)) === 'cuda');
  process.stdout.write(`Operations on ${devices[0]}, driver ${driver}\n`);
  await runFiles(chosen, { TOKENSIEVE_TEST_DEVICE: 'cuda' });
  conclude();
} else {
  process.stdout.write(`skipped: no device (${reason})\n`);
}
