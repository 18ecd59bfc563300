import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DymuThresholdOptions,
  dymu,
  dymuThreshold,
  dymuThresholdSync,
  type SieveInputs,
} from 'tokensieve';
import { bipartiteMatch, cosine } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const inputs = randomInputs({ batch: 4, length: 21, keyHeads: 1, heads: 1 });
const { data, dims } = decode(inputs.k!);
const rowKeys = (row: number) => ({
  data: data.subarray(row * 21 * dims[3], (row + 1) * 21 * dims[3]),
  dims: [21, dims[3]],
});

/** The best similarity of each even token of a row. */
function bestOf(row: number): number[] {
  const keys = rowKeys(row).data;
  const token = (i: number) => keys.subarray(i * dims[3], (i + 1) * dims[3]);
  return Array.from({ length: 11 }, (_, i) =>
    Math.max(...Array.from({ length: 10 }, (_, j) => cosine(token(2 * i), token(2 * j + 1)))),
  );
}

describe('dymu', () => {
  for (const threshold of [-1, 0.3, 0.6, 0.8, 2])
    it(`merges pairs from ${threshold} on, as many as each row has`, () => {
      const left = dymu({ threshold }).reduceSync(inputs);
      for (let row = 0; row < 4; row++)
        assert.deepEqual(membersOf(left.map, row), bipartiteMatch(rowKeys(row), { threshold }));
      assertConsistent(inputs, left);
    });

  it('has a threshold for each layer', () => {
    const sieve = dymu({ threshold: [0.6, 2] });
    const slots = (layer: number) => sieve.reduceSync({ ...inputs, layer }).map.outputLengths;
    assert.deepEqual(slots(0), dymu({ threshold: 0.6 }).reduceSync(inputs).map.outputLengths);
    assert.deepEqual([...slots(1), ...slots(2)], new Array(8).fill(21));
  });

  it('lists survivors as the authors do, if asked', () => {
    const theirs = dymu({ threshold: 0.7, reference: 'authors' }).reduceSync(inputs);
    const best = bestOf(0);
    const stay = best.map((_, i) => 2 * i).filter((i) => best[i / 2] < 0.7);
    stay.sort((i, j) => best[j / 2] - best[i / 2]);
    assert.deepEqual(
      membersOf(theirs.map, 0).slice(0, stay.length),
      stay.map((i) => [i]),
    );
  });

  it('names what is wrong', () => {
    const create = dymu as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.threshold'));
    assert.throws(
      () => create({ threshold: Number.POSITIVE_INFINITY }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.threshold'),
    );
  });
});

describe('dymuThreshold', () => {
  it('is the (r B)-th best similarity of the batch, by which r B tokens merge', async () => {
    const most = [0, 1, 2, 3].map((row) =>
      bestOf(row)
        .sort((a, b) => b - a)
        .slice(0, 10),
    );
    const all = most.flat().sort((a, b) => b - a);
    for (const r of [1, 3, 5, 10]) {
      const threshold = dymuThresholdSync(inputs, { r });
      assert.ok(Math.abs(threshold - all[4 * r - 1]) < 1e-6);
      assert.equal(await dymuThreshold(inputs, { r }), threshold);
      const { map } = dymu({ threshold }).reduceSync(inputs);
      const merged = map.outputLengths.reduce((sum, left) => sum + 21 - left, 0);
      assert.equal(merged, 4 * r);
    }
    const limit = dymuThresholdSync(inputs, { r: 99 });
    assert.ok(Math.abs(limit - all[4 * 10 - 1]) < 1e-6);
  });

  it('does not count what is protected or padding, and is never below 0', () => {
    const mask = new Uint8Array(84).fill(2).fill(0, 0, 3).fill(1, 21, 42);
    const keys = rowKeys(0).data;
    const token = (i: number) => keys.subarray(i * dims[3], (i + 1) * dims[3]);
    const pair = Math.max(cosine(token(0), token(1)), cosine(token(2), token(1)));
    const threshold = dymuThresholdSync({ ...inputs, mask }, { r: 1 });
    assert.ok(Math.abs(threshold - Math.max(0, pair)) < 1e-6);
    const opposite = { type: 'float32', data: Float32Array.of(1, -1), dims: [2, 1] } as const;
    assert.equal(dymuThresholdSync({ hidden: opposite, metric: opposite }, { r: 1 }), 0);
  });

  it('names what is wrong', () => {
    const ask = dymuThresholdSync as (inputs: SieveInputs, options: unknown) => number;
    assert.throws(() => ask(inputs, {}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
    assert.throws(() => ask(inputs, { r: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', 0));
    assert.throws(
      () => ask({ hidden: inputs.hidden }, { r: 1 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.k'),
    );
    const kept = { ...inputs, mask: new Uint8Array(21).fill(1) };
    assert.throws(
      () => ask(kept, { r: 2 } satisfies DymuThresholdOptions),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', 2),
    );
  });
});
