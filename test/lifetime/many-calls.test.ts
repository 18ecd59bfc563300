// Many calls at once.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  attentionScores,
  attentionScoresSync,
  bipartiteMatch,
  bipartiteMatchSync,
  gatherTokens,
  info,
  matmul,
  matmulSync,
  selectThreshold,
  selectThresholdSync,
  setNumThreads,
  tokenNorms,
  tokenNormsSync,
  topK,
  topKSync,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { ramp } from '../support/long-calls.js';

describe('many calls', () => {
  it('in flight end in the order they came, with their own results', async () => {
    const ended: number[] = [];
    const x = ramp([64, 8]);
    await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const tokens = await gatherTokens(x, Int32Array.of(i % 64));
        assert.deepEqual(tokens.data, x.data.slice((i % 64) * 8, (i % 64) * 8 + 8));
        ended.push(i);
      }),
    );
    assert.deepEqual(
      ended,
      [...ended].sort((a, b) => a - b),
    );
  });

  it('of many operations in flight have the results that they have one by one', async () => {
    const x = ramp([4, 64, 8]);
    const flat = ramp([4, 64]);
    const operations = [
      [() => tokenNorms(x), () => tokenNormsSync(x)],
      [() => topK(flat, 9), () => topKSync(flat, 9)],
      [() => matmul(x, ramp([8, 5])), () => matmulSync(x, ramp([8, 5]))],
      [() => bipartiteMatch(x, { r: 7 }), () => bipartiteMatchSync(x, { r: 7 })],
      [() => selectThreshold(flat, { above: 0 }), () => selectThresholdSync(flat, { above: 0 })],
    ] as const;
    const expected = operations.map(([, sync]) => sync());
    const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => operations[i % 5][0]()));
    for (const [i, result] of results.entries()) assert.deepEqual(result, expected[i % 5]);
  });

  it('go on while the number of threads changes, with the same bits', async () => {
    const q = ramp([1, 4, 400, 64]);
    const before = info().threads;
    const expected = attentionScoresSync(q, q).scores;
    const pending: Promise<void>[] = [];
    try {
      for (let i = 0; i < 40; i++) {
        pending.push(attentionScores(q, q).then(({ scores }) => assertSameBits(scores, expected)));
        setNumThreads(1 + (i % 4));
        if (i % 8 === 0) await setImmediate();
      }
      await Promise.all(pending);
    } finally {
      setNumThreads(before);
    }
  });
});
