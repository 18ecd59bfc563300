import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { difference } from '../bench/peers/agreement.js';
import { contest, Pace } from '../bench/peers/contest.js';
import { makeInputs } from '../bench/peers/inputs.js';
import { type Entry, entries, entryName } from '../bench/peers/jobs.js';
import { type Inputs, type Job, type Outputs, type Peer, timedCall } from '../bench/peers/peer.js';
import { plainJavaScript } from '../bench/peers/plain-javascript.js';
import { comparisonTable } from '../bench/peers/table.js';
import { prepareOurs } from '../bench/peers/tokensieve.js';

const small: readonly Job[] = [
  { kind: 'attentionScores', H: 3, Nq: 5, N: 37, D: 8 },
  { kind: 'attention', H: 2, Nq: 6, N: 21, D: 16 },
  { kind: 'matchAndMerge', B: 2, N: 31, C: 12, r: 7, M: 8, classToken: true },
  { kind: 'matchAndMerge', B: 1, N: 30, C: 8, r: 15, M: 8, classToken: false },
  { kind: 'topK', N: 100, k: 25, sorted: true },
  { kind: 'topK', N: 100, k: 25, sorted: false },
  { kind: 'gatherTokens', N: 31, K: 12, C: 9 },
  { kind: 'mergeTokens', N: 31, M: 24, C: 9 },
  { kind: 'restoreTokens', N: 31, M: 24, C: 9 },
];

async function bothOutputs(job: Job): Promise<{ inputs: Inputs; ours: Outputs; theirs: Outputs }> {
  const inputs = makeInputs(job, 1);
  const peer = await plainJavaScript().prepare(job, [inputs], 1);
  return { inputs, ours: prepareOurs(job, [inputs])(0), theirs: await peer.outputs(0) };
}

describe('the comparison with peers', () => {
  for (const job of small) {
    it(`finds that plain JavaScript does the same, and a change: ${JSON.stringify(job)}`, async () => {
      const { inputs, ours, theirs } = await bothOutputs(job);
      assert.equal(difference(job, inputs, ours, theirs), undefined);
      for (const name of ['scores', 'output', 'tokens', 'values'].filter((key) => key in theirs)) {
        const changed = Float32Array.from(theirs[name] as ArrayLike<number>, (value) => value + 0.01);
        assert.notEqual(difference(job, inputs, ours, { ...theirs, [name]: changed }), undefined, name);
      }
    });
  }

  const entry: Entry = {
    job: small[0],
    shape: 'small',
    passes: [{ flops: 1e4, read: 1e4, written: 1e3 }],
    targets: [{ figure: 'speedup', goal: 1.5 }],
  };
  const plain = plainJavaScript();
  const slow: Peer = { ...plain, name: 'slow' };
  const large: Peer = { ...plain, name: 'large', bytes: () => 3e9 };
  const unable: Peer = { ...plain, name: 'unable', bytes: () => undefined };

  it('times who can do a job, and says of others why not', async () => {
    const pace = new Pace();
    pace.record(slow, entry, 20_000);
    const result = await contest(entry, 1, [plain, slow, large, unable], pace);
    const [first, ...rest] = result.peers;
    assert.ok(first.timing !== undefined && first.timing.ratio > 0);
    assert.deepEqual(
      rest.map(({ stopped }) => stopped),
      ['20 s a call, foreseen', 'needs 3.0 GB', 'has no such operation'],
    );
    const comparison = { ...result, share: 0.5, limit: 'FMA' as const };
    const table = comparisonTable({ peers: { 'plain JavaScript': 'v1' }, comparisons: [comparison] }, 1);
    assert.match(table, /attentionScores {2}small .*50 FMA {2}[\d.]+ x/);
  });

  it('does not time a peer whose results differ', async () => {
    const wrong: Peer = {
      ...plain,
      name: 'wrong',
      prepare: async () => timedCall(() => ({ scores: new Float32Array(37) })),
    };
    const { peers } = await contest(entry, 1, [wrong], new Pace());
    assert.equal(peers[0].timing, undefined);
    assert.match(peers[0].stopped ?? '', /^does not agree: scores differ/);
  });

  it('has jobs with names of their own', () => {
    assert.equal(new Set(entries.map(entryName)).size, entries.length);
  });
});
