// Failures of the driver, each made at every place where a chain of all steps meets it, and at the first use of a device:
// the user gets a coded error, nothing leaks, and the same chain works afterwards; unless the device is lost.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  attentionScoresSync,
  bipartiteMatchSync,
  type Device,
  gatherTokensSync,
  mergeTokensSync,
  openDevice,
  type Tensor,
  TokenSieveError,
  tokenNormsSync,
  topKSync,
} from 'tokensieve';
import { control, type LiveObjects, whyNoDouble } from '../support/cuda-double.js';
import { seeded } from '../support/random.js';
import { randomTensor } from '../support/tensors.js';

// A device that has failed stays so until the process ends: such tests take one each.
process.env.TOKENSIEVE_CUDASIM_DEVICES = '14';
const skip = whyNoDouble();

const random = seeded(5);
const [tokens, channels, heads] = [21, 24, 2];
const host = {
  q: randomTensor(random, 'float32', [1, heads, tokens, 16]),
  k: randomTensor(random, 'float32', [1, heads, tokens, 16]),
  x: randomTensor(random, 'float32', [1, tokens, channels]),
};

/** Scores, chooses, gathers, matches and merges on a device; what comes out. */
function chain(device: Device): Tensor[] {
  const x = device.upload(host.x);
  const { scores } = attentionScoresSync(device.upload(host.q), device.upload(host.k));
  const { indices } = topKSync(scores, 13);
  const kept = gatherTokensSync(x, indices);
  const map = bipartiteMatchSync(kept, { r: 4 });
  const merged = mergeTokensSync(kept, map);
  const zeros = device.empty('float32', [3]);
  return [indices, merged.tokens, merged.sizes, zeros].map((tensor) => tensor.downloadSync());
}

/** What a chain gives, or the error it ends with; its device is disposed of either way. */
function attempt(index = 0): Tensor[] | Error {
  let device: Device | undefined;
  try {
    device = openDevice('cuda', { index });
    return chain(device);
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  } finally {
    device?.dispose();
  }
}

/** As {@link attempt}, with a failure armed; the error, or undefined if nothing came to it. */
function attemptWith(plan: string, index = 0): Error | undefined {
  assert.ok(control().fail(plan), plan);
  const outcome = attempt(index);
  assert.ok(control().fail(''));
  return outcome instanceof Error ? outcome : undefined;
}

function assertCoded(error: Error | undefined, code: string, driverError: RegExp): void {
  assert.ok(error instanceof TokenSieveError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, driverError);
}

/** What must be the same before and after a failure: staging blocks and their events are kept for the next copies. */
function held({ contexts, streams, modules, pools, allocations, allocatedBytes }: LiveObjects): number[] {
  return [contexts, streams, modules, pools, allocations, allocatedBytes];
}

function assertCpuWorks(): void {
  assert.equal(tokenNormsSync(host.x).data.length, tokens);
}

suite('failures at each place of a chain', { skip }, () => {
  for (const [point, code, driverError] of [
    ['allocate', 'ERR_TOKENSIEVE_MEMORY', /CUDA_ERROR_OUT_OF_MEMORY/],
    ['launch', 'ERR_TOKENSIEVE_CUDA', /CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES/],
    ['upload', 'ERR_TOKENSIEVE_CUDA', /CUDA_ERROR_UNKNOWN/],
    ['download', 'ERR_TOKENSIEVE_CUDA', /CUDA_ERROR_UNKNOWN/],
    ['fill', 'ERR_TOKENSIEVE_CUDA', /CUDA_ERROR_UNKNOWN/],
    ['stream', 'ERR_TOKENSIEVE_MEMORY', /CUDA_ERROR_OUT_OF_MEMORY/],
  ] as const) {
    test(`every ${point} of a chain`, () => {
      const expected = attempt();
      assert.ok(Array.isArray(expected), String(expected));
      const before = held(control().live());
      let failures = 0;
      for (let nth = 1; ; nth++) {
        const error = attemptWith(`${point}:${nth}`);
        if (error === undefined) break;
        failures++;
        assertCoded(error, code, driverError);
        assert.deepEqual(held(control().live()), before, `${point} ${nth} leaks`);
        assertCpuWorks();
      }
      assert.ok(failures > 0);
      assert.deepEqual(attempt(), expected);
    });
  }

  test('from some place on nothing succeeds any more', () => {
    const expected = attempt();
    assert.ok(Array.isArray(expected), String(expected));
    const before = held(control().live());
    for (const point of ['allocate', 'launch', 'upload']) {
      for (let nth = 1; ; nth++) {
        const error = attemptWith(`${point}:${nth}+`);
        if (error === undefined) break;
        assertCoded(
          error,
          point === 'allocate' ? 'ERR_TOKENSIEVE_MEMORY' : 'ERR_TOKENSIEVE_CUDA',
          /CUDA_ERROR_/,
        );
        assert.deepEqual(held(control().live()), before, `${point} ${nth} leaks`);
      }
    }
    assert.deepEqual(attempt(), expected);
  });
});

suite('the first use of a device', { skip }, () => {
  let index = 1;
  for (const point of ['context', 'stream', 'pool', 'event', 'pinned', 'module']) {
    test(`fails for want of memory for a ${point}, and works the next time`, () => {
      const expected = attempt();
      const device = index++;
      assertCoded(attemptWith(`${point}:1`, device), 'ERR_TOKENSIEVE_MEMORY', /CUDA_ERROR_OUT_OF_MEMORY/);
      assert.deepEqual(attempt(device), expected);
    });
  }
});

suite('a device that fails for good', { skip }, () => {
  let index = 7;
  for (const [plan, driverError] of [
    ['launch:1=719', /CUDA_ERROR_LAUNCH_FAILED/],
    ['launch:5=700', /CUDA_ERROR_ILLEGAL_ADDRESS/],
    ['upload:2=716', /CUDA_ERROR_MISALIGNED_ADDRESS/],
    ['download:2=214', /CUDA_ERROR_ECC_UNCORRECTABLE/],
    ['fill:1=702', /CUDA_ERROR_LAUNCH_TIMEOUT/],
  ] as const) {
    test(`${plan}: says so from then on, lets go of everything, and leaves the others be`, () => {
      const expected = attempt();
      const before = control().live();
      const device = index++;
      assertCoded(attemptWith(plan, device), 'ERR_TOKENSIEVE_CUDA', driverError);
      const after = control().live();
      assert.equal(after.allocations, before.allocations);
      assert.equal(after.streams, before.streams);
      for (let again = 0; again < 2; again++) {
        const error = attempt(device);
        assert.ok(error instanceof Error);
        assertCoded(error, 'ERR_TOKENSIEVE_CUDA', driverError);
        assert.match(
          error.message,
          new RegExp(`CUDA device ${device} cannot be used until the process ends`),
        );
      }
      assertCpuWorks();
      assert.deepEqual(attempt(), expected);
    });
  }
});
