// Builds the addon with node-gyp. `prepare` runs it in a checkout; registry users get a prebuilt binary and never do.
// Incremental: the first run configures, later ones only rebuild what changed. `--clean` starts over.
// `--compile-commands` builds nothing and writes build/Release/compile_commands.json.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const clean = process.argv.includes('--clean');

// node-gyp downloads headers unless it is told where they are. npm hands it `nodedir`; otherwise look beside the
// running node, where Debian's packages and the archives of nodejs.org both put them.
const env = { ...process.env };
const prefix = path.resolve(process.execPath, '..', '..');
const told = env.npm_config_nodedir ?? env.npm_package_config_node_gyp_nodedir;
const nodedir =
  !told && existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];

function run(...args) {
  const { status } = spawnSync(process.execPath, [nodeGyp, ...args], { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}

if (process.argv.includes('--compile-commands')) {
  run('configure', ...nodedir, '--', '-f', 'compile_commands_json');
  process.exit();
}
run(clean ? 'rebuild' : 'configure', ...nodedir, ...(clean ? [`-j`, String(availableParallelism())] : []));
if (!clean) run('build', ...nodedir, '-j', String(availableParallelism()));
