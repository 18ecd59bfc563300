import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  budgets,
  createSieve,
  type FloatTensor,
  type FloatType,
  type SieveInputs,
  strategies,
} from 'tokensieve';
import { attention } from '../reference/attention.js';
import { matmul } from '../reference/matmul.js';
import { assertSameBits, assertWithin, isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { randomInputs, rowOf } from '../support/reductions.js';
import { decode, randomTensor, swapHeads, tensorOf, type Values } from '../support/tensors.js';

const { distil } = strategies;

const [batch, length, channels] = [3, 11, 6];
const random = seeded(21);
const matrix = (rows: number, columns: number, type: FloatType = 'float32') =>
  randomTensor(random, type, [rows, columns]);

interface Expected {
  readonly queries: FloatTensor;
  readonly keyWeight?: FloatTensor;
  readonly valueWeight?: FloatTensor;
  readonly heads?: number;
  readonly scale?: number;
  readonly mask?: Uint8Array;
  readonly sizes?: Float32Array;
}

/** Equation (7), head by head, in float64. */
function distilled(hidden: FloatTensor, options: Expected): Values & { tolerance: Float64Array } {
  const { keyWeight, valueWeight, heads = 1, scale, mask, sizes } = options;
  const x = decode(hidden);
  const through = (weight: FloatTensor | undefined): Values => {
    if (weight === undefined) return x;
    const [, columns] = weight.dims;
    return { data: matmul(x, decode(weight)).c, dims: [...x.dims.slice(0, 2), columns] };
  };
  const inHeads = ({ data, dims }: Values): Values =>
    swapHeads({ data, dims: [dims[0], dims[1], heads, dims[2] / heads] });
  const q = decode(options.queries);
  const rows = x.dims[0];
  const repeated = Float64Array.from({ length: rows * q.data.length }, (_, i) => q.data[i % q.data.length]);
  const { output, tolerance } = attention(
    inHeads({ data: repeated, dims: [rows, ...q.dims] }),
    inHeads(through(keyWeight)),
    inHeads(through(valueWeight)),
    { ...(scale && { scale }), ...(mask && { mask }), ...(sizes && { bias: sizes.map(Math.log) }) },
  );
  const side = swapHeads(output);
  const dims = [...side.dims.slice(0, 2), side.dims[2] * side.dims[3]];
  return { data: side.data, dims, tolerance: swapHeads({ data: tolerance, dims: output.dims }).data };
}

describe('strategies.distil', () => {
  const { hidden } = randomInputs({ batch, length, channels });
  const [queries, keyWeight, valueWeight] = [matrix(4, 8), matrix(channels, 8), matrix(channels, 10)];
  const keep = (mask: Uint8Array) => mask.map((state) => (state === 1 ? 0 : state));

  for (const [what, options] of Object.entries({
    'one head': { queries, keyWeight, valueWeight },
    'two heads': { queries, keyWeight, valueWeight, heads: 2 },
    'a scale of its own': { queries, keyWeight, valueWeight, scale: 0.1 },
    'the tokens as values': { queries, keyWeight },
    'the tokens as keys': { queries: matrix(4, channels), valueWeight },
    'the tokens as both': { queries: matrix(4, channels), heads: 3 },
    'one query': { queries: matrix(1, 8), keyWeight, valueWeight },
    'more queries than tokens': { queries: matrix(17, 8), keyWeight, valueWeight },
  }))
    it(`is softmax(Q (X W_K)^T / sqrt(D)) (X W_V), with ${what}`, () => {
      const left = createSieve({ strategy: distil(options) }).reduceSync({ hidden });
      const expected = distilled(hidden, options);
      assertWithin(left.hidden, expected, (i) => 2 * expected.tolerance[i] + 1e-6);
      assert.equal('map' in left, false);
      assert.ok(left.mask.data.every((state) => state === 0));
    });

  for (const type of ['float16', 'bfloat16'] as const)
    it(`stays in ${type}`, () => {
      const own = randomInputs({ batch, length, channels, type }).hidden;
      const options = { queries: matrix(3, channels, type), heads: 2 };
      const left = createSieve({ strategy: distil(options) }).reduceSync({ hidden: own });
      const expected = distilled(own, options);
      assert.equal(left.hidden.type, type);
      assertWithin(left.hidden, expected, (i) => 2 * expected.tolerance[i] + 1e-6);
    });

  it('does not look at dropped tokens, and weighs by size', () => {
    const mask = Uint8Array.from({ length: batch * length }, () => (random.integer(3) === 0 ? 2 : 0));
    const sizes = Float32Array.from(mask, () => 1 + random.integer(4));
    const options = { queries, keyWeight, valueWeight };
    const left = createSieve({ strategy: distil(options) }).reduceSync({ hidden, mask, sizes });
    const expected = distilled(hidden, { ...options, mask, sizes });
    assertWithin(left.hidden, expected, (i) => 2 * expected.tolerance[i] + 1e-6);
    const alike = createSieve({ strategy: distil({ ...options, proportional: false }) });
    const without = distilled(hidden, { ...options, mask });
    assertWithin(
      alike.reduceSync({ hidden, mask, sizes }).hidden,
      without,
      (i) => 2 * without.tolerance[i] + 1e-6,
    );
  });

  it('keeps protected tokens in front, bit for bit, in rows of any number', () => {
    const mask = Uint8Array.from(
      { length: batch * length },
      (_, i) => [0, 1, 0, 2][random.integer(i < 11 ? 1 : 4)],
    );
    const options = { queries, keyWeight, valueWeight: matrix(channels, channels) };
    const left = createSieve({ strategy: distil(options) }).reduceSync({ hidden, mask });
    const expected = distilled(hidden, { ...options, mask: keep(mask) });
    const M = left.hidden.dims[1];
    const [before, after] = [decode(hidden).data, decode(left.hidden).data];
    const token = (data: Float64Array, i: number) => [...data.subarray(i * channels, (i + 1) * channels)];
    for (let row = 0; row < batch; row++) {
      const kept = [...mask.keys()].filter((i) => mask[i] === 1 && Math.floor(i / length) === row);
      assert.equal(left.lengths?.[row], kept.length + 4);
      kept.forEach((i, at) => {
        assert.deepEqual(token(after, row * M + at), token(before, i));
      });
      const made = tensorOf(
        'float32',
        Array.from({ length: 4 }, (_, i) => token(after, row * M + kept.length + i)).flat(),
        [4, channels],
      );
      const own = expected.data.subarray(row * 4 * channels, (row + 1) * 4 * channels);
      const allowed = expected.tolerance.subarray(row * 4 * channels);
      assertWithin(made, { data: own, dims: [4, channels] }, (i) => 2 * allowed[i] + 1e-6);
      const states = [...left.mask.data.subarray(row * M, (row + 1) * M)];
      const past = M - kept.length - 4;
      assert.deepEqual(states, [...kept.map(() => 1), 0, 0, 0, 0, ...new Array<number>(past).fill(2)]);
      assert.ok(
        after.subarray(((row + 1) * M - past) * channels, (row + 1) * M * channels).every((x) => x === 0),
      );
    }
    const protectedFirst = createSieve({ strategy: distil(options), protect: { first: 1 } }).reduceSync({
      hidden,
    });
    assert.deepEqual(protectedFirst.hidden.dims, [batch, 5, channels]);
    assert.equal(protectedFirst.lengths, undefined);
  });

  it('does the same at once and awaited, for a row in a batch and alone', async () => {
    const inputs = { ...randomInputs({ batch, length, channels }), mask: new Uint8Array(batch * length) };
    inputs.mask.fill(2, 8, 11);
    const sieve = createSieve({ strategy: distil({ queries, keyWeight, valueWeight }) });
    const left = sieve.reduceSync(inputs);
    assert.deepEqual(await sieve.reduce(inputs), left);
    for (let row = 0; row < batch; row++) {
      const alone = sieve.reduceSync(rowOf(inputs, row)).hidden;
      const data = left.hidden.data.subarray(row * 40, (row + 1) * 40) as Float32Array;
      assertSameBits({ ...alone, data }, alone);
    }
    const single = sieve.reduceSync({ hidden: { ...hidden, dims: [batch * length, channels] } });
    assert.deepEqual(single.hidden.dims, [4, 10]);
    assert.deepEqual(single.mask.dims, [4]);
  });

  it('gives zeros where there is no token', () => {
    const sieve = createSieve({ strategy: distil({ queries, keyWeight, valueWeight }) });
    const left = sieve.reduceSync({ hidden, mask: new Uint8Array(length).fill(2) });
    assert.ok(left.hidden.data.every((x) => x === 0));
    const equal = { ...hidden, data: new Float32Array(hidden.data.length).fill(1) };
    const alike = decode(sieve.reduceSync({ hidden: equal }).hidden).data;
    const sums = Array.from({ length: 10 }, (_, c) =>
      decode(valueWeight).data.reduce((sum, x, i) => sum + (i % 10 === c ? x : 0), 0),
    );
    alike.forEach((x, i) => {
      assert.ok(Math.abs(x - sums[i % 10]) < 1e-5, 'one token is what equal tokens are');
    });
  });

  it('names what is wrong', () => {
    const make = distil as (options?: unknown) => unknown;
    const good = { queries, keyWeight, valueWeight };
    for (const [options, path, code] of [
      [undefined, 'options.queries', 'TYPE'],
      [null, 'options', 'TYPE'],
      [{}, 'options.queries', 'TYPE'],
      [{ queries: tensorOf('int32', [1], [1, 1]) }, 'options.queries.type', 'TYPE'],
      [{ queries: tensorOf('float32', [1], [1, 1, 1]) }, 'options.queries.dims', 'SHAPE'],
      [{ queries: tensorOf('float32', [], [0, 8]) }, 'options.queries.dims', 'SHAPE'],
      [{ ...good, heads: 3 }, 'options.queries.dims', 'SHAPE'],
      [{ ...good, heads: 4 }, 'options.valueWeight.dims', 'SHAPE'],
      [{ ...good, heads: 0 }, 'options.heads', 'RANGE'],
      [{ ...good, heads: '1' }, 'options.heads', 'TYPE'],
      [{ ...good, keyWeight: null }, 'options.keyWeight', 'TYPE'],
      [{ ...good, keyWeight: matrix(channels, 9) }, 'options.keyWeight.dims', 'SHAPE'],
      [{ ...good, scale: Number.NaN }, 'options.scale', 'RANGE'],
      [{ ...good, scale: '1' }, 'options.scale', 'TYPE'],
      [{ ...good, proportional: 1 }, 'options.proportional', 'TYPE'],
    ] as const)
      assert.throws(() => make(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));

    const reduce = (options: strategies.DistilOptions, inputs: SieveInputs) =>
      createSieve({ strategy: distil(options) }).reduceSync(inputs);
    const isShape = isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.hidden.dims');
    assert.throws(() => reduce({ queries }, { hidden }), isShape);
    assert.throws(() => reduce({ ...good, keyWeight: matrix(5, 8) }, { hidden }), isShape);
    assert.throws(() => reduce({ ...good, valueWeight: matrix(5, 8) }, { hidden }), isShape);
    assert.throws(() => reduce({ queries, keyWeight, heads: 4 }, { hidden }), isShape);
    assert.throws(() => reduce(good, { hidden, mask: new Uint8Array(length).fill(1) }), isShape);
    assert.throws(
      () => reduce({ ...good, queries: matrix(4, 8, 'float16') }, { hidden }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.hidden.type', 'float32'),
    );
    const parts = { strategy: distil(good), budget: budgets.count(3) } as never;
    assert.throws(
      () => createSieve(parts).reduceSync({ hidden }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget'),
    );
  });
});
