import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type VscanOptions, vscan } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  ascending,
  assertNear,
  attentionTo,
  best,
  cosine,
  encoderTokens,
  meansOf,
  range,
  sumOf,
  tokenAt,
} from '../support/encoder-tokens.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const [height, width] = [4, 6];
const inputs = encoderTokens({ length: 1 + height * width, seed: 8 });
const hidden = decode(inputs.hidden);
const patches = range(1, 1 + height * width);
const deep = attentionTo(inputs.q, inputs.k);
const shallow = attentionTo(inputs.shallowQ, inputs.shallowK);

/** What stays beside the class token: the best of each window, then the best of all others. */
function chosen(local: number, global: number, window: number, exact: boolean): number[] {
  const windows = new Map<string, number[]>();
  for (const i of patches) {
    const name = `${Math.floor((i - 1) / width / window)},${Math.floor(((i - 1) % width) / window)}`;
    windows.set(name, [...(windows.get(name) ?? []), i]);
  }
  const share = Math.floor(local / windows.size);
  const winners = [...windows.values()].flatMap((own) => best(shallow, own, share));
  const others = patches.filter((i) => !winners.includes(i));
  const asked = exact ? local + global - winners.length : global;
  return ascending([...winners, ...best(deep, others, asked)]);
}

/** Members of each slot: the token that stays first. */
function slots(kept: readonly number[]): number[][] {
  const members = kept.map((i) => [i]);
  for (const i of patches.filter((token) => !kept.includes(token))) {
    const similarity = kept.map((j) => cosine(tokenAt(hidden, i), tokenAt(hidden, j)));
    members[similarity.indexOf(Math.max(...similarity))].push(i);
  }
  return [[0], ...members];
}

const reduce = (options: VscanOptions, more: object = {}) =>
  vscan({ grid: [height, width], ...options }).reduceSync({ ...inputs, ...more });

describe('vscan', () => {
  for (const [local, global, window] of [
    [6, 4, 2],
    [7, 4, 2],
    [8, 0, 3],
    [0, 5, 2],
    [20, 2, 3],
    [5, 3, 4],
    [12, 12, 6],
  ] as const)
    it(`keeps ${local} by windows of ${window} and ${global} by all, and merges the rest into them`, () => {
      const expected = slots(chosen(local, global, window, true));
      assert.equal(expected.length, 1 + local + global);
      const left = reduce({ local, global, window });
      assert.deepEqual(membersOf(left.map, 0), expected.map(ascending));
      const means = meansOf(hidden, expected);
      assertNear(tokensOf(left, 0), means);
      assert.deepEqual(
        [...left.positions.data],
        expected.map(([i]) => i),
      );
      assertConsistent(inputs, reduce({ local, global, window, positions: 'kept' }));

      const authors = reduce({ local, global, window, reference: 'authors' });
      assert.deepEqual(membersOf(authors.map, 0), slots(chosen(local, global, window, false)).map(ascending));
    });

  it('weights by size, where the authors take all tokens for one', () => {
    const sizes = Float32Array.from(range(0, 25), (i) => 1 + (i % 3));
    const expected = slots(chosen(6, 4, 2, true));
    const weighted = expected.flatMap((members) => {
      const total = members.reduce((sum, i) => sum + sizes[i], 0);
      return sumOf(
        hidden,
        members,
        members.map((i) => sizes[i] / total),
      );
    });
    assertNear(tokensOf(reduce({ local: 6, global: 4, window: 2 }, { sizes }), 0), weighted);
    const same = reduce({ local: 6, global: 4, window: 2, reference: 'authors' }, { sizes });
    const equal = meansOf(hidden, expected);
    assertNear(tokensOf(same, 0), equal);
  });

  it('has one token left at the least, and all where there are no more', () => {
    assert.equal(reduce({ local: 3, global: 0, window: 2, reference: 'authors' }).hidden.dims[1], 2);
    assert.equal(reduce({ local: 30, global: 30 }).hidden.dims[1], 25);
  });

  it('names what is wrong', () => {
    const create = vscan as (options: unknown) => unknown;
    const right = { local: 4, global: 4, window: 2 };
    for (const name of ['local', 'global', 'window']) {
      assert.throws(
        () => create({ ...right, [name]: -1 }),
        isArgumentError('ERR_TOKENSIEVE_RANGE', `options.${name}`, -1),
      );
      assert.throws(
        () => create({ ...right, [name]: '1' }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${name}`),
      );
    }
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.local'));
    assert.throws(
      () => create({ local: 0, global: 0 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.global', 0),
    );
    assert.throws(
      () => vscan(right).reduceSync(inputs),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.grid'),
    );
  });
});
