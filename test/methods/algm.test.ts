import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { algm, restoreTokensSync, type SieveInputs } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';
import { ascending, cosine, ranked } from '../support/videos.js';

const channels = 3;
const sizes: readonly (readonly [number, number])[] = [
  [4, 6],
  [3, 5],
  [6, 4],
];

/** A class token and a picture of rows whose windows are more or less alike. */
function pictures(batch: number, [height, width]: readonly [number, number], seed: number) {
  const random = seeded(seed);
  const length = 1 + height * width;
  const numbers = Array.from({ length: batch * length * channels }, (_, i) => {
    const [y, x] = [
      Math.floor((Math.floor(i / channels) % length) / width),
      Math.floor(i / channels) % width,
    ];
    return Math.sin(i % channels) + random.normal() * ((y + x) % 3) * 0.3;
  });
  const hidden = tensorOf('float32', numbers, [batch, length, channels]);
  const x = decode(hidden).data;
  const mask = Uint8Array.from({ length: batch * length }, (_, i) => Number(i % length === 0));
  const at = (row: number, i: number) => [
    ...x.subarray((row * length + i) * channels, (row * length + i + 1) * channels),
  ];
  const inputs: SieveInputs & { grid: number[] } = { hidden, mask, grid: [height, width] };
  return { inputs, at, length };
}

type Vectors = (i: number) => number[];

/** The windows of 2 x 2 and the mean cosine of their pairs. */
function windowsOf(at: Vectors, [height, width]: readonly [number, number]) {
  const windows: { tokens: number[]; cosine: number }[] = [];
  for (let y = 0; y < height; y += 2)
    for (let x = 0; x < width; x += 2) {
      const cells = [
        [y, x],
        [y, x + 1],
        [y + 1, x],
        [y + 1, x + 1],
      ].filter(([v, u]) => v < height && u < width);
      const tokens = cells.map(([v, u]) => 1 + v * width + u);
      let sum = 0;
      for (const i of tokens) for (const j of tokens) if (i !== j) sum += cosine(at(i), at(j));
      windows.push({ tokens, cosine: tokens.length > 1 ? sum / (tokens.length * (tokens.length - 1)) : 0 });
    }
  return windows;
}

/** The best odd place of each even one that is free, and its cosine. */
function pairsOf(at: Vectors, length: number) {
  const pairs: { from: number; to: number; cosine: number }[] = [];
  for (let from = 2; from < length; from += 2) {
    const odd = Array.from({ length: Math.floor(length / 2) }, (_, i) => 2 * i + 1);
    const [best] = ranked(odd.length, (i) => cosine(at(from), at(odd[i])));
    pairs.push({ from, to: odd[best], cosine: cosine(at(from), at(odd[best])) });
  }
  return pairs;
}

function statistics(numbers: readonly number[]) {
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (numbers.length - 1)) };
}

describe('algm', () => {
  for (const size of sizes)
    it(`merges the windows of ${size} whose tokens are alike, row by row or as many in all`, () => {
      for (let seed = 0; seed < 5; seed++) {
        const { inputs, at, length } = pictures(2, size, seed);
        const rows = [0, 1].map((row) =>
          windowsOf((i) => at(row, i), size).filter(
            (window) => window.tokens.length > 1 && window.cosine >= 0.88,
          ),
        );
        const paper = algm({ stage: 'local' }).reduceSync(inputs);
        assertConsistent(inputs, paper);
        const fewest = Math.min(...rows.map((row) => row.length));
        const authors = algm({ stage: 'local', reference: 'authors' }).reduceSync(inputs);
        rows.forEach((merged, row) => {
          const slotOf = (i: number) => merged.find(({ tokens }) => tokens.includes(i))?.tokens ?? [i];
          const slots = Array.from({ length }, (_, i) => i)
            .filter((i) => slotOf(i)[0] === i)
            .map(slotOf);
          assert.deepEqual(membersOf(paper.map, row), slots);
          const most = ranked(merged.length, (i) => merged[i].cosine)
            .slice(0, fewest)
            .map((i) => merged[i].tokens);
          const others = Array.from({ length }, (_, i) => i).filter((i) => !most.flat().includes(i));
          assert.deepEqual(membersOf(authors.map, row), [[0], ...most, ...others.slice(1).map((i) => [i])]);
        });
      }
    });

  it('merges pairs at least mean + std / layer alike', () => {
    for (let seed = 0; seed < 5; seed++) {
      const { inputs, at, length } = pictures(2, [4, 5], seed);
      const rows = [0, 1].map((row) => pairsOf((i) => at(row, i), length));
      const parts = rows.map((pairs) => statistics(pairs.map((pair) => pair.cosine)));
      for (const layer of [1, 5, 12]) {
        const paper = algm({ stage: 'global', layer }).reduceSync(inputs);
        assertConsistent(inputs, paper);
        rows.forEach((pairs, row) => {
          const threshold = parts[row].mean + parts[row].std / layer;
          const merged = pairs.filter((pair) => pair.cosine >= threshold);
          assert.deepEqual(membersOf(paper.map, row), slots(length, merged));
        });
        const authors = algm({ stage: 'global', layer, reference: 'authors' }).reduceSync(inputs);
        const threshold = (parts[0].mean + parts[1].mean) / 2 + (parts[0].std + parts[1].std) / 2 / layer;
        const fewest = Math.min(
          ...rows.map((pairs) => pairs.filter((pair) => pair.cosine >= threshold).length),
        );
        rows.forEach((pairs, row) => {
          const merged = ranked(pairs.length, (i) => pairs[i].cosine)
            .slice(0, fewest)
            .map((i) => pairs[i]);
          assert.deepEqual(membersOf(authors.map, row), slots(length, merged));
        });
      }
    }
  });

  it('gives every token back after both stages', () => {
    const { inputs, length } = pictures(1, [4, 4], 3);
    const local = algm({ stage: 'local' }).reduceSync(inputs);
    const { hidden, mask, sizes: counts } = local;
    const global = algm({ stage: 'global' }).reduceSync({ hidden, mask, sizes: counts });
    const map = local.map.compose(global.map);
    const restored = decode(restoreTokensSync(global.hidden, map)).data;
    const left = decode(global.hidden).data;
    for (let i = 0; i < length; i++)
      assert.deepEqual(
        restored.slice(i * channels, (i + 1) * channels),
        left.slice(map.assignment[i] * channels, (map.assignment[i] + 1) * channels),
      );
    assert.equal(
      global.sizes.data.reduce((sum, size) => sum + size, 0),
      length,
    );
  });

  it('merges windows of zero vectors never, and of equal tokens always', () => {
    const grid = [2, 4];
    const zero = tensorOf('float32', new Array(16).fill(0), [1, 8, 2]);
    assert.equal(algm({ stage: 'local' }).reduceSync({ hidden: zero, grid }).hidden.dims[1], 8);
    const ones = tensorOf('float32', new Array(16).fill(1), [1, 8, 2]);
    assert.equal(algm({ stage: 'local' }).reduceSync({ hidden: ones, grid }).hidden.dims[1], 2);
    assert.equal(algm({ stage: 'global' }).reduceSync({ hidden: ones }).hidden.dims[1], 4);
  });

  it('names what is wrong', () => {
    const create = algm as (options: unknown) => unknown;
    for (const [options, path, code] of [
      [{}, 'options.stage', 'TYPE'],
      [{ stage: 'local', threshold: '1' }, 'options.threshold', 'TYPE'],
      [{ stage: 'local', threshold: Number.NaN }, 'options.threshold', 'RANGE'],
      [{ stage: 'local', window: 0 }, 'options.window', 'RANGE'],
      [{ stage: 'local', grid: [3] }, 'options.grid', 'SHAPE'],
      [{ stage: 'global', layer: 0 }, 'options.layer', 'RANGE'],
      [{ stage: 'global', layer: '5' }, 'options.layer', 'TYPE'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));
    const { inputs } = pictures(1, [2, 2], 1);
    assert.throws(
      () => algm({ stage: 'local' }).reduceSync({ ...inputs, grid: undefined }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.grid'),
    );
  });
});

/** Even tokens that stay, then odd ones with what merges into them. */
function slots(length: number, merged: readonly { from: number; to: number }[]): number[][] {
  if (merged.length === 0) return Array.from({ length }, (_, i) => [i]);
  const gone = new Set(merged.map(({ from }) => from));
  const all = Array.from({ length }, (_, i) => i);
  const even = all.filter((i) => i % 2 === 0 && !gone.has(i)).map((i) => [i]);
  const odd = all
    .filter((i) => i % 2 === 1)
    .map((to) => ascending([to, ...merged.filter((pair) => pair.to === to).map(({ from }) => from)]));
  return [...even, ...odd];
}
