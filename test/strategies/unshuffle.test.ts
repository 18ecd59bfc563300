import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSieve, restoreTokensSync, strategies, TokenMap } from 'tokensieve';
import { assertSameBits, isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { membersOf, randomInputs, rowOf } from '../support/reductions.js';
import { reduce } from '../support/strategies.js';
import { decode, floatTypes, tensorOf } from '../support/tensors.js';
import { gridMask, windowSlots } from '../support/windows.js';

const { unshuffle } = strategies;

describe('strategies.unshuffle', () => {
  it('lays the cells of a window side by side, line by line', () => {
    const hidden = tensorOf('float32', [0, 1, 2, 3, 4, 5, 6, 7], [8, 1]);
    const left = reduce({ hidden }, unshuffle({ grid: [2, 4], window: 2 }));
    assert.deepEqual(left.hidden.dims, [2, 4]);
    assert.deepEqual([...(left.hidden.data as Float32Array)], [0, 1, 4, 5, 2, 3, 6, 7]);
    assert.deepEqual(membersOf(left.map, 0), [
      [0, 1, 4, 5],
      [2, 3, 6, 7],
    ]);
    assert.deepEqual([...left.sizes.data], [4, 4]);
  });

  it('fills what is past the border with zeros, each cell in its place', () => {
    const hidden = tensorOf('float32', [9, 1, 2, 3, 4, 5, 6], [7, 1]);
    const mask = Uint8Array.of(1, 0, 0, 0, 0, 0, 0);
    const left = reduce({ hidden, mask }, unshuffle({ grid: [2, 3], window: 2 }));
    assert.deepEqual([...(left.hidden.data as Float32Array)], [9, 0, 0, 0, 1, 2, 4, 5, 3, 0, 6, 0]);
    assert.deepEqual([...left.mask.data], [1, 0, 0]);
  });

  for (const type of floatTypes)
    it(`keeps every bit of ${type}, and gives it back`, () => {
      const side = fc.integer({ min: 1, max: 5 });
      fc.assert(
        fc.property(fc.nat(1e6), side, side, side, side, (seed, h, w, wy, wx) => {
          const mask = gridMask(seeded(seed), 2, h * w);
          const length = mask.length / 2;
          const { hidden } = randomInputs({ length, seed, type, channels: 3 });
          const left = reduce({ hidden, mask }, unshuffle({ grid: [h, w], window: [wy, wx] }));
          const [tokens, after] = [decode(hidden).data, decode(left.hidden).data];
          const [, M, channels] = left.hidden.dims;
          assert.equal(left.hidden.type, type);
          assert.equal(channels, wy * wx * 3);
          for (let row = 0; row < 2; row++) {
            const own = mask.subarray(row * length, (row + 1) * length);
            const free = [...own.keys()].filter((i) => own[i] === 0);
            const slots = windowSlots(own, [h, w], [wy, wx]);
            assert.deepEqual(membersOf(left.map, row), slots);
            const expected = new Float64Array(M * channels);
            slots.forEach((members, slot) => {
              for (const i of members) {
                const cell = free.indexOf(i);
                const block = cell < 0 ? 0 : (Math.floor(cell / w) % wy) * wx + ((cell % w) % wx);
                const token = tokens.subarray((row * length + i) * 3, (row * length + i + 1) * 3);
                expected.set(token, slot * channels + block * 3);
              }
            });
            assert.deepEqual(after.subarray(row * M * channels, (row + 1) * M * channels), expected);
          }
          assert.ok(left.blocks);
          assert.deepEqual(TokenMap.from({ ...left.blocks }), left.blocks);
          const view = { ...left.hidden, dims: [2, M * wy * wx, 3] };
          const dropped = tokens.map((x, i) => (mask[Math.floor(i / 3)] === 2 ? 0 : x));
          assert.deepEqual(decode(restoreTokensSync(view, left.blocks)).data, dropped);
        }),
        { numRuns: 25 },
      );
    });

  it('copies NaN and -0 as they are', () => {
    const hidden = tensorOf('float32', [-0, Number.NaN, Number.POSITIVE_INFINITY], [3, 1]);
    const left = reduce({ hidden }, unshuffle({ window: 2 }));
    assert.deepEqual([...(left.hidden.data as Float32Array)], [-0, Number.NaN, Number.POSITIVE_INFINITY, 0]);
  });

  it('takes rows of any length, each as if it were alone, at once or awaited', async () => {
    const inputs = { ...randomInputs({ batch: 3, length: 7 }), mask: gridMask(seeded(4), 3, 7) };
    const tokens = { ...inputs, mask: inputs.mask.subarray(0, 21) };
    const sieve = createSieve({ strategy: unshuffle({ window: 3 }) });
    const left = sieve.reduceSync(tokens);
    assert.deepEqual(await sieve.reduce(tokens), left);
    const [, M, channels] = left.hidden.dims;
    for (let row = 0; row < 3; row++) {
      const alone = sieve.reduceSync(rowOf(tokens, row));
      const { data } = left.hidden;
      const own = data.subarray(row * M * channels, row * M * channels + alone.hidden.data.length);
      assertSameBits({ ...alone.hidden, data: own as Float32Array }, alone.hidden);
    }
    const ragged = sieve.reduceSync({ hidden: tokens.hidden, lengths: Int32Array.of(7, 1, 0) });
    assert.deepEqual([...ragged.map.outputLengths], [3, 1, 0]);
    assert.deepEqual(ragged.hidden.dims, [3, 3, channels]);
    const none = sieve.reduceSync({ hidden: tensorOf('float32', [], [2, 0, 4]) });
    assert.deepEqual(none.hidden.dims, [2, 0, 12]);
  });

  it('gives each token its window where the map restores', () => {
    const hidden = tensorOf('float32', [1, 2, 3, 4], [1, 4, 1]);
    const left = reduce({ hidden }, unshuffle({ window: 2 }));
    const restored = restoreTokensSync(left.hidden, left.map);
    assert.deepEqual([...(restored.data as Float32Array)], [1, 2, 1, 2, 3, 4, 3, 4]);
  });

  it('refuses blocks that cannot be', () => {
    const { hidden } = randomInputs({ batch: 1, length: 4 });
    const { map } = reduce({ hidden }, unshuffle({ window: 2 }));
    const laid = (width: number, ...blocks: number[]) =>
      reduce({ hidden }, () => ({ map, concatenate: { width, blockOf: Int32Array.from(blocks) } }));
    assert.equal(laid(3, 2, 0, 1, 2).hidden.dims[2], 18);
    const refused = (path: string) => isArgumentError('ERR_TOKENSIEVE_RANGE', path);
    for (const width of [0, 1.5, 2 ** 30])
      assert.throws(() => laid(width, 0, 1, 0, 1), refused('concatenate.width'));
    for (const [at, blocks] of [
      [1, [0, 2, 0, 1]],
      [2, [0, 1, -1, 1]],
      [3, [0, 1, 0]],
    ] as const)
      assert.throws(() => laid(2, ...blocks), refused(`concatenate.blockOf\\[${at}\\]`));
    assert.throws(() => laid(2, 0, 1, 1, 1), refused('concatenate.blockOf\\[3\\]'));
  });

  it('names what is wrong', () => {
    const { hidden } = randomInputs({ length: 6 });
    for (const options of [{ window: 65537 }, { window: 257, grid: [4, 4] as const }])
      assert.throws(
        () => unshuffle(options),
        isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.window', options.window),
      );
    assert.throws(
      () => unshuffle({ window: 0 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.window', 0),
    );
    assert.throws(
      () => reduce({ hidden }, unshuffle({ grid: [3, 3], window: 3 })),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.grid'),
    );
    assert.throws(
      () => reduce({ hidden }, unshuffle({ window: 2 }), 3),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget'),
    );
  });
});
