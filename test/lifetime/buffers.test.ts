// Buffers that are transferred, shrink, grow or are shared while calls use them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { type Tensor, tokenNorms, tokenNormsSync } from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { runScript } from '../support/child.js';
import { longCalls, ramp } from '../support/long-calls.js';

/** ES2024's, which this package's `lib` setting does not know yet. */
interface Resizable extends ArrayBuffer {
  resize(bytes: number): void;
}

describe('a buffer', () => {
  it('can be transferred away while it is read', () => {
    const ended = runScript(
      `${longCalls}
      (async () => {
        const expected = tokensieve.attentionScoresSync(q, q).scores.data;
        const pending = calls();
        structuredClone(data.buffer, { transfer: [data.buffer] });
        for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
        const results = await Promise.all(pending);
        console.log(data.length, results.every(({ scores }) => Buffer.compare(
          Buffer.from(scores.data.buffer), Buffer.from(expected.buffer)) === 0));
      })();`,
      {},
      ['--expose-gc'],
    );
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, '0 true\n'], ended.stderr);
  });

  it('of an output that is transferred away is reported', async () => {
    const norms: Tensor<'float32'> = { type: 'float32', data: new Float32Array(40), dims: [40] };
    const promise = tokenNorms(ramp([40, 64]), { out: { norms } });
    structuredClone(norms.data.buffer, { transfer: [norms.data.buffer as ArrayBuffer] });
    await assert.rejects(promise, { code: 'ERR_TOKENSIEVE_DETACHED' });
  });

  it('that is gone before the call is refused', async () => {
    const x = ramp([40, 64]);
    structuredClone(x.data.buffer, { transfer: [x.data.buffer as ArrayBuffer] });
    assert.throws(() => tokenNormsSync(x), { code: 'ERR_TOKENSIEVE_SHAPE' });
    await assert.rejects(tokenNorms(x), { code: 'ERR_TOKENSIEVE_SHAPE' });
  });

  it('that is shared is read where it is', async () => {
    const own = ramp([40, 64]);
    const shared = ramp([40, 64], true);
    assertSameBits(await tokenNorms(shared), tokenNormsSync(own));
    assertSameBits(tokenNormsSync(shared), tokenNormsSync(own));
  });

  it('can grow between calls', async () => {
    const buffer = Reflect.construct(ArrayBuffer, [16, { maxByteLength: 64 }]) as Resizable;
    const data = new Float32Array(buffer); // follows the length of its buffer
    data.set([3, 4, 0, 0]);
    const x = (): Tensor<'float32'> => ({ type: 'float32', data, dims: [data.length / 2, 2] });
    const early = tokenNorms(x());
    buffer.resize(32);
    data.set([0, 0, 6, 8]);
    assert.deepEqual([...(await early).data], [5, 0]);
    assert.deepEqual([...(await tokenNorms(x())).data], [0, 10, 0, 0]);
  });

  it('of an output that shrinks while the call runs is reported, and not written past its end', async () => {
    const buffer = Reflect.construct(ArrayBuffer, [160, { maxByteLength: 160 }]) as Resizable;
    const norms: Tensor<'float32'> = { type: 'float32', data: new Float32Array(buffer), dims: [40] };
    const promise = tokenNorms(ramp([40, 64]), { out: { norms } });
    buffer.resize(80);
    await assert.rejects(promise, { code: 'ERR_TOKENSIEVE_DETACHED' });
    assert.ok(norms.data.every((value) => value === 0));
  });

  it('goes with its worker while calls of another thread run', async () => {
    const x = ramp([40, 64]);
    const expected = tokenNormsSync(x);
    for (let i = 0; i < 20; i++) {
      const own = { ...x, data: x.data.slice() };
      const pending = tokenNorms(own);
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(own.data, [own.data.buffer]);
      port1.close();
      port2.close();
      assertSameBits(await pending, expected);
    }
  });
});

describe('shared memory that another thread writes while it is read', () => {
  it('never leads a call outside: indices, masks and lengths are read once', () => {
    const ended = runScript(`
      const { Worker } = require('node:worker_threads');
      const N = 4096;
      const shared = (Type, length) => new Type(new SharedArrayBuffer(length * Type.BYTES_PER_ELEMENT));
      const indices = shared(Int32Array, N), mask = shared(Uint8Array, N), scores = shared(Float32Array, N);
      const worker = new Worker(\`
        const { workerData: { indices, mask, scores } } = require('node:worker_threads');
        for (;;) for (let i = 0; i < indices.length; i++) {
          indices[i] = indices[i] === 5 ? 0x7fffffff : 5;
          mask[i] = (mask[i] + 1) % 3;
          scores[i] = mask[i] === 1 ? NaN : i * mask[i];
        }\`, { eval: true, workerData: { indices, mask, scores } });
      const x = { type: 'float32', data: new Float32Array(N * 16), dims: [N, 16] };
      const codes = new Set();
      const calls = [
        () => tokensieve.gatherTokensSync(x, indices),
        () => tokensieve.gatherTokens(x, indices),
        () => tokensieve.topKSync({ type: 'float32', data: scores, dims: [N] }, 100, { mask }),
        () => tokensieve.topK({ type: 'float32', data: scores, dims: [N] }, 100, { mask }),
        () => tokensieve.selectThreshold({ type: 'float32', data: scores, dims: [N] }, { above: 3 }, { mask }),
        () => tokensieve.selectThresholdSync({ type: 'float32', data: scores, dims: [N] }, { mass: 0.5 }, { mask }),
        () => tokensieve.bipartiteMatch(x, { r: 99, mask }),
      ];
      worker.once('online', async () => {
        for (let i = 0; i < 700; i++) {
          try { await calls[i % calls.length](); codes.add('none'); } catch (error) { codes.add(error.code); }
        }
        await worker.terminate();
        const known = ['none', 'ERR_TOKENSIEVE_RANGE', 'ERR_TOKENSIEVE_SHAPE'];
        console.log([...codes].every((code) => known.includes(code)));
      });`);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [0, null, 'true\n'], ended.stderr);
  });
});
