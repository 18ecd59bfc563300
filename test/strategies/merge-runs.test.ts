import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { budgets, createSieve, strategies } from 'tokensieve';
import { cosine } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, tensorOf, type Values } from '../support/tensors.js';

const { mergeRuns } = strategies;

/** Runs grown token by token, those of `count` cut where neighbours are least alike. x `[N,C]` of one row. */
function runs(
  { data, dims }: Values,
  mask: Uint8Array,
  { threshold = Number.NEGATIVE_INFINITY, count = 1 }: { threshold?: number; count?: number },
): number[][] {
  const token = (i: number) => data.subarray(i * dims[1], (i + 1) * dims[1]);
  const likeness = (i: number) => cosine(token(i - 1), token(i));
  const present = [...mask.keys()].filter((i) => mask[i] !== 2);
  const joins = present.filter(
    (i) => i > 0 && mask[i] === 0 && mask[i - 1] === 0 && likeness(i) >= threshold,
  );
  const cuts = new Set(
    [...joins]
      .sort((a, b) => likeness(a) - likeness(b) || a - b)
      .slice(0, Math.max(0, count - (present.length - joins.length))),
  );
  const joined = new Set(joins.filter((i) => !cuts.has(i)));
  const slots: number[][] = [];
  for (const i of present) {
    if (joined.has(i)) slots[slots.length - 1].push(i);
    else slots.push([i]);
  }
  return slots;
}

describe('strategies.mergeRuns', () => {
  // Angles, in degrees, of tokens of length 1 to 3.
  const turned = (degrees: readonly number[]) =>
    tensorOf(
      'float32',
      degrees.flatMap((d, i) => [
        (1 + (i % 3)) * Math.cos((d * Math.PI) / 180),
        (1 + (i % 3)) * Math.sin((d * Math.PI) / 180),
      ]),
      [degrees.length, 2],
    );

  it('merges neighbours that are alike, however far the run goes', () => {
    const hidden = turned([0, 10, 20, 90, 95, 0]);
    const left = reduce({ hidden }, mergeRuns({ metric: 'hidden', threshold: Math.cos(Math.PI / 12) }));
    assert.deepEqual(membersOf(left.map, 0), [[0, 1, 2], [3, 4], [5]]);
    assert.deepEqual([...left.sizes.data], [3, 2, 1]);
    assert.deepEqual([...left.positions.data], [0, 3, 5]);
  });

  it('cuts between the least alike where a budget says how many stay', () => {
    const hidden = turned([0, 10, 25, 90, 95, 0]);
    const after = (count: number) =>
      membersOf(reduce({ hidden }, mergeRuns({ metric: 'hidden' }), count).map, 0);
    assert.deepEqual(after(1), [[0, 1, 2, 3, 4, 5]]);
    assert.deepEqual(after(3), [[0, 1, 2], [3, 4], [5]]);
    assert.deepEqual(after(4), [[0, 1], [2], [3, 4], [5]]);
    const both = mergeRuns({ metric: 'hidden', threshold: 0.95 });
    assert.deepEqual(membersOf(reduce({ hidden }, both, 1).map, 0), [[0, 1, 2], [3, 4], [5]]);
    assert.deepEqual(membersOf(reduce({ hidden }, both, 5).map, 0), [[0], [1], [2], [3, 4], [5]]);
  });

  it('agrees with runs grown token by token, whatever the mask, the threshold and the budget', () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.option(fc.constantFrom(-0.5, 0, 0.4, 1), { nil: undefined }),
        fc.integer({ min: 1, max: 12 }),
        (seed, threshold, count) => {
          const mask = randomMask(seeded(seed), 3, 11);
          const inputs = { hidden: randomInputs({ batch: 3, seed, channels: 2 }).hidden, mask };
          const strategy = mergeRuns({ metric: 'hidden', ...(threshold !== undefined && { threshold }) });
          const left = reduce(inputs, strategy, count);
          assertConsistent(inputs, left);
          const { data } = decode(inputs.hidden);
          for (let row = 0; row < 3; row++) {
            const own = mask.subarray(row * 11, (row + 1) * 11);
            const tokens = own.filter((state) => state !== 2).length;
            const x = { data: data.subarray(row * 22, (row + 1) * 22), dims: [11, 2] };
            const expected = runs(x, own, { ...(threshold !== undefined && { threshold }), count });
            assert.deepEqual(membersOf(left.map, row), expected);
            if (threshold === undefined && own.every((state) => state === 0))
              assert.equal(expected.length, Math.min(count, tokens));
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it('does not merge over what is kept or dropped, nor what no cosine is known of', () => {
    const hidden = tensorOf('float32', [1, 1, 1, 1, 1, 1, Number.NaN, 1], [8, 1]);
    const mask = Uint8Array.of(0, 0, 1, 0, 2, 0, 0, 0);
    const left = reduce({ hidden, mask }, mergeRuns({ metric: 'hidden', threshold: -1 }));
    assert.deepEqual(membersOf(left.map, 0), [[0, 1], [2], [3], [5], [6], [7]]);
    const zero = tensorOf('float32', [1, 1, 0, 0, 1, 1], [3, 2]);
    const apart = reduce({ hidden: zero }, mergeRuns({ metric: 'hidden', threshold: 0.1 }));
    assert.equal(apart.map.outputLengths[0], 3);
  });

  it('takes the mean over heads of the keys by default', () => {
    const inputs = randomInputs({ batch: 1, heads: 1, keyHeads: 1 });
    const { dims, data } = decode(inputs.k!);
    const left = createSieve({ strategy: mergeRuns(), budget: budgets.count(5) }).reduceSync(inputs);
    const expected = runs({ data, dims: dims.slice(2) }, new Uint8Array(11), { count: 5 });
    assert.deepEqual(membersOf(left.map, 0), expected);
  });

  it('names what is wrong', () => {
    const make = mergeRuns as (options?: unknown) => unknown;
    for (const [options, path, code] of [
      [null, 'options', 'TYPE'],
      [{ threshold: '1' }, 'options.threshold', 'TYPE'],
      [{ threshold: Number.NaN }, 'options.threshold', 'RANGE'],
      [{ metric: 'values' }, 'options.metric', 'TYPE'],
      [{ reduce: 'min' }, 'options.reduce', 'TYPE'],
    ] as const)
      assert.throws(() => make(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));
    const inputs = randomInputs();
    const isBudget = isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget');
    assert.throws(() => reduce(inputs, mergeRuns()), isBudget);
    const byRule = createSieve({ strategy: mergeRuns({ threshold: 0 }), budget: budgets.mass(0.5) });
    assert.throws(() => byRule.reduceSync(inputs), isBudget);
    const { k: _, ...withoutK } = inputs;
    assert.throws(
      () => reduce(withoutK, mergeRuns({ threshold: 0 })),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.k'),
    );
  });
});
