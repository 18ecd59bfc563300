import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, rotaryDecay, type SparseVlmOptions, sparseVlm, strategies } from 'tokensieve';
import { densityPeaks } from '../reference/clustering.js';
import { densities, separations } from '../reference/knn-density.js';
import { ratersOf, scoresOf } from '../reference/raters.js';
import { isArgumentError } from '../support/assertions.js';
import { bestPlaces, type PromptInputs, placesOf, promptInputs } from '../support/prompts.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode, tensorOf, values } from '../support/tensors.js';

/** The members of each slot, by the formula. */
function expected(
  inputs: PromptInputs,
  count: number,
  { recycle = true, heads, reference = 'paper' }: Partial<SparseVlmOptions>,
): number[][] {
  const { hidden, mask } = inputs;
  const scores = scoresOf(inputs, ratersOf(inputs), heads);
  const picture = placesOf(mask, 0);
  const text = placesOf(mask, 1);
  const best = bestPlaces(picture, scores, count);
  const dropped = picture.filter((i) => !best.includes(i));
  const made: number[][] = [];
  if (recycle && dropped.length > 0) {
    const again = bestPlaces(dropped, scores, Math.floor((3 * dropped.length) / 10) + 1);
    const clusters = Math.floor(again.length / 10) + 1;
    const x = values(decode(hidden).data, hidden.dims.slice(1));
    const others = [...mask.keys()].map((i) => (again.includes(i) ? 0 : 2));
    const density = densities(x, { k: clusters, mask: others });
    const { separations: separation } = separations(x, density, { mask: others });
    const peaks = density.map((own, i) => own * separation[i]);
    const found = densityPeaks(x, again, { count: clusters, k: clusters, similarity: 'l2' });
    const centres = again.sort((i, j) => peaks[j] - peaks[i]).slice(0, clusters);
    if (reference === 'paper') centres.sort((i, j) => i - j);
    made.push(...centres.map((centre) => found.filter((members) => members.includes(centre)).flat()));
  }
  const one = (i: number) => [i];
  const before = text.filter((i) => i < picture[0]);
  return [...before.map(one), ...best.map(one), ...made, ...text.slice(before.length).map(one)];
}

describe('sparseVlm', () => {
  for (const padding of [
    [0, 0],
    [3, 0],
    [0, 3],
  ] as const)
    it(`keeps what the raters attend to and recycles, padded by ${padding}`, () => {
      const inputs = promptInputs({ spans: [3, 90, 9], padding, seed: 4 });
      assert.ok(ratersOf(inputs).length > 1 && ratersOf(inputs).length < 9);
      for (const count of [1, 10, 30, 89, 90])
        for (const options of [
          {},
          { reference: 'authors' },
          { recycle: false },
          { heads: 2 },
          { heads: 9, recycle: false },
        ] as const) {
          const left = sparseVlm({ count, ...options }).reduceSync(inputs);
          const slots =
            count === 90
              ? [...placesOf(inputs.mask, 1), ...placesOf(inputs.mask, 0)]
                  .sort((a, b) => a - b)
                  .map((i) => [i])
              : expected(inputs, count, options);
          assert.deepEqual(membersOf(left.map, 0), slots, `${count} ${JSON.stringify(options)}`);
          const kept = sparseVlm({ count, ...options, positions: 'kept' }).reduceSync(inputs);
          assertConsistent(inputs, kept);
          const places = 'recycle' in options ? slots.map(([first]) => first) : [...slots.keys()];
          assert.deepEqual([...left.positions.data], places);
        }
    });

  it('recycles rows of other lengths as it does each alone', () => {
    const inputs = promptInputs({ batch: 2, spans: [2, 60, 5] });
    inputs.mask.fill(2, 67 + 20, 67 + 62);
    const sieve = sparseVlm({ keep: 0.3 });
    const both = sieve.reduceSync(inputs);
    const cut = (tensor: PromptInputs['hidden'], row: number) => {
      const size = decode(tensor).data.length / 2;
      return {
        ...tensor,
        data: tensor.data.slice(row * size, (row + 1) * size),
        dims: [1, ...tensor.dims.slice(1)],
      } as PromptInputs['hidden'];
    };
    for (const row of [0, 1]) {
      const { hidden, q, k, mask } = inputs;
      const alone = sieve.reduceSync({
        hidden: cut(hidden, row),
        q: cut(q, row),
        k: cut(k, row),
        mask: mask.slice(67 * row, 67 * (row + 1)),
      });
      assert.deepEqual(membersOf(both.map, row), membersOf(alone.map, 0));
      assert.deepEqual(tokensOf(both, row), tokensOf(alone, 0));
    }
    // Of 60 tokens 18 stay and 13 of 42 become 2; of 18, 5 and 4 of 13 become 1.
    assert.deepEqual([...both.map.outputLengths], [7 + 18 + 2, 7 + 5 + 1]);
  });

  it('corrects the gravity of rotary embeddings at distances where their decay is below 0', () => {
    // Two tokens of the picture and a word: the far one matches it best, the near one half as well.
    const decay = rotaryDecay({ length: 4096, headDim: 128 });
    const far = decay.indexOf(Math.min(...decay));
    assert.ok(far > 1707 && decay[1706] > 0 && decay[1707] <= 0);
    const of = (...tokens: readonly number[]) =>
      tensorOf(
        'float32',
        tokens.flatMap((value) => new Array<number>(128).fill(value)),
        [1, 1, tokens.length, 128],
      );
    const inputs = {
      hidden: tensorOf('float32', [1, 2, 3], [1, 3, 1]),
      q: of(1, 1, 1),
      k: of(1, 0.5, 0),
      mask: Uint8Array.of(0, 0, 1),
      positions: Int32Array.of(0, far - 1, far),
    };
    const options = { count: 1, recycle: false, gravity: true } as const;
    assert.deepEqual(membersOf(sparseVlm(options).reduceSync(inputs).map, 0), [[0], [2]]);
    const authors = sparseVlm({ ...options, reference: 'authors' }).reduceSync(inputs);
    assert.deepEqual(membersOf(authors.map, 0), [[1], [2]]);
  });

  it('keeps its numbers over the layers', () => {
    const sieve = sparseVlm({ count: budgets.atLayers([2, 6, 15], [300, 200, 110]) });
    const left = sieve.reduceSync({ ...promptInputs({ spans: [3, 576, 4], channels: 2 }), layer: 2 });
    // 83 of 276 dropped ones become 9.
    assert.equal(left.hidden.dims[1], 7 + 300 + 9);
  });

  it('names what is wrong', () => {
    const create = sparseVlm as (options: unknown) => unknown;
    for (const [options, code, path] of [
      [{}, 'ERR_TOKENSIEVE_TYPE', 'options'],
      [{ count: 5, recycle: 1 }, 'ERR_TOKENSIEVE_TYPE', 'options.recycle'],
      [{ count: 5, heads: 0 }, 'ERR_TOKENSIEVE_RANGE', 'options.heads'],
      [{ count: 5, gravity: true, base: -1 }, 'ERR_TOKENSIEVE_RANGE', 'options.base'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(code, path));
    const recycle = strategies.pruneAndRecycle as (options: unknown) => unknown;
    assert.throws(() => recycle({ share: 2 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.share', 2));
    assert.throws(
      () => recycle({ clusters: 'x' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.clusters'),
    );
  });
});
