import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FloatTensor, Ragged } from 'tokensieve';
import { sampleCdf as reference } from '../reference/sample-cdf.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { randomMask } from '../support/masks.js';
import { sampleCdf, sampleCdfSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, emptyTensor, floatTypes, randomTensor, tensorOf } from '../support/tensors.js';

function rowsOf({ indices, offsets }: Ragged): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, r) =>
    Array.from(indices.data.subarray(offsets[r], offsets[r + 1])),
  );
}

/** Compares rows of `[...,N]`; the mask has one entry for each score. */
function assertSampled(scores: FloatTensor, count: number, mask?: Uint8Array): void {
  const N = scores.dims[scores.dims.length - 1];
  const { data } = decode(scores);
  const row = (of: Float64Array | Uint8Array, r: number) => of.subarray(r * N, (r + 1) * N);
  const expected = Array.from({ length: data.length / N }, (_, r) =>
    reference(row(data, r), count, mask && row(mask, r)),
  );
  const options = mask && { mask: tensorOf('uint8', mask, scores.dims) };
  assert.deepEqual(
    rowsOf(sampleCdfSync(scores, count, options)),
    expected,
    `${scores.type} ${scores.dims}, ${count}`,
  );
}

/** Scores from 0: the magnitudes of normal deviates to a power, which makes them more uneven. */
function magnitudes(seed: number, dims: readonly number[], power = 1): Float64Array {
  const { data } = decode(randomTensor(seeded(seed), 'float32', dims));
  return data.map((x) => Math.fround(Math.abs(x) ** power));
}

const rowLengths = [...capped([1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 1000]), 197, 577];

suite(`sampleCdf (${place})`, () => {
  for (const type of floatTypes) {
    test(`rows of any length, ${type}`, () => {
      for (const N of rowLengths) {
        for (const power of [1, 4]) {
          const scores = tensorOf(type, magnitudes(N, [2, N], power), [2, N], N % 3);
          for (const count of [0, 1, 2, N >> 1, N]) if (count <= N) assertSampled(scores, count);
        }
      }
    });
  }

  test('high scores one by one, low ones together', () => {
    const scores = tensorOf('float32', [1, 9, 1, 7, 1, 1], [6]);
    // Sums of 1 1 1 1 7 9 less the first, of 19: 0 .05 .11 .16 .53 1; points .05 .37 .68 1
    assert.deepEqual(rowsOf(sampleCdfSync(scores, 4)), [[1, 2, 3]]);
    assert.deepEqual(rowsOf(sampleCdfSync(scores, 1)), [[1]]);
    // One token that holds nearly everything takes half of the points.
    const peak = tensorOf('float32', [1, 1, 1000, 1], [4]);
    assert.deepEqual(rowsOf(sampleCdfSync(peak, 4)), [[1, 2, 3]]);
  });

  test('ties, zeros, and nothing to go by', () => {
    const random = seeded(2);
    for (const N of capped([2, 9, 40, 257])) {
      for (const kinds of [1, 2, 5]) {
        const scores = tensorOf(
          'float32',
          Array.from({ length: N }, () => random.integer(kinds)),
          [N],
        );
        for (const count of [1, 2, N >> 1, N]) assertSampled(scores, count);
      }
    }
    assert.deepEqual(rowsOf(sampleCdfSync(tensorOf('float32', [0, -0, 0, 0, 0], [5]), 2)), [[1, 4]]);
    assert.deepEqual(rowsOf(sampleCdfSync(tensorOf('float32', [0], [1]), 1)), [[0]]);
  });

  test('NaN and infinities', () => {
    const { NaN: nan } = Number;
    const x = tensorOf('float32', [nan, 1, Infinity, 2, nan, Infinity, 3], [7]);
    for (const count of [0, 1, 2, 4, 7]) assertSampled(x, count);
    for (const count of [1, 3, 4]) assertSampled(tensorOf('float32', [nan, 1, 2, nan], [4]), count);
    for (const count of [1, 3]) assertSampled(tensorOf('float32', [nan, nan, nan], [3]), count);
  });

  test('kept tokens are always in, dropped ones never, by mask and by lengths', () => {
    const random = seeded(3);
    for (const N of capped([5, 40, 257])) {
      const mask = Uint8Array.from({ length: 3 * N }, (_, i) =>
        i % N < 5 ? [1, 0, 2, 0, 0][i % N] : randomMask(random, 1)[0],
      );
      const counts = [0, 1, 2].map((r) => mask.subarray(r * N, (r + 1) * N));
      const kept = Math.max(...counts.map((row) => row.filter((state) => state === 1).length));
      const present = Math.min(...counts.map((row) => row.filter((state) => state !== 2).length));
      const scores = tensorOf('float32', magnitudes(N, [3, N]), [3, N]);
      for (const count of [kept, present, (kept + present) >> 1]) assertSampled(scores, count, mask);
    }
    const scores = tensorOf('float32', magnitudes(7, [2, 3, 20]), [2, 3, 20]);
    const lengths = Int32Array.of(20, 11);
    const padding = Uint8Array.from({ length: 120 }, (_, i) =>
      i % 20 >= lengths[Math.floor(i / 60)] ? 2 : 0,
    );
    const masked = sampleCdfSync(scores, 9, { mask: tensorOf('uint8', padding, [2, 3, 20]) });
    assert.deepEqual(sampleCdfSync(scores, 9, { lengths }), masked);
    // Kept tokens alone, a negative score that no one looks at
    const options = { mask: Uint8Array.of(1, 0, 1, 2) };
    assert.deepEqual(rowsOf(sampleCdfSync(tensorOf('float32', [1, 5, 0, -3], [4]), 2, options)), [[0, 2]]);
  });

  suite('as every operation', () => {
    const dims = isOnDevice ? [8, 151] : [8, 5003];
    const scores = tensorOf('float32', magnitudes(5, dims), dims);
    const count = isOnDevice ? 40 : 1000;
    testContract({
      inputs: [scores],
      run: ([scores], extra) => sampleCdf(scores, count, { ...(extra?.signal && { signal: extra.signal }) }),
      runSync: ([scores]) => sampleCdfSync(scores, count),
      tensors: ({ indices, offsets }) => [indices, { type: 'int32', data: offsets, dims: [offsets.length] }],
    });
  });

  const scores = tensorOf('float32', [3, 1, 2, 4], [2, 2]);
  test('out receives the result, of which the first offsets[R] indices count', async () => {
    const room = () => ({ indices: emptyTensor('int32', [4]), offsets: new Int32Array(3) });
    const expected = sampleCdfSync(scores, 2);
    const [out, later] = [room(), room()];
    const result = sampleCdfSync(scores, 2, { out });
    assert.deepEqual(result, expected);
    if (!isOnDevice) assert.equal(result.indices.data.buffer, out.indices.data.buffer);
    assert.deepEqual(await sampleCdf(scores, 2, { out: later }), expected);
    assert.deepEqual(later, out);
  });

  testRefusals(
    [sampleCdf, sampleCdfSync],
    [
      {
        name: 'more than there are',
        args: [scores, 3, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'count',
        value: 3,
      },
      {
        name: 'more than are not dropped',
        args: [scores, 2, { mask: Uint8Array.of(0, 2) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'count',
        value: 2,
      },
      {
        name: 'fewer than are kept',
        args: [scores, 1, { mask: Uint8Array.of(1, 1) }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'count',
        value: 1,
      },
      {
        name: 'a count under 0',
        args: [scores, -1, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'count',
        value: -1,
      },
      {
        name: 'half a token',
        args: [scores, 0.5, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'count',
        value: 0.5,
      },
      {
        name: 'no count',
        args: [scores, undefined, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'count',
        value: 'undefined',
      },
      {
        name: 'a negative score',
        args: [tensorOf('float32', [1, -2], [2]), 1, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'scores',
        value: -2,
      },
      {
        name: 'integers',
        args: [tensorOf('int32', [1, 2], [2]), 1, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'scores\\.type',
        value: 'int32',
      },
      {
        name: 'a mask of another length',
        args: [scores, 1, { mask: new Uint8Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'room of another size',
        args: [scores, 1, { out: { indices: emptyTensor('int32', [4]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out\\.indices',
      },
      {
        name: 'offsets that are no Int32Array',
        args: [scores, 1, { out: { offsets: [0, 1, 2] } }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.out\\.offsets',
      },
    ],
  );
  testMalformed(
    [sampleCdf, sampleCdfSync],
    [
      scores,
      1,
      { mask: new Uint8Array(2), lengths: Int32Array.of(1, 2), out: { indices: emptyTensor('int32', [2]) } },
    ],
  );
});
