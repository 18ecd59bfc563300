// Builds the addon with node-gyp. `prepare` runs it in a checkout; registry users get a prebuilt binary and never do.
// Incremental: the first run configures, later ones only rebuild what changed. `--clean` starts over.
// `--compile-commands` builds nothing and writes build/Release/compile_commands.json.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { nodeGyp } from './node-gyp.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, ...args) {
  const { status } = nodeGyp(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const jobs = ['-j', String(availableParallelism())];
if (process.argv.includes('--compile-commands')) {
  run('configure', '--', '-f', 'compile_commands_json');
} else if (process.argv.includes('--clean')) {
  run('rebuild', ...jobs);
} else {
  run('configure');
  run('build', ...jobs);
}
