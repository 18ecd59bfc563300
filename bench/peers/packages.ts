// The peers' packages: a manifest and a lockfile of their own in bench/peers/, installed when first asked for and never
// with this package. Nothing that they bring along is run: `--ignore-scripts`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'bench', 'peers');
const requirePeer = createRequire(path.join(folder, 'package.json'));

/** Where the sources of the peers are. */
export const peersFolder: string = folder;

/** Installs the packages unless they are there. */
export function installPeers(): void {
  if (existsSync(path.join(folder, 'node_modules', '.package-lock.json'))) return;
  console.error('Installing the peers into bench/peers/node_modules');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ci in bench/peers ended with ${status}`);
}

/** A package of bench/peers/, as the part of it that is used here. */
export function loadPeer<T>(name: string): T {
  return requirePeer(name) as T;
}

/** A file of a peer's package. */
export function peerFile(name: string, ...file: string[]): string {
  return path.join(folder, 'node_modules', name, ...file);
}

/** The version that is installed. */
export function peerVersion(name: string): string {
  const manifest = JSON.parse(readFileSync(peerFile(name, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
