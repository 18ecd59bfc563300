import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, frameFusion, type SieveInputs } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { decode, randomTensor, tensorOf } from '../support/tensors.js';
import { cosine, ranked, video } from '../support/videos.js';

/** A video with attention, and the slots that stay of it by the paper's words. */
function fused(grid: readonly [number, number, number], cost: number, threshold: number, seed: number) {
  const given = video(grid, seed);
  const random = seeded(seed);
  const length = given.inputs.hidden.dims[1];
  const q = randomTensor(random, 'float32', [1, 2, length, 8]);
  const k = randomTensor(random, 'float32', [1, 1, length, 8]);
  const { data: attention } = attentionScores(decode(q), decode(k), { causal: true }).scores;
  const [frames, cells] = [grid[0], grid[1] * grid[2]];
  const total = frames * cells;
  const gone = Math.floor(total * (1 - cost) + 1e-9);
  const similarity = (i: number) => {
    const [frame, place] = [Math.floor(i / cells), i % cells];
    return frame === 0 ? -2 : cosine(given.at(frame, place), given.at(frame - 1, place));
  };
  const alike = ranked(total, similarity)
    .filter((i) => similarity(i) >= threshold)
    .slice(0, gone);
  const runs: number[][] = [];
  for (let i = 0; i < total; i++) {
    const own = alike.includes(i) ? runs.find((run) => run.includes(i - cells)) : undefined;
    if (own) own.push(i);
    else runs.push([i]);
  }
  const tokens = runs.map((run) => run.map((i) => given.token(Math.floor(i / cells), i % cells)));
  const mean = (run: number[]) => run.reduce((sum, i) => sum + attention[i] / run.length, 0);
  const kept = ranked(tokens.length, (i) => mean(tokens[i])).slice(0, total - gone);
  const around = (slots: number[][]) => [[0], [1], ...slots, [length - 1]];
  const inputs: SieveInputs = { ...given.inputs, q, k };
  return {
    inputs,
    merged: around(tokens),
    pruned: around(tokens.filter((_, i) => kept.includes(i))),
    left: total - gone + 3,
  };
}

describe('frameFusion', () => {
  for (const [cost, threshold] of [
    [0.3, 0.6],
    [0.3, 0.95],
    [0.8, 0.6],
    [0.8, -1],
    [1, 0.6],
    [0.04, 0.6],
  ] as const)
    it(`merges frames alike from ${threshold} on and prunes to a cost of ${cost}`, () => {
      for (const grid of [
        [6, 2, 3],
        [1, 2, 3],
        [4, 1, 5],
      ] as const)
        for (let seed = 0; seed < 4; seed++) {
          const { inputs, merged, pruned, left } = fused(grid, cost, threshold, seed);
          const both = frameFusion({ cost, threshold }).reduceSync(inputs);
          assert.deepEqual(membersOf(both.map, 0), pruned);
          assert.equal(both.hidden.dims[1], left);
          assertConsistent(inputs, both);
          const merging = frameFusion({ cost, threshold, prune: false }).reduceSync(inputs);
          assert.deepEqual(membersOf(merging.map, 0), merged);
          assertConsistent(inputs, merging);
        }
    });

  it('counts a token that was merged before by its size, or once as the authors do', () => {
    const hidden = tensorOf('float32', [1, 4], [1, 2, 1]);
    const inputs = { hidden, sizes: Float32Array.of(2, 1), grid: [2, 1, 1] };
    const value = (reference: 'paper' | 'authors') =>
      frameFusion({ cost: 0.5, prune: false, reference }).reduceSync(inputs).hidden.data[0];
    assert.deepEqual([value('paper'), value('authors')], [2, 2.5]);
  });

  it('goes by what the layers before removed', () => {
    const { inputs } = fused([4, 2, 2], 0.5, -1, 1);
    const ratio = budgets.ratioForCost({ cost: 0.5, layers: 4, removed: [0.25] });
    // 4 * 0.5 is left for 4 layers; the first took 0.75 of it, the others have 1.25 / 3 each of the 0.75 there.
    assert.ok(Math.abs(ratio - (1 - 1.25 / 2.25)) < 1e-12);
    const sieve = frameFusion({ cost: 0.5, layers: 4, removed: [0.25] });
    assert.equal(sieve.reduceSync(inputs).hidden.dims[1], 3 + 16 - Math.floor(16 * ratio));
    assert.equal(budgets.ratioForCost({ cost: 0.3, layers: 28 }), 0.7);
    assert.equal(budgets.ratioForCost({ cost: 0.9, layers: 3, removed: [0.5, 0.5] }), 0);
  });

  it('names what is wrong', () => {
    const create = frameFusion as (options: unknown) => unknown;
    for (const [options, path, code] of [
      [{}, 'options.cost', 'TYPE'],
      [{ cost: 0 }, 'options.cost', 'RANGE'],
      [{ cost: 0.1, layers: 4, removed: [0.1] }, 'options.cost', 'RANGE'],
      [{ cost: 0.3, layers: 0 }, 'options.layers', 'RANGE'],
      [{ cost: 0.3, layers: '28' }, 'options.layers', 'TYPE'],
      [{ cost: 0.3, removed: 3 }, 'options.removed', 'TYPE'],
      [{ cost: 0.3, removed: [1] }, 'options.removed\\[0\\]', 'RANGE'],
      [{ cost: 0.3, removed: ['1'] }, 'options.removed\\[0\\]', 'TYPE'],
      [{ cost: 0.3, threshold: '1' }, 'options.threshold', 'TYPE'],
      [{ cost: 0.3, threshold: Number.NaN }, 'options.threshold', 'RANGE'],
      [{ cost: 0.3, prune: 1 }, 'options.prune', 'TYPE'],
      [{ cost: 0.3, grid: 1 }, 'options.grid', 'TYPE'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));
    const { inputs } = fused([2, 1, 2], 0.5, 0.6, 1);
    assert.throws(
      () => frameFusion({ cost: 0.5 }).reduceSync({ ...inputs, q: undefined }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.q'),
    );
  });
});
