// No matrix of tokens by tokens: at 65 536 tokens one of floats would be 16 GB.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runScript } from './support/child.js';

const N = 65_536;
const limitMegabytes = 64;

/** Calls that look at every pair of N tokens, on few channels. */
const calls = {
  similarityArgmax: 'similarityArgmaxSync(x, x, { k: 1 })',
  'similarityArgmax of several': "similarityArgmaxSync(x, x, { metric: 'l2', k: 5 })",
  'similarityArgmax of others': "similarityArgmaxSync(x, x, { candidates: 'others', k: 3 })",
  similarityReduce: 'similarityReduceSync(x, { f: { elu: 0.5 } })',
  knnDensity: 'knnDensitySync(x, { k: 5 })',
  bipartiteMatch: 'bipartiteMatchSync(x, { r: 1000 })',
  attentionScores: 'attentionScoresSync(heads, heads)',
} as const;

suite('memory', () => {
  for (const [name, call] of Object.entries(calls)) {
    test(`${name} of ${N} tokens`, () => {
      // The greatest resident size of a process only ever grows: what a call adds to it is what the call used.
      const { status, stdout, stderr } = runScript(`
        const data = Float32Array.from({ length: ${N} * 4 }, (_, i) => Math.sin(i * 1.7) + Math.cos(i * 0.3));
        const x = { type: 'float32', data, dims: [1, ${N}, 4] };
        const heads = { type: 'float32', data, dims: [1, 1, ${N}, 4] };
        const before = process.resourceUsage().maxRSS;
        tokensieve.${call};
        console.log(process.resourceUsage().maxRSS - before);
      `);
      assert.equal(status, 0, stderr);
      const megabytes = Number(stdout) / 1024;
      assert.ok(megabytes >= 0 && megabytes < limitMegabytes, `${name} took ${megabytes} MB`);
    });
  }
});
