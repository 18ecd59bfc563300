// node-gyp, told where Node's headers are. It downloads them unless it is; npm hands it `nodedir`, otherwise look beside
// the running node, where Debian's packages and the archives of nodejs.org both put them.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const program = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const prefix = path.resolve(process.execPath, '..', '..');
const told = process.env.npm_config_nodedir ?? process.env.npm_package_config_node_gyp_nodedir;
const nodedir =
  !told && existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];

/** Runs a command of node-gyp, such as `rebuild`; `options` are those of spawnSync, which tells how it ended. */
export function nodeGyp(command, args, options) {
  return spawnSync(process.execPath, [program, command, ...nodedir, ...args], options);
}
