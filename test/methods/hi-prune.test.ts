import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HiPruneOptions, hiPrune } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { ascending, attentionTo, best, encoderTokens, range } from '../support/encoder-tokens.js';
import { membersOf } from '../support/reductions.js';

const [height, width] = [5, 6];
const patches = height * width;
const inputs = encoderTokens({ length: 1 + patches, heads: 4, keyHeads: 2, seed: 3 });
const cells = range(0, patches);
const deep = attentionTo(inputs.q, inputs.k).slice(1);
const shallow = attentionTo(inputs.shallowQ, inputs.shallowK).slice(1);

const neighbours = {
  paper: (cell: number) => {
    const [y, x] = [Math.floor(cell / width), cell % width];
    return [
      [y, x - 1],
      [y, x + 1],
      [y - 1, x],
      [y + 1, x],
    ]
      .filter(([row, column]) => row >= 0 && row < height && column >= 0 && column < width)
      .map(([row, column]) => row * width + column);
  },
  authors: (cell: number) =>
    [cell - 1, cell + 1, cell - width, cell + width].map((at) => Math.max(0, Math.min(patches - 1, at))),
};

/** The class token and the cells that stay, by the paper's rule; `anchors` of them. */
function staying(budget: number, anchors: number, reference: 'paper' | 'authors', from = shallow, to = deep) {
  const first = best(from, cells, anchors);
  const around = [...new Set(first.flatMap(neighbours[reference]))].filter((cell) => !first.includes(cell));
  const selected = [...first, ...around].slice(0, budget);
  const others = cells.filter((cell) => !selected.includes(cell));
  const registers = best(to, others, budget - selected.length);
  return ascending([...selected, ...registers]).map((cell) => cell + 1);
}

const kept = (options: HiPruneOptions) =>
  membersOf(
    hiPrune({ grid: [height, width], queries: 'class', ...options }).reduceSync(inputs).map,
    0,
  ).flat();

describe('hiPrune', () => {
  for (const reference of ['paper', 'authors'] as const)
    for (const [count, alpha, anchors] of [
      [15, 0.1, 0],
      [15, 0.5, 2],
      [10, 1, 2],
      [20, 1, 4],
      [3, 1, 1],
      [30, 1, 6],
      [1, 1, 0],
    ] as const)
      it(`keeps exactly ${count}, ${anchors} of them anchors, by the ${reference}`, () => {
        const expected = [0, ...staying(count, anchors, reference)];
        assert.equal(expected.length, count + 1);
        assert.deepEqual(kept({ count, alpha, reference }), expected);
      });

  it('takes neighbours within the picture, where the authors go past its edges', () => {
    const edge = Float32Array.from({ length: 31 }, (_, i) => Number(i === 6));
    assert.deepEqual(neighbours.paper(5), [4, 11]);
    assert.deepEqual(ascending(neighbours.authors(5)), [0, 4, 6, 11]);
    const scores = { type: 'float32', data: edge, dims: [1, 31] } as const;
    assert.equal(
      hiPrune({ count: 5, grid: [5, 6], queries: 'class' }).reduceSync({ ...inputs, scores }).map
        .outputLengths[0],
      6,
    );
  });

  it('rounds a fraction, and takes the grid of the inputs first', () => {
    assert.equal(kept({ keep: 0.45 }).length, 1 + 14);
    assert.equal(kept({ ratio: 0.99 }).length, 1 + 1);
    const left = hiPrune({ count: 10, alpha: 1, grid: [1, 1], queries: 'class' }).reduceSync({
      ...inputs,
      grid: [5, 6],
    });
    assert.deepEqual(membersOf(left.map, 0).flat(), kept({ count: 10, alpha: 1 }));
  });

  it('asks all tokens unless told otherwise', () => {
    const mask = Uint8Array.from({ length: 31 }, (_, i) => Number(i === 0));
    const left = hiPrune({ count: 10, alpha: 1, queries: 'all', grid: [5, 6] }).reduceSync({
      ...inputs,
      mask,
    });
    const all = [
      attentionTo(inputs.shallowQ, inputs.shallowK, 'all'),
      attentionTo(inputs.q, inputs.k, 'all'),
    ];
    const [from, to] = all.map((scores) => scores.slice(1));
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, ...staying(10, 2, 'paper', from, to)]);
  });

  it('names what is wrong', () => {
    const create = hiPrune as (options: unknown) => unknown;
    assert.throws(
      () => create({ keep: 0.5, alpha: 2 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.alpha', 2),
    );
    assert.throws(
      () => create({ keep: 0.5, alpha: '1' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.alpha'),
    );
    assert.throws(
      () => kept({ keep: 0.5, grid: [5, 5] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.grid'),
    );
  });
});
