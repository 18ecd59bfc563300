import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DartOptions, dart } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { placesOf, promptInputs } from '../support/prompts.js';
import { membersOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

type Prompt = ReturnType<typeof promptInputs>;

/** The first row of a prompt by the formula: pivots by L1 norm of the key, each takes the least similar of the pool. */
function expected({ hidden, k, mask }: Prompt, stay: number, options: DartOptions): number[] {
  const { imagePivots = 4, textPivots = 4, reference = 'paper' } = options;
  const [, length, channels] = hidden.dims;
  const [, keyHeads, , depth] = k.dims;
  const [x, keys] = [decode(hidden).data, decode(k).data];
  const norm = (i: number) => {
    let sum = 0;
    for (let head = 0; head < keyHeads; head++)
      for (let c = 0; c < depth; c++) sum += Math.abs(keys[(head * length + i) * depth + c]);
    return sum;
  };
  const token = (i: number) => [...x.subarray(i * channels, (i + 1) * channels)];
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, c) => sum + value * b[c], 0);
  const cosine = (i: number, j: number) =>
    dot(token(i), token(j)) / Math.sqrt(dot(token(i), token(i)) * dot(token(j), token(j)));
  const byNorm = (places: number[]) => places.sort((i, j) => norm(j) - norm(i));
  const picture = placesOf(mask, 0, length);
  const text = placesOf(mask, 1, length);
  const behind = text.filter((i) => i > Math.max(...picture));
  const own = byNorm([...picture]).slice(0, Math.min(stay, imagePivots));
  const all = [...own, ...byNorm(behind).slice(0, textPivots)];
  const taken = [...own];
  const room = reference === 'authors' ? stay : stay - own.length;
  for (const [turn, pivot] of all.entries()) {
    const more = reference === 'authors' ? 0 : Number(turn < room % all.length);
    const pool = picture
      .filter((i) => !taken.includes(i))
      .sort((i, j) => cosine(i, pivot) - cosine(j, pivot));
    taken.push(...pool.slice(0, Math.floor(room / all.length) + more));
  }
  return [...text, ...taken].sort((a, b) => a - b);
}

describe('dart', () => {
  const inputs = promptInputs({ spans: [3, 40, 6] });
  const left = (options: DartOptions) => membersOf(dart(options).reduceSync(inputs).map, 0).flat();

  for (const reference of ['paper', 'authors'] as const)
    it(`keeps pivots and what repeats them least, after the ${reference}`, () => {
      for (const stay of [1, 3, 4, 5, 12, 20, 31, 39, 40])
        for (const pivots of [{}, { imagePivots: 1, textPivots: 0 }, { imagePivots: 7, textPivots: 9 }]) {
          const options = { count: stay, reference, ...pivots };
          assert.deepEqual(
            left(options),
            stay === 40 && reference === 'paper' ? [...Array(49).keys()] : expected(inputs, stay, options),
          );
        }
    });

  it('keeps as many as asked for, and the authors their pivots besides', () => {
    assert.equal(left({ ratio: 0.5 }).length, 9 + 20);
    assert.equal(left({ ratio: 0.5, reference: 'authors' }).length, 9 + 4 + 8 * Math.floor(20 / 8));
    assert.equal(left({ keep: 0.99 }).length, 9 + 39);
    assert.equal(left({ keep: 0.01 }).length, 9);
  });

  it('chooses what points away from a pivot', () => {
    // Angles in degrees; the greatest key is the second free token's, the text's pivot the last token.
    const angles = [0, 10, 0, 200, 90, 20, 80];
    const hidden = angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]);
    const prompt = {
      hidden: tensorOf('float32', hidden, [7, 2]),
      k: tensorOf('float32', [9, 1, -5, 2, 3, 1, 4], [7, 1]),
      mask: Uint8Array.of(1, 0, 0, 0, 0, 0, 1),
    };
    const keep = (count: number, textPivots: number) =>
      membersOf(dart({ count, imagePivots: 1, textPivots }).reduceSync(prompt).map, 0).flat();
    assert.deepEqual(keep(1, 1), [0, 2, 6]);
    assert.deepEqual(keep(2, 1), [0, 2, 3, 6]);
    // Token 2 (0 degrees) takes 3 (200), then token 6 (80) takes of 1 (10), 4 (90) and 5 (20) the first.
    assert.deepEqual(keep(3, 1), [0, 1, 2, 3, 6]);
    assert.deepEqual(keep(3, 0), [0, 2, 3, 4, 6]);
  });

  it('compares by metric where the inputs bring one', () => {
    const { k } = promptInputs({ spans: [3, 40, 6], seed: 2, keyHeads: 1 });
    const metric = { ...k, dims: [1, 49, 8] };
    const hidden = { ...inputs, hidden: metric };
    const byMetric = dart({ count: 9 }).reduceSync({ ...inputs, metric });
    assert.deepEqual(membersOf(byMetric.map, 0).flat(), expected(hidden, 9, { count: 9 }));
  });

  it('names what is wrong', () => {
    const create = dart as (options: unknown) => unknown;
    for (const [options, code, path] of [
      [{}, 'ERR_TOKENSIEVE_TYPE', 'options'],
      [{ keep: 0.5, imagePivots: 0 }, 'ERR_TOKENSIEVE_RANGE', 'options.imagePivots'],
      [{ keep: 0.5, textPivots: -1 }, 'ERR_TOKENSIEVE_RANGE', 'options.textPivots'],
      [{ keep: 0.5, textPivots: '4' }, 'ERR_TOKENSIEVE_TYPE', 'options.textPivots'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(code, path));
  });
});
