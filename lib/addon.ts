import { existsSync } from 'node:fs';
import path from 'node:path';
import { TokenSieveError } from './errors.js';

/** What went wrong in a native call: status, argument path, what was expected, what was found. */
export type NativeFailure = [status: number, path: string, expected: string, got: string];

/** The functions of the binary. Calls cross as numbers and arrays; `native/node/arguments.h` has the layout. */
export interface Addon {
  run(operation: number, header: Float64Array, ...arrays: unknown[]): NativeFailure | undefined;
  check(operation: number, header: Float64Array, ...arrays: unknown[]): NativeFailure | undefined;
  start(
    operation: number,
    header: Float64Array,
    copiedOutputs: number,
    done: (failure: NativeFailure | 'detached' | undefined) => void,
    ...arrays: unknown[]
  ): number;
  cancel(call: number): void;
  isa(): string;
  setIsa(isa: string): boolean;
  threads(): number;
  setThreads(count: number): boolean;
  cpu(): string;
  nativeApi(): object;
  readonly version: string;
  readonly abiVersion: number;
  readonly operations: readonly string[];
}

const isMusl = (): boolean => {
  if (process.platform !== 'linux') return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return !report.header?.glibcVersionRuntime;
};

/** This platform as binaries are named for it, such as `linux-x64`. */
export const platform = (): string => `${isMusl() ? 'linuxmusl' : process.platform}-${process.arch}`;

/** Where the binary is: `TOKENSIEVE_BINARY`, or a build in this folder, or a prebuilt one that came with the package. */
function findBinary(): string {
  const told = process.env.TOKENSIEVE_BINARY;
  if (told) return path.resolve(told);
  const root = path.join(__dirname, '..');
  const places = [
    path.join(root, 'build', 'Release', 'tokensieve.node'),
    path.join(root, 'prebuilds', platform(), 'tokensieve.node'),
  ];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new TokenSieveError(
    'ERR_TOKENSIEVE_NO_BINARY',
    `tokensieve has no native binary for ${platform()}. Looked in:\n  ${places.join('\n  ')}\n` +
      'In a clone, build it with: npm run build:native. As a dependency: ' +
      'npm install --save-dev node-gyp node-addon-api && npm explore tokensieve -- npm run build:native',
  );
}

/** The path of the binary in use. */
export const binary: string = findBinary();

/** The binary in use. */
export const addon: Addon = require(binary) as Addon;
