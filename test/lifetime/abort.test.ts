// Signals that end calls before, while and after they run.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { attentionScores, attentionScoresSync, type Tensor, tokenNorms, tokenNormsSync } from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { runScript } from '../support/child.js';
import { longCalls, ramp } from '../support/long-calls.js';

describe('an abort signal', () => {
  const q = ramp([1, 8, 700, 64]);

  it('ends a call under way, and those behind it', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const calls = Array.from({ length: 40 }, () => attentionScores(q, q, { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 5);
    const outcomes = await Promise.allSettled(calls);
    const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(rejected.length > 0);
    for (const outcome of rejected) assert.equal(outcome.reason, reason);
    // and the next call is as any other
    assertSameBits((await attentionScores(q, q)).scores, attentionScoresSync(q, q).scores);
  });

  it('that times out ends the call with its own error', async () => {
    const calls = Array.from({ length: 40 }, () => attentionScores(q, q, { signal: AbortSignal.timeout(1) }));
    const outcomes = await Promise.allSettled(calls);
    const last = outcomes.at(-1)!;
    assert.equal(last.status === 'rejected' && (last.reason as Error).name, 'TimeoutError');
  });

  it('is let go when the call has ended, and means nothing then', async () => {
    const controller = new AbortController();
    const norms = await tokenNorms(ramp([40, 64]), { signal: controller.signal });
    await assert.rejects(tokenNorms(5 as never, { signal: controller.signal }));
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    controller.abort();
    assertSameBits(norms, tokenNormsSync(ramp([40, 64])));
  });

  it('shared by a thousand calls ends those that have not, with one reason, and warns of nothing', () => {
    const ended = runScript(`${longCalls}
      const controller = new AbortController();
      const { signal } = controller;
      const small = { type: 'float32', data: Float32Array.of(3, 4), dims: [1, 2] };
      const all = [
        ...Array.from({ length: 499 }, () => tokensieve.tokenNorms(small, { signal })),
        ...Array.from({ length: 9 }, () => tokensieve.attentionScores(q, q, { signal })),
        ...Array.from({ length: 500 }, () => tokensieve.tokenNorms(small, { signal })),
      ];
      all[498].then(() => controller.abort('enough'));
      Promise.allSettled(all).then((outcomes) => {
        const right = outcomes.slice(0, 499).every(({ value }) => value?.data[0] === 5);
        const rejected = outcomes.slice(508).every(({ reason }) => reason === 'enough');
        console.log(right, rejected);
      });`);
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'true true\n', '']);
  });

  it('that is aborted before the call, or once it has ended, changes nothing in out', async () => {
    const norms: Tensor<'float32'> = { type: 'float32', data: new Float32Array(40).fill(7), dims: [40] };
    const x = ramp([40, 64]);
    await assert.rejects(
      tokenNorms(x, { out: { norms }, signal: AbortSignal.abort('early') }),
      (e) => e === 'early',
    );
    assert.ok(norms.data.every((value) => value === 7));
    const controller = new AbortController();
    await tokenNorms(x, { out: { norms }, signal: controller.signal });
    controller.abort();
    await setImmediate();
    assertSameBits(norms, tokenNormsSync(x));
  });
});
