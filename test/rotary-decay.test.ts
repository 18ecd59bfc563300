import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { attentionScoresSync, gravityCorrection, rotaryDecay, type Tensor } from 'tokensieve';
import { rotateKeys } from './reference/rotate-keys.js';
import { isArgumentError } from './support/assertions.js';

/** The product of a query of ones at 0 with keys of ones at given distances, both rotated, by float64. */
function productsOfOnes(headDim: number, distances: readonly number[], base?: number): number[] {
  const ones = {
    data: new Float64Array(distances.length * headDim).fill(1),
    dims: [1, 1, distances.length, headDim],
  };
  const keys = rotateKeys(ones, (_b, _h, n) => distances[n], { ...(base !== undefined && { base }) });
  return distances.map((_, n) => keys.slice(n * headDim, (n + 1) * headDim).reduce((sum, x) => sum + x, 0));
}

suite('rotaryDecay and gravityCorrection', () => {
  const distances = [0, 1, 2, 3, 10, 100, 575, 1706, 1707, 1708, 4095, 20_000, 65_536];

  test('the decay is that of products of ones under a rotary embedding', () => {
    for (const headDim of [2, 64, 80, 128]) {
      for (const base of [undefined, 500_000]) {
        const decay = rotaryDecay({ length: 65_537, headDim, ...(base !== undefined && { base }) });
        productsOfOnes(headDim, distances, base).forEach((product, n) => {
          const got = decay[distances[n]];
          assert.ok(Math.abs(got - product / headDim) < 1e-7, `${headDim}, ${distances[n]}: ${got}`);
        });
      }
    }
  });

  test('it begins at 1, and reaches 0 first at 1707 with 128 channels', () => {
    const decay = rotaryDecay({ length: 4096, headDim: 128 });
    assert.equal(decay[0], 1);
    assert.equal(
      decay.findIndex((x) => x <= 0),
      1707,
    );
    assert.equal(decay.filter((x) => x <= 0).length, 419);
  });

  test('the correction is 1 at 0, positive and finite to any distance, and undoes the decay above the floor', () => {
    const length = 65_536;
    const decay = rotaryDecay({ length, headDim: 128 });
    for (const floor of [undefined, 0.01, 1]) {
      const most = 1 / (floor ?? 0.1);
      const factors = gravityCorrection({ length, headDim: 128, ...(floor !== undefined && { floor }) });
      assert.equal(factors[0], 1);
      for (let d = 0; d < length; d++) {
        assert.ok(factors[d] >= 1 && factors[d] <= most * (1 + 2 ** -23), `${d}: ${factors[d]}`);
        const expected = 1 / Math.max(decay[d], 1 / most);
        assert.ok(Math.abs(factors[d] - expected) <= 1e-5 * expected * most, `${d}: ${factors[d]}`);
      }
    }
  });

  test("reference 'authors' divides by B, of either sign", () => {
    const factors = gravityCorrection({ length: 65_537, headDim: 128, reference: 'authors' });
    productsOfOnes(128, distances).forEach((product, n) => {
      const expected = Math.sqrt(128) / product;
      assert.ok(Math.abs(factors[distances[n]] - expected) <= 1e-6 * Math.abs(expected), `${distances[n]}`);
    });
    assert.ok(factors[1706] > 0 && factors[1707] < 0);
    assert.ok(factors.every(Number.isFinite));
  });

  test("a model's own frequencies", () => {
    const frequencies = Float32Array.of(1, 0.5, 0.25);
    const decay = rotaryDecay({ length: 5, headDim: 6, frequencies });
    for (let d = 0; d < 5; d++) {
      const expected = (Math.cos(d) + Math.cos(d / 2) + Math.cos(d / 4)) / 3;
      assert.ok(Math.abs(decay[d] - expected) < 1e-7);
    }
    const tensor: Tensor<'float32'> = { type: 'float32', data: frequencies, dims: [3] };
    assert.deepEqual(rotaryDecay({ length: 5, headDim: 6, frequencies: tensor }), decay);
  });

  test('with it, attention among ones is even, however far apart', () => {
    const [N, headDim] = [300, 128];
    const at = (places: readonly number[]) => {
      const ones = {
        data: new Float64Array(places.length * headDim).fill(1),
        dims: [1, 1, places.length, headDim],
      };
      const data = Float32Array.from(rotateKeys(ones, (_b, _h, n) => places[n], {}));
      return { type: 'float32', data, dims: ones.dims } as const;
    };
    const keys = at(Array.from({ length: N }, (_, j) => j));
    const query = at([N - 1]);
    const near = attentionScoresSync(query, keys).scores.data;
    assert.ok(near[N - 1] > 1.5 * near[0], 'the nearest key has the most');
    const distanceScale = gravityCorrection({ length: N, headDim });
    for (const score of attentionScoresSync(query, keys, { distanceScale }).scores.data)
      assert.ok(Math.abs(score - 1 / N) < 1e-4 / N, `${score}`);
  });

  for (const [name, options, code, path, value] of [
    ['no length', { headDim: 4 }, 'RANGE', 'options\\.length', undefined],
    ['a length of 0', { length: 0, headDim: 4 }, 'RANGE', 'options\\.length', 0],
    ['a word for length', { length: '4', headDim: 4 }, 'TYPE', 'options\\.length', '"4"'],
    ['an odd headDim', { length: 4, headDim: 5 }, 'RANGE', 'options\\.headDim', 5],
    ['no headDim', { length: 4 }, 'RANGE', 'options\\.headDim', undefined],
    ['a base of 0', { length: 4, headDim: 4, base: 0 }, 'RANGE', 'options\\.base', 0],
    [
      'frequencies of another length',
      { length: 4, headDim: 4, frequencies: new Float32Array(3) },
      'SHAPE',
      'options\\.frequencies',
      undefined,
    ],
    [
      'NaN for a frequency',
      { length: 4, headDim: 2, frequencies: Float32Array.of(Number.NaN) },
      'RANGE',
      'options\\.frequencies',
      'NaN',
    ],
    [
      'a base beside frequencies',
      { length: 4, headDim: 2, base: 9, frequencies: Float32Array.of(1) },
      'TYPE',
      'options\\.base',
      9,
    ],
    ['a floor of 0', { length: 4, headDim: 4, floor: 0 }, 'RANGE', 'options\\.floor', 0],
    ['a floor above 1', { length: 4, headDim: 4, floor: 1.5 }, 'RANGE', 'options\\.floor', 1.5],
    [
      'a floor with the reference that has none',
      { length: 4, headDim: 4, floor: 0.5, reference: 'authors' },
      'TYPE',
      'options\\.floor',
      0.5,
    ],
    [
      'an unknown reference',
      { length: 4, headDim: 4, reference: 'code' },
      'TYPE',
      'options\\.reference',
      '"code"',
    ],
  ] as const) {
    test(`refuses ${name}`, () => {
      const refused = isArgumentError(`ERR_TOKENSIEVE_${code}`, path, value);
      assert.throws(() => gravityCorrection(options as never), refused);
    });
  }
});
