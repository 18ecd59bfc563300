import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { info, methods } from 'tokensieve';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  bin: { tokensieve: string };
};
const bin = path.join(root, manifest.bin.tokensieve);

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function tokensieve(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Outcome {
  return spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', env });
}

describe('tokensieve info', () => {
  it('prints what info() returns, a line for each', () => {
    const { status, stdout, stderr } = tokensieve(['info']);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    const { cpu, isa, threads, binary, versions, cuda } = info();
    for (const [name, value] of [
      ['processor', cpu],
      ['instruction set', isa],
      ['threads', String(threads)],
      ['binary', binary],
      ['tokensieve', versions.tokensieve],
      ['node', versions.node],
      ['CUDA', cuda.reason],
    ]) {
      const line = stdout.split('\n').find((l) => l.startsWith(name));
      assert.ok(line?.includes(value), `a line '${name}' with ${value} in:\n${stdout}`);
    }
  });

  it('prints the same as JSON', () => {
    const { status, stdout } = tokensieve(['info', '--json']);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(info())));
  });

  it('refuses options it does not know', () => {
    const { status, stdout, stderr } = tokensieve(['info', '--yaml']);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /--yaml[\s\S]*Usage:/);
  });
});

describe('tokensieve methods', () => {
  it('lists every method with its paper, in its group', () => {
    const { status, stdout, stderr } = tokensieve(['methods']);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    for (const { name, title, arxiv, authors, year, group } of methods) {
      const line = stdout.split('\n').find((l) => l.trimStart().startsWith(`${name} `));
      assert.ok(line?.includes(`${authors} ${year}, arXiv ${arxiv}`) && line.includes(title), name);
      assert.match(stdout, new RegExp(`^${group}$`, 'm'));
    }
    assert.match(stdout, new RegExp(`\n${methods.length} methods\n$`));
  });

  it('lists those that are asked for, as JSON too', () => {
    const { stdout } = tokensieve(['methods', '--json', 'token', 'merging']);
    const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
    assert.ok(names.includes('tome') && !names.includes('evit'));
    assert.match(tokensieve(['methods', 'no such method']).stdout, /^0 methods$/m);
  });
});

describe('tokensieve without its binary', () => {
  const env = { ...process.env, TOKENSIEVE_BINARY: path.join(root, 'nowhere.node') };

  it('says so in a sentence, with exit code 1', () => {
    const { status, stdout, stderr } = tokensieve(['info'], env);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^tokensieve info: .*nowhere\.node/);
    assert.doesNotMatch(stderr, /Usage:/);
  });

  it('still explains itself', () => {
    assert.equal(tokensieve(['--help'], env).status, 0);
    assert.equal(tokensieve(['sift'], env).status, 2);
  });
});

describe('tokensieve', () => {
  it('answers an unknown command, or none, with its usage and exit code 2', () => {
    for (const [args, message] of [
      [['sift'], /unknown command 'sift'/],
      [['toString'], /unknown command 'toString'/],
      [[], /a command is needed/],
    ] as const) {
      const { status, stdout, stderr } = tokensieve(args);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, /Usage:\n {2}tokensieve info \[--json\]/);
    }
  });

  it('explains itself with --help', () => {
    const { status, stdout } = tokensieve(['--help']);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage:\n {2}tokensieve info/);
  });

  it('can be run as a program', { skip: process.platform === 'win32' }, () => {
    accessSync(bin, constants.R_OK);
    assert.match(readFileSync(bin, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  });
});
