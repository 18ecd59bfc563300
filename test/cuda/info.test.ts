// What `tokensieve info` says of CUDA: with the double, without, and with what can be wrong with a driver.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { Info } from 'tokensieve';
import { double, whyNoDouble } from '../support/cuda-double.js';

const root = path.dirname(require.resolve('tokensieve/package.json'));

function run(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const command = [path.join(root, 'dist', 'cli.js'), 'info', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    env: { ...process.env, TOKENSIEVE_CUDA_DRIVER: double, ...env },
  });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout;
}

/** What the line on CUDA says, and that it is what info() says. */
function cudaLine(env: NodeJS.ProcessEnv): string {
  const line = /^CUDA +(.*)$/m.exec(run([], env))?.[1] ?? '';
  const { cuda } = JSON.parse(run(['--json'], env)) as Info;
  assert.equal(cuda.available, cuda.reason === '');
  assert.equal(cuda.available, cuda.devices.length > 0);
  const expected = cuda.available
    ? `driver ${cuda.driver}: ${cuda.devices.join(', ')}`
    : `none: ${cuda.reason}`;
  assert.equal(line, expected);
  return line;
}

suite('tokensieve info, without a driver', () => {
  test('names the file that is not there', () => {
    const nowhere = path.join(root, 'nowhere.so');
    assert.match(cudaLine({ TOKENSIEVE_CUDA_DRIVER: nowhere }), /^none: no CUDA driver: .*nowhere\.so/);
  });

  test('says what the system lacks', {
    skip: existsSync('/proc/driver/nvidia') && 'there is a driver',
  }, () => {
    assert.match(cudaLine({ TOKENSIEVE_CUDA_DRIVER: '' }), /^none: no CUDA driver: .*libcuda/);
  });
});

suite('tokensieve info, with the double', { skip: whyNoDouble() }, () => {
  test('says that it is emulated, and names each device', () => {
    assert.equal(cudaLine({}), 'driver emulated: Emulated H100-like sm_90 (libcudasim) (sm_90)');
    const turing = 'Emulated T4-like sm_75 (libcudasim) (sm_75)';
    assert.equal(
      cudaLine({ TOKENSIEVE_CUDASIM_ARCH: '75', TOKENSIEVE_CUDASIM_DEVICES: '2' }),
      `driver emulated: ${turing}, ${turing}`,
    );
  });

  for (const [what, env, expected] of [
    ['no device', { TOKENSIEVE_CUDASIM_DEVICES: '0' }, /^none: the CUDA driver finds no device$/],
    [
      'an old driver',
      { TOKENSIEVE_CUDASIM_DRIVER_VERSION: '12040' },
      /^none: the driver is for CUDA 12\.4; the kernels need one for CUDA \d+\.\d+ or newer$/,
    ],
    [
      'a driver that does not start',
      { TOKENSIEVE_CUDASIM_FAIL: 'init:1' },
      /^none: the CUDA driver could not be started: CUDA_ERROR_UNKNOWN$/,
    ],
    [
      'a driver that is not ready',
      { TOKENSIEVE_CUDASIM_FAIL: 'init:1=3' },
      /^none: the CUDA driver could not be started: CUDA_ERROR_NOT_INITIALIZED$/,
    ],
  ] as const) {
    test(what, () => assert.match(cudaLine(env), expected));
  }

  test('a driver that lacks a function', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tokensieve-'));
    try {
      const lacking = path.join(folder, 'libcuda-lacking.so');
      const library = readFileSync(double);
      const at = library.indexOf('\0cuMemFreeHost\0');
      assert.notEqual(at, -1);
      library[at + 1] = 'x'.charCodeAt(0);
      writeFileSync(lacking, library);
      assert.match(
        cudaLine({ TOKENSIEVE_CUDA_DRIVER: lacking }),
        /^none: the CUDA driver .*libcuda-lacking\.so has no cuMemFreeHost$/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
