import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type FloatTensor,
  TokenMap,
  type VirtualUnmergeOptions,
  virtualUnmergeAttention,
  virtualUnmergeAttentionSync,
} from 'tokensieve';
import { attention } from './reference/attention.js';
import type { AttentionMasking } from './reference/attention-probabilities.js';
import { rotateKeys } from './reference/rotate-keys.js';
import { isArgumentError } from './support/assertions.js';
import { seeded } from './support/random.js';
import { membersOf } from './support/reductions.js';
import { decode, randomTensor, swapHeads, tensorOf, type Values } from './support/tensors.js';

const [heads, keyHeads, depth, valueDepth] = [4, 2, 8, 6];
// Two rows of 7 tokens: the first leaves 4, of which one is of three; the second 2, and drops its last two.
const map = TokenMap.fromAssignment(
  { type: 'int32', data: Int32Array.of(0, 1, 2, 1, 3, 1, 3, 0, 0, 1, 0, 1, -1, -1), dims: [2, 7] },
  { outputLengths: Int32Array.of(4, 2) },
);
const random = seeded(5);
const draw = (count: number, channels: number) => randomTensor(random, 'float32', [2, count, 4, channels]);
const [q, k, v] = [draw(heads, depth), draw(keyHeads, depth), draw(keyHeads, valueDepth)];

/** Each of the 7 tokens with the vector of its slot, `[1,H,7,C]`; dropped ones zeros. */
function everyToken(tensor: FloatTensor, row: number): Values {
  const { data, dims } = decode(tensor);
  const [, rowHeads, slots, channels] = dims;
  const all = new Float64Array(rowHeads * 7 * channels);
  for (let head = 0; head < rowHeads; head++)
    for (let i = 0; i < 7; i++) {
      const slot = map.assignment[row * 7 + i];
      if (slot === -1) continue;
      const start = ((row * rowHeads + head) * slots + slot) * channels;
      all.set(data.subarray(start, start + channels), (head * 7 + i) * channels);
    }
  return { data: all, dims: [1, rowHeads, 7, channels] };
}

/** In float64, by the whole matrix over all tokens: `[H,4,Dv]` of a row. */
function expectedOf(
  row: number,
  position: (token: number) => number,
  masking: AttentionMasking = {},
  base?: number,
): Float64Array {
  const turn = (values: Values): Values => ({
    dims: values.dims,
    data: rotateKeys(values, (_b, _h, token) => position(token), base === undefined ? {} : { base }),
  });
  const mask = Uint8Array.from({ length: 7 }, (_, i) => (map.assignment[row * 7 + i] === -1 ? 2 : 0));
  const { output } = attention(turn(everyToken(q, row)), turn(everyToken(k, row)), everyToken(v, row), {
    ...masking,
    mask,
  });
  const left = new Float64Array(heads * 4 * valueDepth);
  membersOf(map, row).forEach((members, slot) => {
    for (let head = 0; head < heads; head++)
      for (let c = 0; c < valueDepth; c++)
        for (const i of members)
          left[(head * 4 + slot) * valueDepth + c] +=
            output.data[(head * 7 + i) * valueDepth + c] / members.length;
  });
  return left;
}

function assertOutput(actual: FloatTensor, expected: readonly Float64Array[]): void {
  assert.deepEqual(actual.dims, [2, heads, 4, valueDepth]);
  const { data } = decode(actual);
  const size = heads * 4 * valueDepth;
  expected.forEach((values, row) => {
    values.forEach((value, i) => {
      assert.ok(Math.abs(data[row * size + i] - value) < 2e-6, `row ${row}, element ${i}`);
    });
  });
}

describe('virtualUnmergeAttention', () => {
  it('is what attention over all tokens gives, in the mean of each slot', async () => {
    const ascending = (token: number) => token;
    const expected = [0, 1].map((row) => expectedOf(row, ascending));
    const output = virtualUnmergeAttentionSync(q, k, v, map);
    assertOutput(output, expected);
    assert.deepEqual(await virtualUnmergeAttention(q, k, v, map), output);
    assert.ok(
      decode(output)
        .data.slice(-2 * valueDepth)
        .every((value) => value === 0),
      'padding',
    );
  });

  it('is causal over all tokens, and takes the options of attention and of rotation', () => {
    const ascending = (token: number) => token;
    assertOutput(
      virtualUnmergeAttentionSync(q, k, v, map, { causal: true }),
      [0, 1].map((row) => expectedOf(row, ascending, { causal: true })),
    );
    assertOutput(
      virtualUnmergeAttentionSync(q, k, v, map, { scale: 0.7, softcap: 3, base: 100 }),
      [0, 1].map((row) => expectedOf(row, ascending, { scale: 0.7, softcap: 3 }, 100)),
    );
  });

  it('turns each token to its own position, however positions come', () => {
    const places = [30, 31, 40, 41, 50, 51, 52];
    const expected = [0, 1].map((row) => expectedOf(row, (token) => places[token]));
    const twice = [...places, ...places];
    for (const positions of [
      Int32Array.from(places),
      BigInt64Array.from(twice.map(BigInt)),
      tensorOf('int64', twice, [2, 7]),
    ])
      assertOutput(virtualUnmergeAttentionSync(q, k, v, map, { positions }), expected);
    const still = [0, 1].map((row) => expectedOf(row, () => 0));
    assertOutput(virtualUnmergeAttentionSync(q, k, v, map, { positions: new Int32Array(7) }), still);
  });

  it('takes tokens before heads, and M-RoPE', () => {
    const swapped = [q, k, v].map((tensor) => {
      const { data, dims } = swapHeads(decode(tensor));
      return tensorOf('float32', data, dims);
    });
    const sections = [2, 1, 1];
    const positions = tensorOf(
      'int32',
      [...Array(3 * 14).keys()].map((i) => (i * 5) % 17),
      [3, 2, 7],
    );
    for (const options of [{}, { causal: true }, { sections, positions }]) {
      const heads = virtualUnmergeAttentionSync(q, k, v, map, options);
      const tokens = virtualUnmergeAttentionSync(swapped[0], swapped[1], swapped[2], map, {
        ...options,
        layout: 'bnhd',
      });
      assert.deepEqual(tokens.dims, [2, 4, 4, valueDepth]);
      assert.deepEqual(swapHeads(decode(tokens)), decode(heads));
    }
  });

  it('changes nothing where nothing was merged, and weighs members alike whatever the map weighs them', () => {
    const whole = TokenMap.fromKept(tensorOf('int32', [0, 1, 2, 3, 0, 1, 2, 3], [2, 4]), 4);
    const expected = attention(
      { ...decode(q), data: rotateKeys(decode(q), (_b, _h, token) => token) },
      { ...decode(k), data: rotateKeys(decode(k), (_b, _h, token) => token) },
      decode(v),
    ).output.data;
    const output = decode(virtualUnmergeAttentionSync(q, k, v, whole)).data;
    output.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]) < 2e-6);
    });
    const weights = Float32Array.from(map.members, (token) => 1 + token);
    const weighed = TokenMap.from({ ...map, weights });
    assert.deepEqual(
      virtualUnmergeAttentionSync(q, k, v, weighed),
      virtualUnmergeAttentionSync(q, k, v, map),
    );
  });

  it('takes 16-bit tensors', () => {
    for (const type of ['float16', 'bfloat16'] as const) {
      const [a, b, c] = [q, k, v].map((tensor) => tensorOf(type, decode(tensor).data, tensor.dims));
      const output = virtualUnmergeAttentionSync(a, b, c, map);
      assert.equal(output.type, type);
      assert.ok(decode(output).data.every(Number.isFinite));
    }
  });

  it('names what is wrong', () => {
    const ask = (changes: object, options: VirtualUnmergeOptions | object = {}) => {
      const given = { q, k, v, map, ...changes };
      return () =>
        virtualUnmergeAttentionSync(given.q, given.k, given.v, given.map, options as VirtualUnmergeOptions);
    };
    const short = randomTensor(random, 'float32', [2, keyHeads, 3, depth]);
    assert.throws(ask({ k: short }), isArgumentError('ERR_TOKENSIEVE_SHAPE', 'k.dims'));
    assert.throws(ask({ v: 'none' }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'v', 'none'));
    assert.throws(ask({ map: {} }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'map'));
    const perHead = TokenMap.fromAssignment(tensorOf('int32', new Array(14).fill(0), [1, 2, 7]));
    assert.throws(ask({ map: perHead }), isArgumentError('ERR_TOKENSIEVE_SHAPE', 'map.rowDims'));
    assert.throws(ask({}, { layout: 'nhd' }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.layout'));
    assert.throws(ask({}, { sections: 3 }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.sections', 3));
    assert.throws(ask({}, { positions: 3 }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.positions', 3));
    for (const options of [{ positions: new Int32Array(6) }, { sections: [2, 1, 1] }])
      assert.throws(ask({}, options), isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.positions'));
  });
});
