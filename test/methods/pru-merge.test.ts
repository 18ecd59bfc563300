import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PruMergeOptions, pruMerge, pruMergePlus } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  ascending,
  assertNear,
  best,
  cosine,
  encoderTokens,
  outlierCount,
  range,
  sumOf,
} from '../support/encoder-tokens.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

const N = 41;
const inputs = encoderTokens({ length: N, batch: 2, heads: 4, keyHeads: 2, seed: 4 });
const hidden = decode(inputs.hidden);
const patches = range(1, N);
const k = 6;

/** q or k of token i, all heads as one, key heads as often as they are read. */
function joined({ data, dims }: ReturnType<typeof decode>, i: number, row: number): number[] {
  return range(0, 4).flatMap((h) => {
    const start = ((row * dims[1] + Math.floor((h * dims[1]) / 4)) * N + i) * dims[3];
    return Array.from(data.subarray(start, start + dims[3]));
  });
}

/** What the class token attends to, with one head. */
function scoresOf(row: number): number[] {
  const q = joined(decode(inputs.q), 0, row);
  const logits = range(0, N).map((i) => {
    const key = joined(decode(inputs.k), i, row);
    return key.reduce((sum, x, c) => sum + x * q[c], 0) / Math.sqrt(key.length);
  });
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  return logits.map((x) => Math.exp(x) / total);
}

const scores = [0, 1].map(scoresOf);
const outlying = scores.map((own) => outlierCount(own.slice(1)));
const fraction = outlierCount(scores.flatMap((own) => own.slice(1))) / (2 * (N - 1));

/** The k others whose keys are most like token i's. */
function neighbours(i: number, row: number, most: number): number[] {
  const keys = range(0, N).map((j) => joined(decode(inputs.k), j, row));
  const similarity = keys.map((key) => cosine(keys[i], key));
  return best(
    similarity,
    patches.filter((j) => j !== i),
    most,
  );
}

/** Members and tokens for what stays, in the order given; the class token first, what is left last. */
function expected(staying: readonly number[], row: number, reduce: 'mean' | 'sum', most = k) {
  const left = patches.filter((i) => !staying.includes(i));
  const slots = staying.map((i) => {
    const taken = neighbours(i, row, most);
    return { members: [i, ...taken], weights: [1, ...taken.map((j) => scores[row][j])] };
  });
  const all = [
    { members: [0], weights: [1] },
    ...slots,
    { members: left, weights: left.map((j) => scores[row][j]) },
  ];
  const tokens = all.flatMap(({ members, weights }) => {
    const total = reduce === 'mean' ? weights.reduce((sum, w) => sum + w, 0) : 1;
    return sumOf(
      hidden,
      members,
      weights.map((w) => w / total),
      row,
    );
  });
  return { members: all.map(({ members }) => ascending(members)), tokens };
}

const spaced = (r: number, end: number) =>
  patches.slice(0, end).filter((_, at) => at % Math.max(1, Math.floor(Math.floor(1 / r + 1e-9) / 3)) === 0);

describe('pruMerge', () => {
  it('has what it needs to be tested: outliers, not as many in each row', () => {
    assert.ok(outlying.every((count) => count > 0) && outlying[0] !== outlying[1], `${outlying}`);
  });

  it('keeps the outliers of each row with those most like them, and one of the rest', () => {
    const left = pruMerge({ k }).reduceSync(inputs);
    for (const row of [0, 1]) {
      const staying = ascending(best(scores[row], patches, outlying[row]));
      const { members, tokens } = expected(staying, row, 'mean');
      assert.deepEqual(membersOf(left.map, row), members);
      assertNear(tokensOf(left, row), tokens);
      const places = [...left.positions.data].slice(
        row * left.hidden.dims[1],
        row * left.hidden.dims[1] + staying.length + 1,
      );
      assert.deepEqual(places, [0, ...staying]);
    }
    assert.equal(left.map.isPartition, false);
    assertConsistent(inputs, pruMerge({ k, positions: 'kept' }).reduceSync(inputs));
  });

  it('lists and adds up as the authors do, with the quartiles of the batch', () => {
    const left = pruMerge({ k, reference: 'authors' }).reduceSync(inputs);
    for (const row of [0, 1]) {
      const count = Math.max(1, Math.floor((N - 1) * fraction + 1e-9));
      const { members, tokens } = expected(best(scores[row], patches, count), row, 'sum');
      assert.deepEqual(membersOf(left.map, row), members);
      assertNear(tokensOf(left, row), tokens);
    }
  });

  it('restores a token from the most similar that took it up, or from the last', () => {
    const { map } = pruMerge({ k }).reduceSync(inputs);
    for (const row of [0, 1]) {
      const staying = ascending(best(scores[row], patches, outlying[row]));
      const keys = range(0, N).map((j) => joined(decode(inputs.k), j, row));
      for (const i of patches) {
        const takers = staying.filter((j) => neighbours(j, row, k).includes(i));
        const [closest] = best(
          staying.map((j) => cosine(keys[i], keys[j])),
          takers.map((j) => staying.indexOf(j)),
          1,
        );
        const own = staying.includes(i) ? staying.indexOf(i) : (closest ?? staying.length);
        assert.equal(map.assignment[row * N + i], own + 1, `token ${i} of row ${row}`);
      }
    }
  });

  it('takes up all others where there are no more, and keeps one where none stands out', () => {
    const short = { ...inputs, lengths: Int32Array.of(5, 41) };
    const left = pruMerge({ k }).reduceSync(short);
    assert.deepEqual(membersOf(left.map, 0).slice(0, 2), [[0], [1, 2, 3, 4]]);
    assert.deepEqual(
      membersOf(left.map, 1),
      expected(ascending(best(scores[1], patches, outlying[1])), 1, 'mean').members,
    );
    const flat = {
      ...inputs,
      scores: { type: 'float32', data: new Float32Array(2 * N), dims: [2, N] },
    } as const;
    const one = pruMerge({ k }).reduceSync(flat);
    assert.deepEqual([...one.map.outputLengths], [3, 3]);
    assert.deepEqual(membersOf(one.map, 0)[2], range(2, N));
    assert.ok(decode(one.hidden).data.every(Number.isFinite));
  });

  it('names what is wrong', () => {
    for (const create of [pruMerge, pruMergePlus] as ((options: unknown) => unknown)[]) {
      assert.throws(() => create({ k: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.k', 0));
      assert.throws(() => create({ k: '3' }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.k'));
      assert.throws(
        () => create({ queries: 1 }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.queries', 1),
      );
    }
    const negative = { type: 'float32', data: new Float32Array(2 * N).fill(-1), dims: [2, N] } as const;
    assert.throws(
      () => pruMerge({}).reduceSync({ ...inputs, scores: negative }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'scores\\[0,\\d+\\]', -1),
    );
  });
});

describe('pruMergePlus', () => {
  const reduce = (options: PruMergeOptions) => pruMergePlus({ k, ...options }).reduceSync(inputs);

  it('keeps evenly spaced tokens besides, in place', () => {
    const left = reduce({});
    for (const row of [0, 1]) {
      const out = best(scores[row], patches, outlying[row]);
      const staying = ascending([...new Set([...out, ...spaced(outlying[row] / (N - 1), N - 1)])]);
      const { members, tokens } = expected(staying, row, 'mean');
      assert.deepEqual(membersOf(left.map, row), members);
      assertNear(tokensOf(left, row), tokens);
    }
  });

  it('lists them behind the others as the authors do, without the last', () => {
    const left = reduce({ reference: 'authors' });
    for (const row of [0, 1]) {
      const out = best(scores[row], patches, Math.max(1, Math.floor((N - 1) * fraction + 1e-9)));
      const others = spaced(fraction, N - 2).filter((i) => !out.includes(i));
      const { members, tokens } = expected([...out, ...others], row, 'sum');
      assert.deepEqual(membersOf(left.map, row), members);
      assertNear(tokensOf(left, row), tokens);
    }
  });
});
