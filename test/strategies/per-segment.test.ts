import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  budgets,
  createSieve,
  type Decision,
  type PositionRule,
  restoreTokensSync,
  type SieveInputs,
  type Strategy,
  strategies,
} from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import {
  assertConsistent,
  membersOf,
  randomInputs,
  rowOf,
  scoresOf,
  tokensOf,
} from '../support/reductions.js';
import { reduce, scored } from '../support/strategies.js';
import { decode, tensorOf } from '../support/tensors.js';

const { bipartiteMerge, clusterMerge, perSegment, poolWindows, prune, pruneAndFuse, unshuffle } = strategies;

/** The tokens kept of the first row. */
const kept = (inputs: SieveInputs, strategy: Strategy, count: number) =>
  membersOf(reduce(inputs, strategy, count).map, 0).flat();

describe('strategies.perSegment', () => {
  it('keeps the best of every stretch', () => {
    const inputs = scored([[5, 6, 7, 8, 1, 2, 4, 3, 9, 0]]);
    assert.deepEqual(kept(inputs, perSegment(prune(), { size: 4 }), 2), [2, 3, 6, 7, 8, 9]);
    assert.deepEqual(kept(inputs, perSegment(prune(), { size: 4 }), 1), [3, 6, 8]);
    // Of lengths 4, 3 and 3.
    assert.deepEqual(kept(inputs, perSegment(prune(), { count: 3 }), 1), [3, 6, 8]);
    assert.deepEqual(kept(inputs, perSegment(prune(), { count: 99 }), 1), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const fraction = createSieve({ strategy: perSegment(prune(), { size: 5 }), budget: budgets.keep(0.4) });
    assert.deepEqual(membersOf(fraction.reduceSync(inputs).map, 0).flat(), [2, 3, 6, 8]);
  });

  it('keeps the best of every frame and of every window, around protected tokens', () => {
    // A class token, then two frames of 2 x 3, with a separator between them.
    const scores = [0, 1, 2, 3, 4, 5, 6, 0, 9, 8, 7, 6, 5, 4];
    const mask = Uint8Array.from(scores, (_, i) => Number(i === 0 || i === 7));
    const inputs = { ...scored([scores]), mask, grid: [2, 2, 3] };
    assert.deepEqual(kept(inputs, perSegment(prune(), { frames: true }), 2), [0, 5, 6, 7, 8, 9]);
    // Windows of 2 x 2 and of 2 x 1.
    assert.deepEqual(kept(inputs, perSegment(prune(), { window: 2 }), 1), [0, 5, 6, 7, 8, 10]);
    assert.deepEqual(kept(inputs, perSegment(prune(), { window: [1, 3] }), 1), [0, 3, 6, 7, 8, 11]);
    const { grid, ...bare } = inputs;
    const own = perSegment(prune(), { frames: true, grid: [2, 2, 3] });
    assert.deepEqual(kept(bare, own, 2), [0, 5, 6, 7, 8, 9]);
    assert.throws(
      () => kept(bare, perSegment(prune(), { window: 2 }), 2),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.grid'),
    );
    assert.throws(
      () => kept({ ...bare, grid: [2, 3] }, perSegment(prune(), { frames: true }), 2),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.grid'),
    );
  });

  it('lists tokens by place, or segment by segment as the strategy does', () => {
    const inputs = { ...scored([[0, 1, 2, 3, 9, 8, 7, 6]]), mask: Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0) };
    const byScore = prune({ order: 'score' });
    assert.deepEqual(kept(inputs, perSegment(byScore, { size: 4 }), 2), [1, 3, 4, 5, 6]);
    assert.deepEqual(kept(inputs, perSegment(byScore, { size: 4, order: 'segment' }), 2), [1, 4, 3, 5, 6]);
  });

  it('takes rows of different numbers of free tokens', () => {
    const inputs = {
      ...scored([
        [1, 2, 3, 4],
        [4, 3, 2, 1],
        [1, 2, 3, 4],
      ]),
      lengths: Int32Array.of(4, 3, 0),
    };
    const { map } = reduce(inputs, perSegment(prune(), { size: 2 }), 1);
    assert.deepEqual(
      [0, 1, 2].map((row) => membersOf(map, row).flat()),
      [[1, 3], [0, 2], []],
    );
    const none = { ...inputs, mask: new Uint8Array(12).fill(1), lengths: undefined };
    assert.deepEqual(membersOf(reduce(none, perSegment(prune(), { size: 2 }), 1).map, 1), [
      [0],
      [1],
      [2],
      [3],
    ]);
  });

  it('decides of each segment as of a row of its own, whatever it compares', () => {
    const plain = randomInputs({ batch: 2, length: 12 });
    const sizes = Float32Array.from({ length: 24 }, (_, i) => 1 + (i % 3));
    const mask = Uint8Array.from({ length: 24 }, (_, i) => Number(i % 12 === 0));
    for (const inputs of [plain, { ...plain, sizes }, { ...plain, sizes, mask }])
      for (const strategy of [
        bipartiteMerge(),
        bipartiteMerge({ metric: 'hidden', reduce: 'norm' }),
        clusterMerge({ method: 'dpc-knn', k: 2, metric: 'keys' }),
      ]) {
        const left = reduce(inputs, perSegment(strategy, { size: 4, order: 'segment' }), 2);
        for (let row = 0; row < 2; row++) {
          const own = rowOf(inputs, row);
          const first = 'mask' in inputs ? 1 : 0;
          const expected = [...(first === 1 ? [[0]] : [])];
          const tokens: number[] = [...(first === 1 ? tokensOf(left, row).slice(0, 6) : [])];
          for (let start = first; start < 12; start += 4) {
            const shifted = stretch(own, start, Math.min(12, start + 4));
            const alone = reduce(shifted, strategy, 2);
            expected.push(...membersOf(alone.map, 0).map((slot) => slot.map((i) => i + start)));
            tokens.push(...tokensOf(alone, 0));
          }
          assert.deepEqual(membersOf(left.map, row), expected);
          assert.deepEqual([...tokensOf(left, row)], tokens);
        }
      }
  });

  it('carries weights, centres and blocks', () => {
    const inputs = { ...scored([[1, 3, 2, 2, 4, 1]]), mask: Uint8Array.of(0, 0, 0, 1, 0, 0) };
    const fused = reduce(inputs, perSegment(pruneAndFuse(), { size: 3 }), 1);
    assertConsistent(inputs, fused);
    assert.deepEqual(membersOf(fused.map, 0), [[0, 2], [1], [3], [4], [5]]);
    assert.deepEqual(fused.map.weights, Float32Array.of(1, 2, 1, 1, 1, 1));

    const last: Strategy = ({ tokens }) => {
      const { map } = (poolWindows({ window: tokens.length }) as (d: Decision) => { map: typeof fused.map })({
        tokens,
        scores: undefined,
        amount: undefined,
      });
      return { map, centres: new Int32Array(tokens.batch).fill(tokens.length - 1) };
    };
    const sieve = (positions: PositionRule) =>
      createSieve({ strategy: perSegment(last, { size: 3 }), positions }).reduceSync(
        randomInputs({ batch: 1, length: 6 }),
      );
    assert.deepEqual([...sieve('centre').positions.data], [2, 5]);
    assert.deepEqual([...sieve('kept').positions.data], [0, 3]);

    const whole = { ...randomInputs({ batch: 2, length: 8 }), grid: [2, 2, 2] };
    const blocks = createSieve({
      strategy: perSegment(unshuffle({ window: 2 }), { frames: true }),
    }).reduceSync(whole);
    assert.deepEqual(blocks.hidden.dims, [2, 4, 12]);
    const view = { ...blocks.hidden, dims: [2, 8, 6] };
    assert.deepEqual(decode(restoreTokensSync(view, blocks.blocks!)), decode(whole.hidden));
  });

  it('shows a strategy hidden and metric, sizes, positions and how a frame lies', () => {
    const random = seeded(3);
    const { hidden } = randomInputs({ batch: 2, length: 8, channels: 2 });
    const metric = tensorOf(
      'float32',
      Array.from({ length: 16 }, () => random.uniform()),
      [2, 8, 1],
    );
    const positions = tensorOf(
      'int32',
      Array.from({ length: 48 }, (_, i) => i),
      [3, 2, 8],
    );
    const mask = Uint8Array.from({ length: 16 }, (_, i) => (i % 8 < 4 ? 0 : 1));
    let seen: Decision | undefined;
    const strategy: Strategy = (decision) => {
      seen = decision;
      return (prune() as Strategy)(decision);
    };
    const inputs = {
      hidden,
      metric,
      positions,
      mask,
      grid: [2, 1, 2],
      scores: scoresOf([
        [1, 2, 3, 4, 0, 0, 0, 0],
        [1, 2, 3, 4, 0, 0, 0, 0],
      ]),
    };
    reduce(inputs, perSegment(strategy, { frames: true }), 1);
    const { tokens } = seen!;
    assert.deepEqual([tokens.batch, tokens.length, tokens.grid], [4, 2, [1, 2]]);
    const x = decode(hidden).data;
    assert.deepEqual([...decode(tokens.hidden).data], [...x.slice(0, 8), ...x.slice(16, 24)]);
    assert.deepEqual(tokens.hidden.dims, [4, 2, 2]);
    const m = decode(metric).data;
    assert.deepEqual([...decode(tokens.metric!).data], [...m.slice(0, 4), ...m.slice(8, 12)]);
    assert.deepEqual(
      [...tokens.positions.data].map(Number),
      [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27, 32, 33, 34, 35, 40, 41, 42, 43],
    );
    assert.equal(tokens.k, undefined);
  });

  it('names what is wrong', () => {
    const create = perSegment as (...of: unknown[]) => unknown;
    assert.throws(() => create(3, { size: 2 }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'strategy', 3));
    for (const [options, path, code] of [
      [undefined, 'options', 'TYPE'],
      [{}, 'options', 'TYPE'],
      [{ size: 2, count: 3 }, 'options', 'TYPE'],
      [{ size: 0 }, 'options.size', 'RANGE'],
      [{ size: '2' }, 'options.size', 'TYPE'],
      [{ count: 1.5 }, 'options.count', 'RANGE'],
      [{ frames: 1 }, 'options.frames', 'TYPE'],
      [{ frames: true, grid: [1] }, 'options.grid', 'SHAPE'],
      [{ window: 0 }, 'options.window', 'RANGE'],
      [{ window: [2, 0] }, 'options.window\\[1\\]', 'RANGE'],
      [{ size: 2, order: 'score' }, 'options.order', 'TYPE'],
    ] as const)
      assert.throws(() => create(prune(), options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));
    assert.throws(
      () =>
        reduce(
          randomInputs(),
          create(strategies.distil({ queries: tensorOf('float32', [1, 2, 3, 4, 5, 6], [1, 6]) }), {
            size: 2,
          }) as Strategy,
        ),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'strategy'),
    );
  });
});

/** So many tokens of one row alone. */
function stretch(inputs: SieveInputs, start: number, end: number): SieveInputs {
  const cut = (tensor: NonNullable<SieveInputs['k']>) => {
    const { data, dims } = decode(tensor);
    const [length, channels] = dims.slice(-2);
    const rows = Array.from({ length: data.length / length / channels }, (_, row) => [
      ...data.slice((row * length + start) * channels, (row * length + end) * channels),
    ]);
    return tensorOf(tensor.type, rows.flat(), [...dims.slice(0, -2), end - start, channels]);
  };
  const { sizes } = inputs;
  return {
    hidden: cut(inputs.hidden),
    k: cut(inputs.k!),
    ...(sizes && { sizes: (sizes as Float32Array).slice(start, end) }),
  };
}
