import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Result } from '../bench/measure.js';
import type { Comparison } from '../bench/peers/compare.js';
import { entries } from '../bench/peers/jobs.js';
import { type Proof, readProof } from '../bench/proof/result.js';
import { proofText } from '../bench/proof/tables.js';
import { quotedInReadme, readmeBlock } from '../bench/readme.js';
import { renderPage } from '../bench/report/page.js';
import { powersAround, scaleOf, ticksOf } from '../bench/report/scale.js';

const ceilings = (bytes: number) => ({ fma: 100e9, read: 5e10, copy: 4e10, bytes });
const timing = (median: number) => ({ median, p10: median, p90: median, samples: 9, rounds: 9 });

function result(operation: string, flops: number, median: number): Result {
  return {
    operation,
    shape: '1 x <2>',
    kernels: [],
    flops,
    read: 1e6,
    written: 1e5,
    samples: 9,
    least: median,
    p10: median,
    median,
    p90: median,
    ceilings: ceilings(flops === 0 ? 2 ** 15 : 2 ** 20),
    gflops: flops / median / 1e6,
    bandwidth: 1.1e6 / median / 1e6,
    limit: flops === 0 ? 'bandwidth' : 'FMA',
    percent: 50,
  };
}

const noted = { figure: 'speedup', goal: 3, note: 'its product & its sort are two passes' } as const;
const [entry] = entries;
const comparison = (threads: number): Comparison => ({
  entry: { ...entry, targets: [...entry.targets, noted] },
  threads,
  ours: timing(2),
  ceilings: ceilings(2 ** 20),
  peers: [
    { name: 'onnxruntime-node', timing: { ...timing(4), ratio: 2 } },
    { name: 'slow', timing: { ...timing(1200), ratio: 600, rounds: 2 } },
    { name: 'large', stopped: 'needs 3.0 GB' },
  ],
  share: 0.71,
  limit: 'FMA',
});

const proof: Proof = {
  date: '2026-01-02T03:04:05.000Z',
  cpu: 'A <processor>',
  isa: 'avx512',
  threads: [1, 2],
  load: 0.1,
  versions: { tokensieve: '0.1.0' },
  peers: { 'onnxruntime-node': '1', slow: '2', large: '3' },
  comparisons: [comparison(1), comparison(2)],
  pairs: [
    {
      pair: { name: 'topK', against: 'random', targets: [{ figure: 'cost', goal: 3 }] },
      threads: 1,
      ours: timing(2),
      measure: { ...timing(1), ratio: 0.5 },
      peakScaling: 1,
    },
  ],
  cases: [result('matmul', 1e9, 20), result('matmul', 2e9, 30), result('topK', 0, 0.1)],
  growth: [
    {
      name: 'bipartiteMatch',
      power: 2,
      points: [1024, 2048, 4096].map((N) => ({ N, milliseconds: 1e-6 * N ** 2 })),
    },
  ],
  breakEven: [
    {
      shape: { C: 384, D: 64 },
      block: [64, 128].map((n) => ({ n, milliseconds: n })),
      methods: [
        {
          name: 'scores',
          points: [
            { N: 64, deciding: 3, moving: [{ n: 32, milliseconds: 1 }], keep: 0.9 },
            { N: 128, deciding: 300, moving: [{ n: 64, milliseconds: 1 }] },
          ],
        },
      ],
    },
  ],
};

describe('the page of a result', () => {
  const page = renderPage(proof);

  it('has every chart, with its figures as a table', () => {
    const labels = Array.from(page.matchAll(/<svg [^>]*aria-label="([^"]+)"/g), ([, label]) => label);
    assert.deepEqual(labels, [
      'Roofline of the kernels',
      'Bandwidth of what moves memory',
      'Peers, 1 thread',
      'Peers, 2 threads',
      'Time of a call by the number of tokens',
      'Break-even of a block of 384 channels, heads of 64',
    ]);
    assert.equal(page.match(/<details>/g)?.length, labels.length);
  });

  it('is well-formed, and closes what it opens', () => {
    const open: string[] = [];
    for (const [, closing, tag, rest] of page.matchAll(/<(\/?)([a-z]\w*)([^>]*)>/g)) {
      if (closing) assert.equal(open.pop(), tag);
      else if (!rest.endsWith('/') && tag !== 'meta') open.push(tag);
    }
    assert.deepEqual(open, []);
    assert.ok(page.includes('A &lt;processor&gt;') && page.includes('matmul 1 x &lt;2&gt;'));
  });

  it('draws finite numbers inside of its pictures', () => {
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
    for (const [picture, width, height] of page.matchAll(
      /<svg [^>]*viewBox="0 0 (\S+) (\S+)"[\s\S]*?<\/svg>/g,
    )) {
      const inside = (pattern: RegExp, limit: string): void => {
        for (const [at, value] of picture.matchAll(pattern))
          assert.ok(Number(value) >= 0 && Number(value) <= Number(limit), at);
      };
      inside(/\sx[12]?="([^"]+)"/g, width);
      inside(/\sy[12]?="([^"]+)"/g, height);
      inside(/translate\((\S+) /g, width);
      inside(/points="([^, ]+),/g, width);
    }
  });

  it('needs nothing from elsewhere', () => {
    assert.doesNotMatch(page, /https?:|\/\/|<script|<link|@import|url\(|src=/);
  });

  it('says of every target whether it is met, and why it is missed', () => {
    assert.match(page, /5 of 7 targets met/);
    assert.match(
      page,
      /≥ 3\.00 x<\/td><td>2\.00 x<\/td><td class="missed">missed<\/td><td class="note">its product &amp; its sort/,
    );
    assert.match(page, /N\^2\.00, work N\^2/);
  });

  it('leaves out what was not measured', () => {
    const none = { comparisons: [], pairs: [], cases: [], growth: [], breakEven: [] };
    assert.doesNotMatch(renderPage({ ...proof, ...none }), /<svg|<section/);
  });
});

describe('the tables of a result', () => {
  it('hold what the page holds', () => {
    const text = proofText(proof);
    assert.match(text, /600 x \(1\.20 s, 2 of 9 rounds\)/);
    assert.match(text, /needs 3\.0 GB/);
    assert.match(text, /topK +random +2\.00 ms +1\.00 ms +cost +2\.00 x +≤ 3\.00 x +met/);
    assert.match(text, /2\.00 x of ≥ 3\.00 x\. its product & its sort are two passes/);
    assert.match(text, /bipartiteMatch +N\^2 +N\^2\.00/);
    assert.match(text, /384 +scores +90 % +none/);
    assert.match(text, /\d of \d targets met$/);
  });
});

describe('axes', () => {
  it('run between powers, and mark values inside of them', () => {
    assert.deepEqual(powersAround([3, 700], 10), { low: 1, high: 1000 });
    assert.deepEqual(powersAround([64, 65536], 2), { low: 64, high: 65536 });
    const axis = { title: '', format: String };
    const log = { ...axis, kind: 'log2', low: 64, high: 65536 } as const;
    const at = scaleOf(log, 100, 300);
    assert.deepEqual(
      [64, 2048, 65536].map((value) => Math.round(at(value))),
      [100, 200, 300],
    );
    assert.deepEqual(ticksOf({ ...axis, kind: 'linear', low: 0, high: 1 }).length, 11);
    assert.deepEqual(ticksOf({ ...axis, kind: 'log10', low: 1, high: 100 }), [1, 2, 5, 10, 20, 50, 100]);
    for (const tick of ticksOf(log)) assert.ok(tick >= 64 && tick <= 65536);
  });
});

describe('README.md', () => {
  const folder = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'bench', 'results');
  const kept = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];

  it('quotes a kept result word for word, once there is one', () => {
    const { text, name } = quotedInReadme();
    if (name === '' && kept.length === 0) return;
    assert.ok(kept.includes(name), `README.md quotes ${name}, which bench/results/ does not have`);
    const rewrite = `npm run bench -- --from bench/results/${name} --readme`;
    assert.equal(text, readmeBlock(name, readProof(path.join(folder, name))), `put right by ${rewrite}`);
  });

  it('has the rows with a rival, their ceilings and verdicts', () => {
    const block = readmeBlock('some.json', proof);
    assert.match(block, /^<!-- measured: some\.json -->\n/);
    assert.match(block, /\| attentionScores 12 x 197² x 64 \| 2\.00 ms \| 71 FMA \| 2\.00 x \| 600 x \|/);
    assert.match(block, /\n<!-- \/measured -->$/);
  });
});
