import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dycoke } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { ascending, cosine, ranked, type Video, video } from '../support/videos.js';

/** The tokens of a frame that are least like those of another, the least first. */
function leastAlike(
  { at, token }: Video,
  frame: number,
  other: number,
  cells: number,
  count: number,
): number[] {
  return ranked(cells, (place) => -cosine(at(frame, place), at(other, place)))
    .slice(0, count)
    .map((place) => token(frame, place));
}

const frameOf = ({ token }: Video, frame: number, cells: number) =>
  Array.from({ length: cells }, (_, place) => token(frame, place));

describe('dycoke', () => {
  for (let frames = 1; frames <= 9; frames++)
    for (const [ratio, left] of [
      [0.7, 1],
      [0.5, 3],
      [0, 6],
      [0.9, 0],
    ] as const)
      it(`keeps ${left} of 6 tokens of each compared frame of ${frames}`, () => {
        const given = video([frames, 2, 3], frames);
        const last = given.inputs.hidden.dims[1] - 1;
        const against = [undefined, 0, 0, 2];
        const groups = Array.from({ length: frames }, (_, frame) => {
          const partner = against[frame % 4];
          if (partner === undefined) return frameOf(given, frame, 6);
          return leastAlike(given, frame, frame - (frame % 4) + partner, 6, left);
        });
        const paper = dycoke({ ratio }).reduceSync(given.inputs);
        assert.deepEqual(membersOf(paper.map, 0).flat(), [0, 1, ...ascending(groups.flat()), last]);
        assertConsistent(given.inputs, paper);

        if (frames === 1) return;
        // As their code goes: pairs, then every fourth frame but the last with the second after it.
        const code: number[][] = [];
        for (let i = 0; i < frames - 1; i += 2)
          code.push(frameOf(given, i, 6), leastAlike(given, i + 1, i, 6, left));
        for (let i = 0; i < frames - 4; i += 4) code[i + 2] = leastAlike(given, i + 2, i, 6, left);
        const authors = dycoke({ ratio, reference: 'authors' }).reduceSync(given.inputs);
        assert.deepEqual(membersOf(authors.map, 0).flat(), [0, 1, last, ...code.flat()]);
      });

  it('rounds down as the authors do: what floating point makes of the product', () => {
    const { inputs } = video([2, 2, 5]);
    assert.equal((1 - 0.8) * 10, 1.9999999999999996);
    assert.equal(dycoke({ ratio: 0.8 }).reduceSync(inputs).hidden.dims[1], 3 + 10 + 2);
    assert.equal(dycoke({ ratio: 0.8, reference: 'authors' }).reduceSync(inputs).hidden.dims[1], 3 + 10 + 1);
  });

  it('names what is wrong', () => {
    const create = dycoke as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.ratio'));
    assert.throws(() => create({ ratio: -1 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.ratio', -1));
    assert.throws(
      () => dycoke({ ratio: 0.5 }).reduceSync({ ...video([2, 2, 2]).inputs, grid: [2, 2, 3] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.grid'),
    );
  });
});
