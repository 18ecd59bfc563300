import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { restoreTokensSync, type TofuOptions, tofu, tome } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { membersOf, randomInputs, tokensOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

// Tokens 0, 2 and 4 lie near 1, 1 and 5.
const angles = [10, 0, 20, 180, 95, 90];
const keys = angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]);
const inputs = {
  k: tensorOf('float32', keys, [1, 1, 6, 2]),
  hidden: tensorOf('float32', [3, 0, 0, 1, 0, 0, 1, 1, 5, 0, 0, 12], [1, 6, 2]),
  sizes: Float32Array.of(1, 2, 1, 1, 1, 1),
};

function assertTokens(options: Partial<TofuOptions>, layer: number, expected: readonly number[]): void {
  const left = tofu({ r: 3, ...options }).reduceSync({ ...inputs, layer });
  assert.deepEqual(membersOf(left.map, 0), [[0, 1, 2], [3], [4, 5]]);
  assert.deepEqual([...left.sizes.data], [4, 1, 2]);
  for (const [i, value] of tokensOf(left, 0).entries())
    assert.ok(Math.abs(value - expected[i]) < 1e-5, `${i}: ${value}`);
}

describe('tofu', () => {
  /** The mean of members weighted by size, at the norm of the largest. */
  function mlerp(members: readonly (readonly number[])[], sizes: readonly number[]): number[] {
    const total = sizes.reduce((a, b) => a + b);
    const mean = [0, 1].map((c) => members.reduce((sum, x, i) => sum + sizes[i] * x[c], 0) / total);
    const norm = Math.max(...members.map((x) => Math.hypot(...x)));
    return mean.map((x) => (x / Math.hypot(...mean)) * norm);
  }

  it('merges at the largest norm', () => {
    const first = mlerp(
      [
        [3, 0],
        [0, 1],
        [0, 0],
      ],
      [1, 2, 1],
    );
    const last = mlerp(
      [
        [5, 0],
        [0, 12],
      ],
      [1, 1],
    );
    assertTokens({}, 0, [...first, 1, 1, ...last]);
    assertTokens({ prune: 2 }, 2, [...first, 1, 1, ...last]);
  });

  it('merges by the mean, if asked', () => {
    assertTokens({ reduce: 'mean' }, 0, [3 / 4, 2 / 4, 1, 1, 2.5, 6]);
  });

  it('leaves destinations as they are in the first layers, and restores to them', () => {
    assertTokens({ prune: 2 }, 1, [0, 1, 1, 1, 0, 12]);
    const left = tofu({ r: 3, prune: 1 }).reduceSync({ ...inputs, layer: 0 });
    const restored = decode(restoreTokensSync(left.hidden, left.map)).data;
    assert.deepEqual([...restored], [0, 1, 0, 1, 0, 1, 1, 1, 0, 12, 0, 12]);
    const none = tofu({ r: 0, prune: 1 }).reduceSync({ ...inputs, layer: 0 });
    assert.deepEqual(decode(none.hidden), decode(inputs.hidden));
  });

  it('matches and lists as ToMe, here and as authors do', () => {
    const random = randomInputs({ length: 15 });
    for (const reference of ['paper', 'authors'] as const)
      assert.deepEqual(
        tofu({ r: 4, reference }).reduceSync(random).map,
        tome({ r: 4, reference }).reduceSync(random).map,
      );
  });

  it('names what is wrong', () => {
    const create = tofu as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
    assert.throws(
      () => create({ r: 1, prune: '2' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.prune', '2'),
    );
    assert.throws(
      () => create({ r: 1, prune: -1 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.prune', -1),
    );
    assert.throws(
      () => create({ r: 1, reduce: 'sum' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.reduce', 'sum'),
    );
    assert.throws(
      () => tofu({ r: 1, prune: 1 }).reduceSync(inputs),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.layer'),
    );
  });
});
