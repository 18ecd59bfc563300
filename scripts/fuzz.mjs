// Builds the libFuzzer target (Clang) and runs it: calls of the C interface made from bytes, each on every instruction
// set, under AddressSanitizer. Inputs that reached something new are kept in build-fuzz/corpus for the next time.
//   node scripts/fuzz.mjs [seconds] [options of libFuzzer]...      30 seconds unless told
// An input that fails is left in build-fuzz; `npm run fuzz -- 0 build-fuzz/crash-...` runs it alone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(root, 'build-fuzz');
const [seconds = '30', ...more] = process.argv.slice(2);
const inputs = more.filter((option) => !option.startsWith('-')).map((file) => path.resolve(file));

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) console.error(`${command} could not be run: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Inputs to begin with: bytes of a linear congruential generator, enough of them for whole calls. */
function writeSeeds(corpus) {
  mkdirSync(corpus, { recursive: true });
  let state = 1;
  for (let seed = 0; seed < 256; seed++) {
    const bytes = Uint8Array.from({ length: 400 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
    bytes[0] = seed; // chooses the operation
    writeFileSync(path.join(corpus, `seed-${seed}`), bytes);
  }
}

run('cmake', ['--preset', 'fuzz', '--log-level=WARNING']);
run('cmake', ['--build', '--preset', 'fuzz', '--parallel']);
if (!existsSync(path.join(folder, 'corpus'))) writeSeeds(path.join(folder, 'corpus'));
const time = [`-max_total_time=${seconds}`, '-timeout=60'];
const options = [...time, '-max_len=600', '-len_control=0', '-verbosity=0', '-print_final_stats=1'];
run(
  path.join(folder, 'native', 'test', 'fuzz', 'fuzz_target'),
  inputs.length > 0 ? inputs : [...options, ...more, 'corpus'],
  folder,
);
