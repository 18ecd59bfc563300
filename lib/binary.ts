import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TokenSieveError } from './errors.js';

/** A native binary that was loaded, and from where. */
export interface Binary {
  readonly path: string;
  readonly exports: unknown;
}

// What comes with the package. The paths are literal: bundlers and file tracers follow what they can read.
const prebuilt: Readonly<Record<string, () => unknown>> = {
  'linux-arm64': () => require('../prebuilds/linux-arm64/tokensieve.node'),
  'linux-x64': () => require('../prebuilds/linux-x64/tokensieve.node'),
};

/**
 * Loads the binary that `TOKENSIEVE_BINARY` names, else one that was built in this folder, else the one that came with
 * the package for this platform.
 *
 * @throws TokenSieveError `ERR_TOKENSIEVE_NO_BINARY` when there is none, or it does not load; says why and what to do
 */
export function loadBinary(): Binary {
  const told = process.env.TOKENSIEVE_BINARY;
  if (told) {
    const file = path.resolve(told);
    const correct = ['Correct TOKENSIEVE_BINARY, or unset it.'];
    if (!existsSync(file)) throw noBinary(`TOKENSIEVE_BINARY names ${file}, which does not exist.`, correct);
    // Node would run any other file as JavaScript
    if (path.extname(file) !== '.node') {
      throw noBinary(`TOKENSIEVE_BINARY names ${file}, which is not a .node file.`, correct);
    }
    return load(file, () => require(file), correct);
  }
  const folder = path.join(__dirname, '..');
  const built = path.join(folder, 'build', 'Release', 'tokensieve.node');
  if (existsSync(built)) return load(built, () => require(built), ['Build it again: npm run build:native']);

  const carried = path.join(folder, 'prebuilds', platform(), 'tokensieve.node');
  const none = `tokensieve has no native binary for ${platform()}. Looked for:\n  ${built}\n  ${carried}`;
  const requireCarried = prebuilt[platform()];
  if (requireCarried === undefined) throw noBinary(none, [build]);
  return load(carried, requireCarried, [reinstall, build], none);
}

/** This platform as binaries are named for it, such as `linux-x64`. */
export function platform(): string {
  const system = process.platform === 'linux' && glibc() === undefined ? 'linuxmusl' : process.platform;
  return `${system}-${process.arch}`;
}

const own = require('../package.json') as { version: string };

const reinstall = `Install tokensieve again: it comes with binaries for ${Object.keys(prebuilt).join(' and ')}, with glibc.`;
const build =
  'Build it here, with a C++17 compiler, make and python3; in a clone with npm install, as a dependency with\n' +
  '    npm install --save-dev node-gyp node-addon-api\n' +
  '    npm explore tokensieve -- npm run build:native';

function load(
  file: string,
  requireFile: () => unknown,
  repairs: readonly string[],
  whenMissing?: string,
): Binary {
  let exports: unknown;
  try {
    exports = requireFile();
  } catch (cause) {
    // not asked before: a bundler may have moved the file
    if (whenMissing !== undefined && codeOf(cause) === 'MODULE_NOT_FOUND') {
      throw noBinary(whenMissing, repairs, { cause });
    }
    const { reason, solutions } = diagnose(file, cause, repairs);
    throw noBinary(`tokensieve cannot load its native binary ${file}:\n  ${reason}`, solutions, { cause });
  }
  const { version } = exports as { version?: unknown };
  if (version !== own.version) {
    const found = version === undefined ? 'another addon' : `that of tokensieve ${version}`;
    throw noBinary(`${file} is ${found}, and this is tokensieve ${own.version}.`, repairs);
  }
  return { path: file, exports };
}

function noBinary(message: string, solutions: readonly string[], options?: ErrorOptions): TokenSieveError {
  const list = solutions.map((solution) => `\n- ${solution}`).join('');
  return new TokenSieveError('ERR_TOKENSIEVE_NO_BINARY', `${message}\nPossible solutions:${list}`, options);
}

/** Why a file that is there did not load, and what may help. */
function diagnose(
  file: string,
  cause: unknown,
  repairs: readonly string[],
): { reason: string; solutions: readonly string[] } {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0];
  if (codeOf(cause) === 'ERR_DLOPEN_DISABLED') {
    return { reason, solutions: ['Run Node without --no-addons.'] };
  }
  // The system's loader says that a file made for another processor does not exist.
  const made = madeFor(file);
  const here = `${process.platform}-${process.arch}`;
  if (made === 'nothing') return { reason: `It is not a native binary: ${reason}`, solutions: repairs };
  if (made !== undefined && !here.startsWith(made)) {
    return {
      reason: `It was made for ${made}, and this is ${here}.`,
      solutions: ['Install packages on the machine that runs them, not on another.', ...repairs],
    };
  }
  if (/GLIBC|CXXABI|libstdc\+\+/.test(reason)) {
    const found = glibc();
    const has = found === undefined ? 'This system has no glibc' : `This system has glibc ${found}`;
    return { reason, solutions: [`${has}. Use a newer one.`, build] };
  }
  return { reason, solutions: repairs };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** The version of glibc that runs here, if one does. */
function glibc(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}

const elfProcessors: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' };

/** What a file was made for, by its first bytes: a platform, or `nothing` known; undefined when it cannot be read. */
function madeFor(file: string): string | undefined {
  let head: Buffer;
  try {
    head = readFileSync(file);
  } catch {
    return undefined; // the system's loader could not read it either, and has said so
  }
  if (head.length < 20) return 'nothing';
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) return `linux-${elfProcessors[head.readUInt16LE(18)] ?? 'another processor'}`;
  if (magic === 0xcffaedfe || magic === 0xcafebabe) return 'darwin';
  if (magic >>> 16 === 0x4d5a) return 'win32';
  return 'nothing';
}
