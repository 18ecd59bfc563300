// Programs that link this package's library or borrow it. Each is copied into a folder of its own beside the files that
// `npm pack` would publish, built there, and asked for results that this package computes too.
import assert from 'node:assert/strict';
import { type SpawnSyncOptions, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  attentionScoresSync,
  gatherTokensSync,
  info,
  type Tensor,
  tokenNormsSync,
  topKSync,
} from 'tokensieve';
import { seeded } from './support/random.js';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const temporary = mkdtempSync(path.join(tmpdir(), 'tokensieve consumers '));
const tarball = path.join(temporary, 'package.tgz');

/** Why what needs these programs can not be tested here, or false. */
function lacking(...programs: string[]): string | false {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).status !== 0);
  return missing.length > 0 && `there is no ${missing.join(' and no ')}`;
}

function succeed(what: string, { status, stdout, stderr, error }: SpawnSyncReturns<string>): string {
  assert.equal(status, 0, `${what} failed: ${error ?? ''}\n${stdout}\n${stderr}`);
  return stdout;
}

function run(program: string, args: string[], options: SpawnSyncOptions = {}): string {
  return succeed(`${program} ${args.join(' ')}`, spawnSync(program, args, { ...options, encoding: 'utf8' }));
}

/** A copy of one of the programs, with what would be published in its node_modules. */
function copyOf(consumer: string): string {
  const folder = path.join(temporary, consumer);
  const installed = path.join(folder, 'node_modules', 'tokensieve');
  cpSync(path.join(root, 'test', 'consumers', consumer), folder, { recursive: true });
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', tarball, '--strip-components', '1', '-C', installed]);
  return folder;
}

type NodeGyp = (command: string, args: string[], options: SpawnSyncOptions) => SpawnSyncReturns<string>;

/** Kernels are compiled lightly, in a third of the time: that they link is shown here, not how fast they are. */
async function nodeGyp(folder: string, command: string): Promise<void> {
  const script = pathToFileURL(path.join(root, 'scripts', 'node-gyp.mjs')).href;
  const { nodeGyp } = (await import(script)) as { nodeGyp: NodeGyp };
  const env = { ...process.env, CXXFLAGS: '-O1' };
  succeed(`node-gyp ${command}`, nodeGyp(command, ['-j', '2'], { cwd: folder, env, encoding: 'utf8' }));
}

/** What the body of an async function answers that has `input`, and as `addon` what a folder's addon exports. */
function ask(folder: string, body: string, input: unknown, addon = '.'): unknown {
  const script = `const addon = require(${JSON.stringify(addon)});
    const input = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
    (async () => { ${body} })().then((answer) => process.stdout.write(JSON.stringify(answer)));`;
  const env = { ...process.env, TOKENSIEVE_BINARY: info().binary };
  return JSON.parse(
    run(process.execPath, ['-e', script], { cwd: folder, env, input: JSON.stringify(input) }),
  );
}

function normal(dims: readonly number[]): Tensor<'float32'> {
  const random = seeded(dims.length);
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, random.normal);
  return { type: 'float32', data, dims };
}

const numbers = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number>);

before(() => {
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', temporary], { cwd: root }),
  ) as [{ filename: string }];
  copyFileSync(path.join(temporary, filename), tarball);
});
after(() => rmSync(temporary, { recursive: true }));

const noAddons = lacking('make', 'g++', 'python3');

describe('an addon that links the library', { skip: noAddons }, () => {
  const [heads, tokens, channels, count] = [3, 50, 24, 9];
  const q = normal([1, heads, 1, channels]);
  const k = normal([1, heads, tokens, channels]);
  const input = { q: numbers(q), k: numbers(k), heads, channels, count };
  const expected = numbers(topKSync(attentionScoresSync(q, k).scores, count).indices);
  const call = `(({ q, k, heads, channels, count }) =>
    Array.from(addon.mostAttended(Float32Array.from(q), Float32Array.from(k), heads, channels, count)))`;
  let folder: string;

  before(async () => {
    folder = copyOf('static-addon');
    const nodeAddonApi = path.dirname(require.resolve('node-addon-api/package.json'));
    symlinkSync(nodeAddonApi, path.join(folder, 'node_modules', 'node-addon-api'), 'junction');
    await nodeGyp(folder, 'rebuild');
  });

  it('computes what this package computes, on any number of threads', () => {
    const body = `return [1, 2, 5].map((threads) => addon.setThreads(threads) && ${call}(input));`;
    assert.deepEqual(ask(folder, body, input), [expected, expected, expected]);
  });

  it('can say what is wrong', () => {
    const body = `try { ${call}(input) } catch (error) { return error.message }`;
    const answer = ask(folder, body, { ...input, count: tokens + 1 });
    assert.equal(answer, `k must be an integer from 0 to ${tokens}; got ${tokens + 1}`);
  });

  it('may be used by a worker that ends before the process, with threads of its own', () => {
    const worker = `const { parentPort, workerData: input } = require('node:worker_threads');
      const addon = require('.');
      addon.setThreads(4);
      parentPort.postMessage(${call}(input));`;
    const body = `const { Worker } = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: input });
      const [[answer]] = await Promise.all(
        ['message', 'exit'].map((name) => require('node:events').once(worker, name)));
      await require('node:timers/promises').setTimeout(50);
      return answer;`;
    assert.deepEqual(ask(folder, body, input, 'node:path'), expected);
  });
});

describe('an addon that borrows the library', { skip: noAddons }, () => {
  const x = normal([70, 24]);
  const input = { data: numbers(x), channels: x.dims[1] };
  const expected = numbers(tokenNormsSync(x));
  const norms = 'Array.from(addon.norms(Float32Array.from(input.data), input.channels))';
  const borrow = "const tokensieve = require('tokensieve'); addon.useTokensieve(tokensieve.nativeApi());";
  let folder: string;
  let header: string;
  let ours: string;

  before(async () => {
    folder = copyOf('borrowing-addon');
    header = path.join(folder, 'node_modules', 'tokensieve', 'native', 'include', 'tokensieve.h');
    ours = readFileSync(header, 'utf8');
    await nodeGyp(folder, 'rebuild');
  });

  it('gets the bits that this package computes', () => {
    assert.deepEqual(ask(folder, `${borrow} return ${norms};`, input), expected);
  });

  it('uses the same threads, in every worker', () => {
    const worker = `const { parentPort } = require('node:worker_threads');
      const addon = require('.');
      ${borrow}
      parentPort.postMessage(addon.threads());`;
    const body = `${borrow}
      tokensieve.setNumThreads(3);
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
      const [threads] = await require('node:events').once(worker, 'message');
      return [addon.threads(), threads];`;
    const [main, inWorker] = ask(folder, body, input) as [number, number];
    assert.equal(main, inWorker);
  });

  it('refuses what nativeApi() did not return', () => {
    const others = `[undefined, null, 1, 'a table', {}, () => {}, Symbol('a table'), new Proxy({}, {}),
      process.stdout._handle._externalStream, Object.create(require('tokensieve').nativeApi())]`;
    const body = `const { isExternal } = require('node:util').types;
      const others = ${others};
      return [others.filter(isExternal).length, others.map((other) => {
        try { addon.useTokensieve(other) } catch ({ name, code, message }) { return [name, code, message].join() }
      })];`;
    const refused = "TypeError,ERR_TOKENSIEVE_TYPE,the value must be what tokensieve's nativeApi() returns";
    assert.deepEqual(ask(folder, body, input), [1, Array(10).fill(refused)]);
  });

  it('says that it has borrowed nothing yet', () => {
    const body = `try { ${norms} } catch (error) { return error.message }`;
    assert.equal(ask(folder, body, input), 'call useTokensieve(nativeApi()) first');
  });

  /** Compiles the addon against a header of another version and tells how it got on with the library that runs. */
  async function borrowAs(version: string, pattern: RegExp, replacement: string): Promise<unknown> {
    assert.match(ours, pattern);
    writeFileSync(header, ours.replace(pattern, replacement));
    await nodeGyp(folder, 'build');
    const built = path.join(folder, `${version}.node`);
    copyFileSync(path.join(folder, 'build', 'Release', 'borrowing_addon.node'), built);
    const body = `try { ${borrow} } catch ({ name, code, message }) { return [name, code, message] }
      return ${norms};`;
    return ask(folder, body, input, built);
  }
  const lastFunction = /( \\\n {2}ENTRY\([\w* ]+, \w+, \(.*\)\))(?=\n\n)/;

  it('is refused when its header is newer, of another interface or with one more function', async () => {
    const sizeof = (text: string) => 8 + 8 * [...text.matchAll(/^ {2}ENTRY\([\w* ]+, \w+, \(/gm)].length;
    const refusal = (abi: number, size: number) => [
      'Error',
      'ERR_TOKENSIEVE_ABI',
      `nativeApi() must be a tokensieve of C interface ${abi} with a table of at least ${size} bytes, as in version ` +
        `${info().versions.tokensieve}; got version ${info().versions.tokensieve} of interface 1 with ${sizeof(ours)} bytes`,
    ];
    const interface2 = await borrowAs('interface-2', /(?<=define TSV_ABI_VERSION )1u/, '2u');
    assert.deepEqual(interface2, refusal(2, sizeof(ours)));
    const larger = await borrowAs(
      'larger-table',
      lastFunction,
      '$1 \\\n  ENTRY(void, forget_tokens, (int32_t))',
    );
    assert.deepEqual(larger, refusal(1, sizeof(ours) + 8));
  });

  it('works when its header is older, with a function less', async () => {
    assert.deepEqual(await borrowAs('smaller-table', lastFunction, ''), expected);
  });
});

const noCMake = lacking('cmake', 'make', 'g++');

describe('a C99 program that finds the installed library', { skip: noCMake }, () => {
  const [tokens, channels, count] = [300, 20, 17];
  const x = normal([1, tokens, channels]);
  let program: string;

  before(() => {
    const folder = copyOf('c99');
    const prefix = path.join(folder, 'prefix');
    const cmake = (...args: string[]) => run('cmake', args, { cwd: folder });
    const lightly = ['-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_CXX_FLAGS_DEBUG='];
    cmake('-S', path.join('node_modules', 'tokensieve'), '-B', 'library', ...lightly);
    cmake('--build', 'library', '--parallel', '2');
    cmake('--install', 'library', '--prefix', prefix);
    cmake('-S', '.', '-B', 'build', `-DCMAKE_PREFIX_PATH=${prefix}`);
    cmake('--build', 'build');
    program = path.join(folder, 'build', 'longest_tokens');
  });

  const keep = (number: number) =>
    spawnSync(program, [tokens, channels, number].map(String), { input: new Uint8Array(x.data.buffer) });

  it('computes what this package computes, without a C++ compiler in its project', () => {
    const { indices } = topKSync(tokenNormsSync(x), count);
    const { data } = gatherTokensSync(x, indices) as Tensor<'float32'>;
    const { status, stdout } = keep(count);
    assert.equal(status, 0);
    assert.deepEqual(new Uint8Array(stdout), new Uint8Array(data.buffer));
  });

  it('can say what is wrong', () => {
    const { status, stderr } = keep(tokens + 1);
    assert.equal(status, 1);
    assert.equal(stderr.toString(), `k must be an integer from 0 to ${tokens}; got ${tokens + 1}\n`);
  });
});
