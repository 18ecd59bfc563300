// What attention on a device has of its own: options that lie there, and what the device alone can find wrong. Its
// numbers are tested with those of the CPU, in test/ops/.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  attentionScores,
  attentionScoresSync,
  attentionSync,
  type Device,
  type DeviceTensor,
  type FloatTensor,
  type FloatType,
  openDevice,
  packKeys,
  packKeysSync,
  type Tensor,
} from 'tokensieve';
import { assertSameBits } from '../support/assertions.js';
import { whyNoDouble } from '../support/cuda-double.js';
import { seeded } from '../support/random.js';
import { randomTensor, tensorOf } from '../support/tensors.js';

function inputs(device: Device, type: FloatType = 'float32') {
  const random = seeded(1);
  const make = (dims: readonly number[]) => device.upload(randomTensor(random, type, dims) as FloatTensor);
  return { q: make([2, 4, 19, 16]), k: make([2, 2, 37, 16]), v: make([2, 2, 37, 24]) };
}

function host(tensor: DeviceTensor | undefined): Tensor {
  assert.ok(tensor);
  return tensor.downloadSync();
}

suite('attention on a device', { skip: whyNoDouble() }, () => {
  const options = () => {
    const random = seeded(2);
    return {
      mask: tensorOf(
        'uint8',
        Uint8Array.from({ length: 74 }, () => random.integer(3)),
        [2, 37],
      ),
      queryMask: tensorOf(
        'uint8',
        Uint8Array.from({ length: 38 }, () => 2 * random.integer(2)),
        [2, 19],
      ),
      lengths: tensorOf('int32', Int32Array.of(30, 37), [2]),
      bias: randomTensor(random, 'float32', [2, 37]) as Tensor<'float32'>,
    };
  };

  test('masks, lengths, bias and a known log-sum-exp may lie there, and give the bits of those on the host', () => {
    using device = openDevice('cuda');
    for (const type of ['float32', 'float16'] as const) {
      const { q, k, v } = inputs(device, type);
      const given = options();
      const there = {
        mask: device.upload(given.mask),
        queryMask: device.upload(given.queryMask),
        lengths: device.upload(given.lengths),
        bias: device.upload(given.bias),
      };
      const expected = attentionScoresSync(q, k, { ...given, causal: true, values: v });
      const actual = attentionScoresSync(q, k, { ...there, causal: true, values: v });
      assertSameBits(host(actual.scores), host(expected.scores));
      assertSameBits(host(actual.lse), host(expected.lse));
      const again = attentionScoresSync(q, k, { ...there, causal: true, lse: actual.lse });
      const known = attentionScoresSync(q, k, {
        ...given,
        causal: true,
        lse: host(actual.lse) as Tensor<'float32'>,
      });
      assertSameBits(host(again.scores), host(known.scores));
      assertSameBits(host(again.lse), host(actual.lse));
      const both = attentionSync(q, k, v, { ...there, causal: true });
      assertSameBits(host(both.output), host(attentionSync(q, k, v, { ...given, causal: true }).output));
    }
  });

  test('a list of queries may lie there; a place past the queries is found there, and leaves the others alone', () => {
    using device = openDevice('cuda');
    const { q, k } = inputs(device);
    for (const list of [Int32Array.of(18, 3, 3), BigInt64Array.of(18n, 3n, 3n)]) {
      const type = list instanceof Int32Array ? 'int32' : 'int64';
      const queries = device.upload({ type, data: list, dims: [3] } as Tensor<'int32'>);
      const actual = attentionScoresSync(q, k, { queries, causal: true });
      const expected = attentionScoresSync(q, k, { queries: list, causal: true });
      assertSameBits(host(actual.scores), host(expected.scores));
      assertSameBits(host(actual.lse), host(expected.lse));
    }
    const wrong = device.upload(tensorOf('int32', Int32Array.of(3, 19), [2]));
    const { lse } = attentionScoresSync(q, k, { queries: wrong, causal: true });
    assert.throws(() => lse.downloadSync(), {
      code: 'ERR_TOKENSIEVE_RANGE',
      message: /options\.queries.* 0 to 18.*19/,
    });
    const { data } = host(lse);
    const right = host(attentionScoresSync(q, k, { queries: Int32Array.of(3), causal: true }).lse).data;
    for (let row = 0; row < 8; row++) {
      assert.equal(data[2 * row], right[row]);
      assert.equal(data[2 * row + 1], Number.NEGATIVE_INFINITY);
    }
  });

  test('factors of distances and positions may lie there, and give the bits of those on the host', () => {
    using device = openDevice('cuda');
    const random = seeded(3);
    const int32 = (dims: readonly number[]) =>
      tensorOf(
        'int32',
        Int32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.integer(60) - 9),
        dims,
      );
    const distanceScale = randomTensor(random, 'float32', [20]) as Tensor<'float32'>;
    for (const type of ['float32', 'bfloat16'] as const) {
      const { q, k, v } = inputs(device, type);
      for (const [positions, queryPositions] of [
        [int32([2, 37]), int32([2, 19])],
        [int32([37]), int32([19])],
      ]) {
        const wide = ({ data, dims }: Tensor<'int32'>) =>
          device.upload({ type: 'int64', data: BigInt64Array.from(data, BigInt), dims });
        const given = { distanceScale, positions, queryPositions, scores: true };
        const there = {
          distanceScale: device.upload(distanceScale),
          positions: wide(positions),
          queryPositions: device.upload(queryPositions),
          scores: true,
        };
        const expected = attentionSync(q, k, v, { ...given, queries: { last: 4 } });
        const actual = attentionSync(q, k, v, { ...there, queries: { last: 4 } });
        assertSameBits(host(actual.output), host(expected.output));
        assertSameBits(host(actual.scores), host(expected.scores));
      }
    }
  });

  test('a position past 32 bits, or a factor that is not finite, is found there', () => {
    using device = openDevice('cuda');
    const { q, k } = inputs(device);
    const distanceScale = Float32Array.of(1, 0.5);
    const places = (data: BigInt64Array) => device.upload({ type: 'int64', data, dims: [data.length] });
    const far = BigInt64Array.from({ length: 37 }, (_, i) => (i === 30 ? 2n ** 31n : BigInt(i)));
    for (const [options, message] of [
      [{ distanceScale, positions: places(far) }, /options\.positions.*2147483648 at element 30/],
      [
        { distanceScale, queryPositions: places(far.map((p) => -p - 1n).slice(18)) },
        /options\.queryPositions.*-2147483649 at element 12/,
      ],
      [
        { distanceScale: device.upload(tensorOf('float32', Float32Array.of(1, Number.NaN), [2])) },
        /options\.distanceScale.*finite/,
      ],
    ] as const) {
      const { scores } = attentionScoresSync(q, k, options);
      assert.throws(() => scores.downloadSync(), { code: 'ERR_TOKENSIEVE_RANGE', message });
    }
  });

  test('packed keys are refused: a device reads keys where they lie', async () => {
    using device = openDevice('cuda');
    const { q, k } = inputs(device);
    const refused = { code: 'ERR_TOKENSIEVE_DEVICE', message: /reads keys where they lie/ };
    assert.throws(() => packKeysSync(k as never), refused);
    await assert.rejects(packKeys(k as never), refused);
    const packed = packKeysSync(host(k) as FloatTensor);
    const scoresOf = attentionScoresSync as (...args: unknown[]) => unknown;
    assert.throws(() => scoresOf(q, packed, { precision: 'fast' }), refused);
  });

  test('precision fast gives the bits of exact', async () => {
    using device = openDevice('cuda');
    const { q, k } = inputs(device, 'float16');
    const { scores } = await attentionScores(q, k, { precision: 'fast' });
    assertSameBits(host(scores), host(attentionScoresSync(q, k).scores));
  });
});
