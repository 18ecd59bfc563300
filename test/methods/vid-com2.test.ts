import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { vidCom2 } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { tensorOf } from '../support/tensors.js';
import { ascending, ranked, type Video, video } from '../support/videos.js';

type Vector = readonly number[];

const sum = (numbers: Vector) => numbers.reduce((total, value) => total + value, 0);

function mean(vectors: readonly Vector[]): number[] {
  return vectors[0].map((_, c) => sum(vectors.map((vector) => vector[c])) / vectors.length);
}

function likeness(x: Vector, centre: Vector): number {
  const squared = sum(x.map((value, c) => (value - centre[c]) ** 2));
  return sum([-3, -2, -1, 0, 1].map((k) => Math.exp(-squared / (2 * 2 ** k))));
}

const halfToEven = (x: number) => (x - Math.floor(x) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** The paper's numbers of tokens of each frame, not yet whole, and the tokens of each in the order that they stay. */
function wanted({ at, token }: Video, frames: number, cells: number, keep: number) {
  const all = Array.from({ length: frames }, (_, t) => Array.from({ length: cells }, (_, p) => at(t, p)));
  const vectors = all.flat();
  const centre = mean(vectors);
  const variance = centre.map((m, c) => sum(vectors.map((vector) => (vector[c] - m) ** 2)));
  const channels = ranked(variance.length, (c) => -variance[c]).slice(0, Math.floor(variance.length / 2));
  const units = all.map((frame) =>
    frame.map((vector) => {
      const own = channels.map((c) => vector[c]);
      const norm = Math.sqrt(sum(own.map((value) => value * value)));
      return own.map((value) => (norm === 0 ? 0 : value / norm));
    }),
  );
  const toVideo = units.map((frame) => frame.map((x) => likeness(x, mean(units.flat()))));
  const toFrame = units.map((frame) => frame.map((x) => likeness(x, mean(frame))));
  const weights = toVideo.map((frame) => Math.exp(-sum(frame) / cells / 0.01));
  const shares = weights.map((w) => Math.min(1, keep * (1 + w / sum(weights) - 1 / frames)) * cells);
  const order = toVideo.map((frame, t) =>
    ranked(cells, (p) => -(frame[p] + toFrame[t][p])).map((p) => token(t, p)),
  );
  return { shares, order };
}

describe('vidCom2', () => {
  for (const keep of [0.25, 0.5, 0.9, 1, 0.01])
    it(`keeps ${keep} of a video, most of frames that stand out`, () => {
      for (const grid of [
        [4, 2, 4],
        [7, 2, 2],
        [1, 3, 3],
      ] as const)
        for (let seed = 0; seed < 4; seed++) {
          const given = video(grid, seed, 6);
          const [frames, cells] = [grid[0], grid[1] * grid[2]];
          const last = given.inputs.hidden.dims[1] - 1;
          const { shares, order } = wanted(given, frames, cells, keep);
          const stay = (counts: readonly number[]) => [
            0,
            1,
            ...order.flatMap((tokens, t) => ascending(tokens.slice(0, counts[t]))),
            last,
          ];
          const rounded = shares.map((share) => Math.max(1, Math.min(cells, halfToEven(share))));
          const authors = vidCom2({ keep, reference: 'authors' }).reduceSync(given.inputs);
          assert.deepEqual(membersOf(authors.map, 0).flat(), stay(rounded));
          const paper = vidCom2({ keep }).reduceSync(given.inputs);
          assertConsistent(given.inputs, paper);
          const total = Math.max(frames, Math.floor(frames * cells * keep + 1e-9));
          while (sum(rounded) !== total) {
            const step = sum(rounded) > total ? -1 : 1;
            const room = rounded.map((count) => (step > 0 ? count < cells : count > 1));
            const [frame] = ranked(frames, (t) =>
              room[t] ? step * (shares[t] - rounded[t]) : Number.NEGATIVE_INFINITY,
            );
            rounded[frame] += step;
          }
          assert.deepEqual(membersOf(paper.map, 0).flat(), stay(rounded));
        }
    });

  it('gives the frame that is unlike the others more', () => {
    const angles = [0, 5, 0, 5, 0, 5, 90, 95].map((angle) => (angle * Math.PI) / 180);
    const numbers = angles.flatMap((a) => [
      Math.cos(a),
      Math.sin(a),
      100 * Math.cos(7 * a),
      100 * Math.sin(9 * a),
    ]);
    const hidden = tensorOf('float32', numbers, [1, 8, 4]);
    const { map } = vidCom2({ keep: 0.625, grid: [4, 1, 2] }).reduceSync({ hidden });
    assert.deepEqual(
      membersOf(map, 0)
        .flat()
        .filter((i) => i >= 6),
      [6, 7],
    );
    assert.equal(map.outputLengths[0], 5);
  });

  it('takes what is not finite for what is usual', () => {
    const { inputs } = video([3, 2, 2], 1);
    inputs.hidden.data.fill(Number.NaN, 2 * 4, 4 * 4);
    assert.equal(vidCom2({ keep: 0.5 }).reduceSync(inputs).hidden.dims[1], 3 + 6);
    inputs.hidden.data.fill(Number.POSITIVE_INFINITY);
    assert.equal(vidCom2({ keep: 0.5 }).reduceSync(inputs).hidden.dims[1], 3 + 6);
  });

  it('names what is wrong', () => {
    const create = vidCom2 as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.keep'));
    assert.throws(() => create({ keep: 0 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 0));
    assert.throws(
      () => create({ keep: 0.5, grid: 'x' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.grid'),
    );
  });
});
