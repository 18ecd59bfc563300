import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { FloatTensor } from 'tokensieve';
import {
  selectThreshold as reference,
  type SelectThresholdOptions,
  type ThresholdRule,
  thresholdOf,
} from '../reference/select-threshold.js';
import { assertSameBits, isArgumentError } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place, runs } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { selectThreshold, selectThresholdSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import { decode, floatTypes, randomTensor, tensorOf } from '../support/tensors.js';

interface Options extends SelectThresholdOptions {
  readonly mask?: Uint8Array;
}

function rowsOf({ indices, offsets }: { indices: { data: Int32Array }; offsets: Int32Array }): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, r) =>
    Array.from(indices.data.subarray(offsets[r], offsets[r + 1])),
  );
}

/** Whether a score of the row lies so near the threshold that rounding decides. */
function isClose(row: Float64Array, rule: ThresholdRule, mask?: Uint8Array): boolean {
  if ('mass' in rule) return false;
  const present = Array.from(row).filter((score, i) => mask?.[i] !== 2 && !Number.isNaN(score));
  const threshold = thresholdOf(present, rule);
  const near = Math.abs(threshold) * errorBudget.selectThreshold.relative;
  return present.some((score) => score !== threshold && Math.abs(score - threshold) < near);
}

function assertSelected(x: FloatTensor, rule: ThresholdRule, options: Options = {}): void {
  const N = x.dims[x.dims.length - 1];
  const rows = N === 0 ? 1 : x.data.length / N;
  const { data } = decode(x);
  const result = selectThresholdSync(x, rule, options);
  const selected = rowsOf(result);
  assert.deepEqual(result.indices.dims, [result.offsets[rows]]);
  assert.equal(selected.length, rows);
  for (let r = 0; r < rows; r++) {
    const row = data.subarray(r * N, (r + 1) * N);
    assert.ok(!isClose(row, rule, options.mask), 'a row that leaves no doubt');
    assert.deepEqual(selected[r], reference(row, rule, options), `row ${r} ${JSON.stringify(rule)}`);
  }
}

/** A call whose options are the rule. */
function selectRule<Result>(select: (x: FloatTensor, rule: ThresholdRule) => Result, x: FloatTensor) {
  return (rule: ThresholdRule): Result => select(x, rule);
}

const rules: readonly ThresholdRule[] = [
  { above: 0 },
  { above: 1 },
  { quantile: 0 },
  { quantile: 0.25 },
  { quantile: 0.9 },
  { quantile: 1 },
  { iqr: 0 },
  { iqr: 1.5 },
  { meanStd: 0 },
  { meanStd: 1 },
  { meanStd: -0.5, ddof: 0 },
  { meanStd: 1, ddof: 1 },
];

suite(`selectThreshold (${place})`, () => {
  for (const type of floatTypes) {
    test(`every rule and length, ${type}`, () => {
      const random = seeded(1);
      for (const N of capped([1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 97, 257, 1009])) {
        const x = randomTensor(random, type, [2, N], { offset: N % 5 });
        for (const rule of rules) if (N > 1 || !('ddof' in rule)) assertSelected(x, rule);
      }
    });
  }

  test('mass: the shortest prefix that reaches the share', () => {
    const random = seeded(2);
    for (const N of capped([1, 2, 5, 16, 33, 257, 1009])) {
      const x = tensorOf(
        'float32',
        Array.from({ length: N }, () => 1 + random.integer(1000)),
        [N],
      );
      for (const mass of [0, 0.1, 0.5, 0.93, 1]) assertSelected(x, { mass });
    }
    assertSelected(tensorOf('float32', [1, 5, 4], [3]), { mass: 0.5 });
    assertSelected(tensorOf('float32', [0, 0, 0], [3]), { mass: 0.5 });
  });

  test('rows as long as those of vision transformers', () => {
    const random = seeded(6);
    for (const type of floatTypes) {
      for (const N of [197, 577]) {
        const x = tensorOf(
          type,
          Array.from({ length: N }, () => random.integer(2000) / 16),
          [N],
        );
        for (const rule of [...rules, { mass: 0.5 }]) assertSelected(x, rule);
      }
    }
  });

  test('strictly greater: a score at the threshold is out', () => {
    assertSelected(tensorOf('float32', [1, 2, 3, 2], [4]), { above: 2 });
    assertSelected(tensorOf('float32', [1, 2, 3, 4, 5], [5]), { quantile: 0.5 });
    assertSelected(tensorOf('float32', [0, -0, 2 ** -149, -(2 ** -149)], [4]), { above: 0 });
  });

  test('equal scores have no outliers, however they round', () => {
    for (const type of floatTypes) {
      for (const N of capped([1, 2, 3, 10, 1000])) {
        const x = tensorOf(type, new Float64Array(N).fill(0.1), [N]);
        for (const rule of [{ iqr: 1.5 }, { meanStd: 0 }, { meanStd: 2 }, { quantile: 0.3 }]) {
          assert.deepEqual(rowsOf(selectThresholdSync(x, rule)), [[]]);
          assert.deepEqual(rowsOf(selectThresholdSync(x, rule, { min: 1 })), [[0]]);
        }
      }
    }
  });

  test('the best are added up to min, the worst dropped down to max, ties by index', () => {
    const random = seeded(3);
    for (const N of capped([5, 33, 257])) {
      const x = tensorOf(
        'float32',
        Array.from({ length: N }, () => random.integer(7)),
        [N],
      );
      for (const rule of [{ above: 3 }, { above: -1 }, { above: 9 }, { mass: 0.5 }]) {
        for (const bounds of [{ min: 4 }, { max: 2 }, { min: 1, max: 3 }, { min: N, max: N }, { max: 0 }]) {
          assertSelected(x, rule, bounds);
        }
      }
    }
  });

  test('kept tokens are always in, even past max; dropped ones are out of all statistics', () => {
    const random = seeded(4);
    for (const N of capped([9, 65, 257])) {
      const x = randomTensor(random, 'float32', [N]);
      const mask = Uint8Array.from({ length: N }, () => [0, 0, 0, 1, 2][random.integer(5)]);
      for (const rule of rules) {
        assertSelected(x, rule, { mask });
        assertSelected(x, rule, { mask, max: 1 });
        assertSelected(x, rule, { mask, min: 4, max: 6 });
      }
    }
    const positive = tensorOf('float32', [5, 1, 100, 4, 2], [5]);
    assertSelected(positive, { mass: 0.5 }, { mask: Uint8Array.of(0, 1, 2, 0, 0) });
  });

  test('rows of a batch, lengths, and rows of which nothing is left', () => {
    const x = tensorOf('float32', [1, 2, 3, 4, 5, 6], [2, 3]);
    assert.deepEqual(rowsOf(selectThresholdSync(x, { above: 1 }, { lengths: Int32Array.of(2, 3) })), [
      [1],
      [0, 1, 2],
    ]);
    for (const rule of [...rules, { mass: 0.5 }]) {
      const empty = selectThresholdSync(x, rule, { lengths: Int32Array.of(0, 3) });
      assert.deepEqual(rowsOf(empty)[0], []);
    }
  });

  test('infinities and NaN', () => {
    const row = tensorOf('float32', [Number.NaN, Infinity, 1, -Infinity, 2], [5]);
    assert.deepEqual(rowsOf(selectThresholdSync(row, { above: 1 })), [[1, 4]]);
    assert.deepEqual(rowsOf(selectThresholdSync(row, { above: -Infinity })), [[1, 2, 4]]);
    assert.deepEqual(rowsOf(selectThresholdSync(row, { above: 1 }, { min: 5 })), [[0, 1, 2, 3, 4]]);
    assert.deepEqual(rowsOf(selectThresholdSync(row, { above: 1 }, { min: 4 })), [[1, 2, 3, 4]]);
    const gaps = tensorOf(
      'float32',
      Array.from({ length: 97 }, (_, i) => (i % 5 === 2 ? Number.NaN : (i * 37) % 101)),
      [97],
    );
    for (const rule of [...rules, { mass: 0.4 }]) {
      assertSelected(gaps, rule);
      assertSelected(gaps, rule, { min: 90 });
      assertSelected(gaps, rule, { mask: Uint8Array.from({ length: 97 }, (_, i) => i % 3), max: 40 });
    }
    const nothing = tensorOf('float32', [Number.NaN, Number.NaN], [2]);
    for (const rule of rules) assertSelected(nothing, rule, { max: 1 });
  });

  test('whatever the rule, min and max hold and the chosen are the best', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 100 }),
        fc.constantFrom<ThresholdRule>({ above: 5 }, { quantile: 0.5 }, { iqr: 0.5 }, { mass: 0.7 }),
        fc.nat({ max: 100 }),
        fc.nat({ max: 100 }),
        (scores, rule, a, b) => {
          const [min, max] = [Math.min(a, b, scores.length), Math.min(Math.max(a, b), scores.length)];
          const x = tensorOf('float32', scores, [scores.length]);
          assert.deepEqual(rowsOf(selectThresholdSync(x, rule, { min, max })), [
            reference(scores, rule, { min, max }),
          ]);
        },
      ),
      { numRuns: runs(200) },
    );
  });

  test('the result is right for gathering: as a Ragged of int32', () => {
    const { indices, offsets } = selectThresholdSync(tensorOf('float32', [1, 2], [2]), { above: 0 });
    assertSameBits(indices, tensorOf('int32', [0, 1], [2]));
    assert.deepEqual(offsets, Int32Array.of(0, 2));
  });

  test('out receives the result, of which the first offsets[R] indices count', async () => {
    const x = tensorOf('float32', [1, 2, 3, 4, 5, 6], [2, 3]);
    const room = () => ({ indices: tensorOf('int32', new Int32Array(6), [6]), offsets: new Int32Array(3) });
    const out = room();
    const result = selectThresholdSync(x, { above: 2 }, { out });
    assert.deepEqual(rowsOf(result), [[2], [0, 1, 2]]);
    assert.deepEqual(Array.from(out.offsets), [0, 1, 4]);
    assert.deepEqual(Array.from(out.indices.data.subarray(0, 4)), [2, 0, 1, 2]);
    if (!isOnDevice) assert.equal(result.indices.data.buffer, out.indices.data.buffer);
    const later = room();
    assert.deepEqual(rowsOf(await selectThreshold(x, { above: 2 }, { out: later })), rowsOf(result));
    assert.deepEqual(later.offsets, out.offsets);
    const refused = isArgumentError('ERR_TOKENSIEVE_OVERLAP', 'options\\.out');
    const overlapping = {
      indices: { ...out.indices, data: new Int32Array(x.data.buffer, x.data.byteOffset, 6) },
    };
    assert.throws(() => selectThresholdSync(x, { above: 2 }, { out: overlapping }), refused);
    await assert.rejects(selectThreshold(x, { above: 2 }, { out: overlapping }), refused);
  });

  suite('as every operation', () => {
    const x = randomTensor(seeded(5), 'float32', isOnDevice ? [8, 151] : [8, 5003]);
    testContract({
      inputs: [x],
      run: ([x], extra) =>
        selectThreshold(x, { meanStd: 1 }, { ...(extra?.signal && { signal: extra.signal }) }),
      runSync: ([x]) => selectThresholdSync(x, { meanStd: 1 }),
      tensors: ({ indices, offsets }) => [indices, { type: 'int32', data: offsets, dims: [offsets.length] }],
    });
  });

  const x = tensorOf('float32', [3, 1, 2, 4], [4]);
  testRefusals(
    [selectThreshold, selectThresholdSync],
    [
      { name: 'an unknown rule', args: [x, { over: 1 }, {}], code: 'ERR_TOKENSIEVE_TYPE', path: 'rule' },
      {
        name: 'no rule',
        args: [x, undefined, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'rule',
        value: 'undefined',
      },
      {
        name: 'a word for a threshold',
        args: [x, { above: '1' }, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'rule(\\.above)?',
        value: '"1"',
      },
      {
        name: 'NaN for a threshold',
        args: [x, { above: Number.NaN }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'rule(\\.above)?',
        value: 'NaN',
      },
      {
        name: 'a quantile over 1',
        args: [x, { quantile: 1.5 }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'rule(\\.quantile)?',
        value: 1.5,
      },
      {
        name: 'a mass under 0',
        args: [x, { mass: -0.5 }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'rule(\\.mass)?',
        value: -0.5,
      },
      {
        name: 'a ddof of 2',
        args: [x, { meanStd: 1, ddof: 2 }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'rule(\\.ddof)?',
        value: 2,
      },
      {
        name: 'a negative score under mass',
        args: [tensorOf('float32', [3, -1, 2, 4], [4]), { mass: 0.5 }, {}],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'x',
        value: -1,
      },
      {
        name: 'a negative min',
        args: [x, { above: 1 }, { min: -1 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.min',
        value: -1,
      },
      {
        name: 'a broken max',
        args: [x, { above: 1 }, { max: 1.5 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.max',
        value: 1.5,
      },
      {
        name: 'min over max',
        args: [x, { above: 1 }, { min: 3, max: 2 }],
        code: 'ERR_TOKENSIEVE_RANGE',
        path: 'options\\.(min|max)',
      },
      {
        name: 'a mask of another type',
        args: [x, { above: 1 }, { mask: [0, 0, 0, 0] }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.mask',
      },
      {
        name: 'a mask of another length',
        args: [x, { above: 1 }, { mask: new Uint8Array(5) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.mask',
      },
      {
        name: 'integers for x',
        args: [tensorOf('int32', [1], [1]), { above: 1 }, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'x\\.type',
        value: 'int32',
      },
    ],
  );

  testMalformed(
    [selectThreshold, selectThresholdSync],
    [x, { above: 1 }, { mask: new Uint8Array(4), lengths: Int32Array.of(4), min: 1, max: 2 }],
  );
  for (const rule of ['above', 'quantile', 'iqr', 'meanStd', 'mass']) {
    testMalformed([selectRule(selectThreshold, x), selectRule(selectThresholdSync, x)], [{ [rule]: 0.5 }]);
  }
});
