// Runs the compiled tests with node:test and closes with one line that counts them. The tests of the operations run
// once on every instruction set that this machine has, each forced in turn by TOKENSIEVE_ISA, and on the emulated GPUs
// where `npm run build:cuda` has left their driver; all others run once.
//   node scripts/test.mjs [part of a path]...
import { existsSync } from 'node:fs';
import path from 'node:path';
import { conclude, findTests, infoWith, isOfOperation, root, runFiles, runsOnDevice } from './run-tests.mjs';

const files = findTests(process.argv.slice(2));
const operations = files.filter(isOfOperation);
const others = files.filter((file) => !operations.includes(file));
const forced = process.env.TOKENSIEVE_ISA;
const isas = forced === undefined ? ['scalar', 'neon', 'avx2', 'avx512'] : [forced];

if (others.length > 0) await runFiles(others);
if (operations.length > 0) {
  for (const isa of isas.filter((isa) => infoWith({ TOKENSIEVE_ISA: isa }).isa === isa)) {
    process.stdout.write(`\nOperations on ${isa}\n`);
    await runFiles(operations, { TOKENSIEVE_ISA: isa });
  }
}
await testOnEmulatedGpus(operations.filter(runsOnDevice));
conclude();

/** Both forms of the kernels, under several orders of their warps and blocks. */
async function testOnEmulatedGpus(operations) {
  if (operations.length === 0) return;
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';
  const driver = path.join(root, 'build-cuda', `libcudasim.${extension}`);
  const double = { TOKENSIEVE_CUDA_DRIVER: driver, TOKENSIEVE_TEST_DEVICE: 'cuda' };
  const reason = existsSync(driver) ? infoWith(double).cuda.reason : 'no CUDA kernels in this build';
  if (reason !== '') {
    process.stdout.write(`\nOperations on CUDA, emulated: skipped: ${reason}\n`);
    return;
  }
  for (const architecture of [75, 80]) {
    for (const seed of [1, 2, 3]) {
      process.stdout.write(`\nOperations on CUDA, emulated sm_${architecture}, schedule seed ${seed}\n`);
      const env = { TOKENSIEVE_CUDASIM_ARCH: String(architecture), TOKENSIEVE_CUDASIM_SEED: String(seed) };
      await runFiles(operations, { ...double, ...env });
    }
  }
}
