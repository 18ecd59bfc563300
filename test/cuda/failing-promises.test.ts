// A driver that fails while promises wait for it: at each call that it can fail at they reject with a code, nothing
// stays behind, and the next calls go through. failures.test.ts has all else that can fail.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  bipartiteMatchSync,
  gatherTokens,
  mergeTokens,
  openDevice,
  selectThreshold,
  TokenSieveError,
  tokenNorms,
} from 'tokensieve';
import { control, whyNoDouble } from '../support/cuda-double.js';
import { isOnDevice } from '../support/device-under-test.js';
import { tensorOf } from '../support/tensors.js';

const x = tensorOf('float32', [3, 4, 6, 8, 0, 1, 5, 12], [1, 4, 2]);

/** A little of everything that asks something of the driver. */
async function exercise(): Promise<number[]> {
  using device = openDevice('cuda');
  const there = device.upload(x);
  const norms = await tokenNorms(there, { out: { norms: device.empty('float32', [1, 4]) } });
  const chosen = await selectThreshold(norms, { above: 4 }, { mask: new Uint8Array(4) });
  const { tokens } = await gatherTokens(there, chosen);
  const map = bipartiteMatchSync(there, { r: 1 });
  const merged = await mergeTokens(tokens, map);
  await map.download();
  merged.tokens.downloadSync();
  device.synchronizeSync();
  return [...(await norms.download()).data];
}

const points = [
  'stream',
  'event',
  'pool',
  'allocate',
  'pinned',
  'launch',
  'upload',
  'download',
  'copy',
  'fill',
];
const expected = [5, 10, 1, 13];

suite('a driver that fails while promises wait', {
  skip: isOnDevice ? 'needs the double of a driver' : whyNoDouble(),
}, () => {
  for (const point of points) {
    test(`at any ${point}`, async () => {
      const { fail, passed, live } = control();
      await exercise();
      fail(`${point}:1000000`);
      assert.deepEqual(await exercise(), expected);
      const count = passed(point);
      const { allocations, streams } = live();
      let failed = 0;
      for (let nth = 1; nth <= count; nth++) {
        fail(`${point}:${nth}`);
        const error = await exercise().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        fail('');
        if (error === undefined) continue;
        failed++;
        assert.ok(error instanceof TokenSieveError, String(error));
        assert.match(error.code, /^ERR_TOKENSIEVE_(MEMORY|CUDA)$/, error.message);
        assert.deepEqual(await exercise(), expected, `after ${point} ${nth}`);
        const left = live();
        assert.deepEqual([left.allocations, left.streams], [allocations, streams], `${point} ${nth}`);
      }
      assert.ok(count === 0 || failed > 0, `${count} passes`);
    });
  }
});
