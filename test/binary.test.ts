// How the binary is found and loaded, and what is said when it is not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { type Info, info } from 'tokensieve';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const temporary = mkdtempSync(path.join(tmpdir(), 'tokensieve-binary-'));
after(() => rmSync(temporary, { recursive: true }));

interface Outcome {
  /** What info() says once the package is loaded. */
  readonly info?: Info;
  readonly error?: { readonly code: string; readonly name: string; readonly message: string };
}

/** Loads the package from a folder in a process of its own. */
function loadFrom(folder: string, told = '', flags: readonly string[] = []): Outcome {
  const script = `
    try { console.log(JSON.stringify({ info: require(${JSON.stringify(folder)}).info() })); }
    catch ({ code, name, message }) { console.log(JSON.stringify({ error: { code, name, message } })); }`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, TOKENSIEVE_BINARY: told },
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Outcome;
}

function assertRefused({ error }: Outcome, ...parts: readonly (string | RegExp)[]): void {
  assert.equal(error?.code, 'ERR_TOKENSIEVE_NO_BINARY');
  assert.equal(error.name, 'TokenSieveError');
  for (const part of parts) {
    if (typeof part === 'string') assert.ok(error.message.includes(part), error.message);
    else assert.match(error.message, part);
  }
  assert.match(error.message, /\nPossible solutions:\n- /);
}

/** Writes a file that is taken for a binary. */
function file(name: string, contents: string | Buffer): string {
  const written = path.join(temporary, name);
  writeFileSync(written, contents);
  return written;
}

describe('TOKENSIEVE_BINARY', () => {
  it('names the binary, relative to the working directory too', () => {
    const { binary } = info();
    const copy = path.join(temporary, 'copy.node');
    cpSync(binary, copy);
    assert.equal(loadFrom(root, copy).info?.binary, copy);
    assert.equal(loadFrom(root, path.relative('.', copy)).info?.binary, copy);
  });

  it('that names nothing is refused', () => {
    assertRefused(loadFrom(root, 'nowhere.node'), path.resolve('nowhere.node'), 'Correct TOKENSIEVE_BINARY');
  });

  it('that names JavaScript does not run it', () => {
    const script = file('script.js', 'process.exit(3)');
    assertRefused(loadFrom(root, script), script, 'not a .node file');
  });

  it('that names a folder or an empty or a foreign file is refused', () => {
    const folder = path.join(temporary, 'folder.node');
    mkdirSync(folder);
    assertRefused(loadFrom(root, folder), folder);
    for (const contents of ['', 'garbage'.repeat(100)]) {
      assertRefused(loadFrom(root, file('garbage.node', contents)), 'not a native binary');
    }
  });

  const skip = process.platform !== 'linux' && 'speaks of Linux binaries';

  it('that names a binary for another processor or system is refused with both named', { skip }, () => {
    const here = `linux-${process.arch}`;
    const foreign = readFileSync(info().binary);
    foreign.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18); // the processor in an ELF header
    const there = process.arch === 'x64' ? 'linux-arm64' : 'linux-x64';
    assertRefused(loadFrom(root, file('foreign.node', foreign)), `made for ${there}, and this is ${here}`);
    foreign.writeUInt32BE(0xcffaedfe, 0);
    assertRefused(loadFrom(root, file('foreign.node', foreign)), `made for darwin, and this is ${here}`);
    foreign.write('MZ', 0);
    assertRefused(loadFrom(root, file('foreign.node', foreign)), `made for win32, and this is ${here}`);
  });

  it('that names a binary for a newer glibc is refused with both versions', { skip }, () => {
    const text = readFileSync(info().binary)
      .toString('latin1')
      .replaceAll(/GLIBC_2\.\d\d/g, 'GLIBC_9.99');
    assertRefused(
      loadFrom(root, file('newer.node', Buffer.from(text, 'latin1'))),
      'GLIBC_9.99',
      /has glibc 2\.\d+/,
    );
  });

  it('that names a binary of another version is refused', () => {
    const text = readFileSync(info().binary).toString('latin1');
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    const other = version.replace(/\d/, '9');
    const patched = Buffer.from(text.replaceAll(`\0${version}\0`, `\0${other}\0`), 'latin1');
    assertRefused(
      loadFrom(root, file('version.node', patched)),
      `tokensieve ${other}`,
      `tokensieve ${version}`,
    );
  });
});

describe('an installed package', () => {
  const { binary, versions } = info();
  const prebuilt = path.join('prebuilds', versions.platform, 'tokensieve.node');

  /** The package's JavaScript alone, and what is to be its prebuilt binary. */
  function install(name: string, contents?: Buffer): string {
    const folder = path.join(temporary, name);
    cpSync(path.join(root, 'dist'), path.join(folder, 'dist'), { recursive: true });
    cpSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
    if (contents !== undefined) {
      mkdirSync(path.join(folder, path.dirname(prebuilt)), { recursive: true });
      writeFileSync(path.join(folder, prebuilt), contents);
    }
    return folder;
  }

  it('without a binary says where it looked and how to get one', () => {
    const folder = install('none');
    assertRefused(
      loadFrom(folder),
      versions.platform,
      path.join(folder, 'build', 'Release', 'tokensieve.node'),
      path.join(folder, prebuilt),
      'npm explore tokensieve -- npm run build:native',
    );
  });

  const skip =
    !['linux-x64', 'linux-arm64'].includes(versions.platform) && 'there is no prebuilt binary for it';

  it('uses the binary that came with it', { skip }, () => {
    const folder = install('whole', readFileSync(binary));
    assert.equal(loadFrom(folder).info?.binary, path.join(folder, prebuilt));
  });

  it('with a damaged binary says so', { skip }, () => {
    const folder = install('damaged', Buffer.alloc(100));
    assertRefused(
      loadFrom(folder),
      path.join(folder, prebuilt),
      'not a native binary',
      'Install tokensieve again',
    );
  });

  it('says when addons are turned off', () => {
    assertRefused(loadFrom(root, '', ['--no-addons']), 'without --no-addons');
  });
});
