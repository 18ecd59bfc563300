import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Tensor, TokenMap, type TokenMapFields } from 'tokensieve';

const int32 = (data: number[], dims: number[]): Tensor<'int32'> => ({
  type: 'int32',
  data: Int32Array.from(data),
  dims,
});

/** The map as one dense matrix a row, `[outputLength][inputLength]`. */
function dense(map: TokenMap): number[][][] {
  let slot = 0;
  return Array.from(map.outputLengths, (length) =>
    Array.from({ length }, () => {
      const line = new Array<number>(map.inputLength).fill(0);
      for (let m = map.offsets[slot]; m < map.offsets[slot + 1]; m++)
        line[map.members[m]] = map.weights?.[m] ?? 1;
      slot++;
      return line;
    }),
  );
}

const fieldsOf = (map: TokenMap): TokenMapFields => ({ ...map });

function coded(name: 'TypeError' | 'RangeError', code: string, message: RegExp) {
  return { name, code: `ERR_TOKENSIEVE_${code}`, message };
}

/** A map of `rows` rows over `inputLength` tokens; weights are powers of two, so that products are exact. */
function arbitraryMap(rows: number, inputLength: number, usable: readonly number[]): fc.Arbitrary<TokenMap> {
  const row = (tokens: number) =>
    tokens === 0
      ? fc.constant<number[][]>([])
      : fc.array(
          fc
            .uniqueArray(fc.nat(tokens - 1), { minLength: 1, maxLength: tokens })
            .map((m) => m.sort((a, b) => a - b)),
          { maxLength: 5 },
        );
  return fc.tuple(...usable.slice(0, rows).map(row)).chain((slots) => {
    const members = slots.flat(2);
    const offsets = [0];
    for (const slot of slots.flat()) offsets.push(offsets[offsets.length - 1] + slot.length);
    const weight = fc.constantFrom(0.5, 1, 2, 4);
    return fc
      .option(fc.array(weight, { minLength: members.length, maxLength: members.length }), { nil: undefined })
      .map((weights) =>
        TokenMap.from({
          rowDims: [rows],
          inputLength,
          outputLengths: Int32Array.from(slots, (s) => s.length),
          offsets: Int32Array.from(offsets),
          members: Int32Array.from(members),
          weights: weights && Float32Array.from(weights),
        }),
      );
  });
}

const nextMap = (map: TokenMap) =>
  arbitraryMap(map.outputLengths.length, Math.max(0, ...map.outputLengths), [...map.outputLengths]);

const anyMap = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.nat(7))
  .chain(([rows, n]) => arbitraryMap(rows, n, new Array<number>(rows).fill(n)));

const anyAssignment = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9 }))
  .chain(([rows, n]) =>
    fc.record({
      rows: fc.constant(rows),
      n: fc.constant(n),
      // relabelled so that every slot of a row is used
      assignment: fc
        .array(fc.array(fc.integer({ min: -1, max: 3 }), { minLength: n, maxLength: n }), {
          minLength: rows,
          maxLength: rows,
        })
        .map((all) =>
          all.flatMap((row) => {
            const used = [...new Set(row.filter((slot) => slot >= 0))];
            return row.map((slot) => (slot < 0 ? -1 : used.indexOf(slot)));
          }),
        ),
      weights: fc.array(fc.constantFrom(0.5, 2), { minLength: rows * n, maxLength: rows * n }),
    }),
  );

describe('TokenMap.fromKept', () => {
  it('gives one slot an index, in the order given', () => {
    const map = TokenMap.fromKept(int32([4, 0, 2, 3, 1, 0], [2, 3]), 5);
    assert.deepEqual(map.rowDims, [2]);
    assert.equal(map.inputLength, 5);
    assert.deepEqual([...map.outputLengths], [3, 3]);
    assert.deepEqual([...map.offsets], [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual([...map.kept(0)], [4, 0, 2]);
    assert.deepEqual([...map.kept(1)], [3, 1, 0]);
    assert.deepEqual([...map.assignment], [1, -1, 2, -1, 0, 2, 1, -1, 0, -1]);
    assert.equal(map.weights, undefined);
    assert.equal(map.isPartition, true);
  });

  it('takes heads, one row, int64, bare arrays and ragged rows', () => {
    assert.deepEqual(TokenMap.fromKept(int32([0, 1, 1, 0], [1, 2, 2]), 2).rowDims, [1, 2]);
    assert.deepEqual(TokenMap.fromKept(int32([1], [1]), 2).rowDims, [1]);
    assert.deepEqual([...TokenMap.fromKept(Int32Array.of(2, 0), 3).kept(0)], [2, 0]);
    assert.deepEqual([...TokenMap.fromKept(BigInt64Array.of(2n, 0n), 3).kept(0)], [2, 0]);
    const long = { type: 'int64', data: BigInt64Array.of(1n), dims: [1, 1] } as const;
    assert.deepEqual([...TokenMap.fromKept(long, 3).kept(0)], [1]);
    const ragged = TokenMap.fromKept(
      { indices: int32([0, 2, 1], [3]), offsets: Int32Array.of(0, 2, 2, 3) },
      3,
    );
    assert.deepEqual([...ragged.outputLengths], [2, 0, 1]);
    assert.deepEqual([...ragged.assignment], [0, -1, 1, -1, -1, -1, -1, 0, -1]);
  });

  it('keeps its own copy', () => {
    const indices = Int32Array.of(0, 1);
    const map = TokenMap.fromKept(indices, 2);
    indices.fill(9);
    assert.deepEqual([...map.members], [0, 1]);
    assert.ok(Object.isFrozen(map) && Object.isFrozen(map.rowDims));
  });

  it('allows nothing kept, no tokens and no rows', () => {
    assert.deepEqual([...TokenMap.fromKept(int32([], [2, 0]), 3).outputLengths], [0, 0]);
    assert.equal(TokenMap.fromKept(int32([], [1, 0]), 0).inputLength, 0);
    assert.equal(TokenMap.fromKept(int32([], [0, 4]), 5).outputLengths.length, 0);
  });

  it('names what is wrong', () => {
    const fromKept = TokenMap.fromKept as (...args: unknown[]) => TokenMap;
    assert.throws(
      () => fromKept(int32([0, 3], [1, 2]), 3),
      coded('RangeError', 'RANGE', /^indices\.data\[1\] must be an integer from 0 to 2; got 3/),
    );
    assert.throws(
      () => fromKept(int32([-1], [1, 1]), 3),
      coded('RangeError', 'RANGE', /^indices\.data\[0\]/),
    );
    assert.throws(
      () => fromKept(BigInt64Array.of(1n << 40n), 3),
      coded('RangeError', 'RANGE', /^indices\[0\]/),
    );
    assert.throws(
      () => fromKept(Int32Array.of(1, 1), 3),
      coded('RangeError', 'RANGE', /^indices\[1\] must be a token not chosen before/),
    );
    assert.throws(
      () => fromKept(int32([0], [1, 1, 1, 1]), 3),
      coded('RangeError', 'SHAPE', /^indices\.dims/),
    );
    assert.throws(() => fromKept(int32([], [2 ** 31, 0]), 3), coded('RangeError', 'SHAPE', /^indices\.dims/));
    assert.throws(
      () => fromKept(int32([], [2 ** 20, 2 ** 20, 0]), 3),
      coded('RangeError', 'SHAPE', /^indices\.dims/),
    );
    assert.throws(
      () => fromKept(int32([], [2 ** 20, 0]), 2 ** 20),
      coded('RangeError', 'SHAPE', /^inputLength/),
    );
    assert.throws(() => fromKept([0, 1], 3), coded('TypeError', 'TYPE', /^indices/));
    assert.throws(() => fromKept(undefined, 3), coded('TypeError', 'TYPE', /^indices/));
    assert.throws(() => fromKept(Int32Array.of(0), '3'), coded('TypeError', 'TYPE', /^inputLength/));
    for (const length of [-1, 1.5, Number.NaN, 2 ** 31])
      assert.throws(() => fromKept(Int32Array.of(), length), coded('RangeError', 'RANGE', /^inputLength/));
    const ragged = (indices: number[], offsets: unknown) => () =>
      fromKept({ indices: int32(indices, [indices.length]), offsets }, 3);
    assert.throws(ragged([0], [0, 1]), coded('TypeError', 'TYPE', /^indices\.offsets/));
    for (const offsets of [[], [1, 1], [0, 2], [0]])
      assert.throws(ragged([0], Int32Array.from(offsets)), coded('RangeError', 'SHAPE', /^indices\.offsets/));
    assert.throws(
      ragged([0, 1], Int32Array.of(0, 2, 1, 2)),
      coded('RangeError', 'SHAPE', /^indices\.offsets\[2\]/),
    );
    assert.throws(
      ragged([0, 1], Int32Array.of(0, 9, 2)),
      coded('RangeError', 'SHAPE', /^indices\.offsets\[1\]/),
    );
    assert.throws(
      ragged([1, 0], Int32Array.of(0, 2)),
      coded('RangeError', 'RANGE', /^indices\.indices\.data\[1\]/),
    );
    assert.throws(
      ragged([3], Int32Array.of(0, 1)),
      coded('RangeError', 'RANGE', /^indices\.indices\.data\[0\]/),
    );
  });
});

describe('TokenMap.fromAssignment', () => {
  it('lists the tokens of each slot, ascending', () => {
    const map = TokenMap.fromAssignment(Int32Array.of(1, 0, -1, 1, 0, 0, 0, 0), { rowDims: [2] });
    assert.equal(map.inputLength, 4);
    assert.deepEqual([...map.outputLengths], [2, 1]);
    assert.deepEqual([...map.offsets], [0, 1, 3, 7]);
    assert.deepEqual([...map.members], [1, 0, 3, 0, 1, 2, 3]);
    assert.deepEqual([...map.kept(0)], [1, 0]);
    assert.deepEqual([...map.sizes()], [1, 2, 4]);
    assert.equal(map.isPartition, true);
  });

  it('lays token weights out as members', () => {
    const weights = Float32Array.of(4, 3, 2, 1);
    const map = TokenMap.fromAssignment(int32([1, 0, 0, -1], [1, 4]), { weights });
    assert.deepEqual([...(map.weights ?? [])], [3, 2, 4]);
    const ones = TokenMap.fromAssignment(int32([0, 0], [2]), { weights: Float32Array.of(1, 1) });
    assert.equal(ones.weights, undefined);
  });

  it('takes its rows from a tensor', () => {
    assert.deepEqual(TokenMap.fromAssignment(int32([0, 0, 0, 0], [2, 2, 1])).rowDims, [2, 2]);
    assert.deepEqual(TokenMap.fromAssignment(int32([0, 0], [2])).rowDims, [1]);
    assert.equal(TokenMap.fromAssignment(Int32Array.of()).inputLength, 0);
    assert.equal(TokenMap.fromAssignment(int32([], [0, 5])).outputLengths.length, 0);
  });

  it('comes back from its own assignment', () => {
    fc.assert(
      fc.property(anyAssignment, ({ rows, n, assignment, weights }) => {
        const options = { rowDims: [rows], weights: Float32Array.from(weights) };
        const map = TokenMap.fromAssignment(Int32Array.from(assignment), options);
        assert.equal(map.inputLength, n);
        assert.deepEqual([...map.assignment], assignment);
        assert.deepEqual(TokenMap.from(fieldsOf(map)), map);
        const again = { rowDims: map.rowDims, outputLengths: map.outputLengths, weights: options.weights };
        assert.deepEqual(TokenMap.fromAssignment(map.assignment, again), map);
      }),
    );
  });

  it('names what is wrong', () => {
    const from = TokenMap.fromAssignment as (...args: unknown[]) => TokenMap;
    const a = Int32Array.of(0, 1, -1, 0);
    assert.throws(() => from([0, 1]), coded('TypeError', 'TYPE', /^assignment/));
    assert.throws(() => from(a, null), coded('TypeError', 'TYPE', /^options/));
    assert.throws(() => from(a, { rowDims: [3] }), coded('RangeError', 'SHAPE', /^options\.rowDims/));
    assert.throws(() => from(a, { rowDims: [0] }), coded('RangeError', 'SHAPE', /^options\.rowDims/));
    assert.throws(() => from(a, { rowDims: [] }), coded('RangeError', 'SHAPE', /^options\.rowDims/));
    assert.throws(() => from(a, { rowDims: [1, 1, 1] }), coded('RangeError', 'SHAPE', /^options\.rowDims/));
    assert.throws(() => from(a, { rowDims: 1 }), coded('TypeError', 'TYPE', /^options\.rowDims/));
    assert.throws(() => from(a, { rowDims: ['1'] }), coded('TypeError', 'TYPE', /^options\.rowDims\[0\]/));
    assert.throws(
      () => from(a, { rowDims: [2 ** 30, 2 ** 30] }),
      coded('RangeError', 'SHAPE', /^options\.rowDims/),
    );
    assert.throws(
      () => from(a, { outputLengths: [2] }),
      coded('TypeError', 'TYPE', /^options\.outputLengths/),
    );
    assert.throws(
      () => from(a, { outputLengths: Int32Array.of(2, 2) }),
      coded('RangeError', 'SHAPE', /^options\.outputLengths/),
    );
    assert.throws(
      () => from(a, { outputLengths: Int32Array.of(-1) }),
      coded('RangeError', 'RANGE', /^options\.outputLengths\[0\]/),
    );
    assert.throws(
      () => from(a, { outputLengths: Int32Array.of(2 ** 31 - 1) }),
      coded('RangeError', 'RANGE', /^options\.outputLengths\[0\]/),
    );
    assert.throws(
      () => from(a, { outputLengths: Int32Array.of(1) }),
      coded('RangeError', 'RANGE', /^assignment\[1\] must be an integer from -1 to 0; got 1/),
    );
    assert.throws(
      () => from(a, { outputLengths: Int32Array.of(3) }),
      coded('RangeError', 'RANGE', /^assignment .*slot 2 of row 0/),
    );
    assert.throws(() => from(Int32Array.of(0, -2)), coded('RangeError', 'RANGE', /^assignment\[1\]/));
    assert.throws(() => from(Int32Array.of(2 ** 31 - 1)), coded('RangeError', 'RANGE', /^assignment\[0\]/));
    assert.throws(() => from(a, { weights: [1, 1, 1, 1] }), coded('TypeError', 'TYPE', /^options\.weights/));
    assert.throws(
      () => from(a, { weights: new Float32Array(3) }),
      coded('RangeError', 'SHAPE', /^options\.weights/),
    );
    assert.throws(
      () => from(a, { weights: Float32Array.of(1, 1, 1, Infinity) }),
      coded('RangeError', 'RANGE', /^options\.weights\[3\]/),
    );
    assert.throws(() => from(int32([0], [1, 1, 1, 1])), coded('RangeError', 'SHAPE', /^assignment\.dims/));
  });
});

describe('TokenMap.from', () => {
  const good: TokenMapFields = {
    rowDims: [1],
    inputLength: 4,
    outputLengths: Int32Array.of(2),
    offsets: Int32Array.of(0, 2, 4),
    members: Int32Array.of(0, 2, 2, 3),
    weights: Float32Array.of(1, 0.5, 0.5, 1),
  };

  it('works out owners and whether the slots overlap', () => {
    const map = TokenMap.from(good);
    assert.deepEqual([...map.assignment], [0, -1, 0, 1]);
    assert.equal(map.isPartition, false);
    assert.deepEqual([...map.kept(0)], [0, 2]);
  });

  it('lets overlapping slots choose the owner, or leave a token without', () => {
    const map = TokenMap.from({ ...good, assignment: Int32Array.of(0, -1, 1, -1), isPartition: false });
    assert.deepEqual([...map.assignment], [0, -1, 1, -1]);
  });

  it('comes back from its own fields', () => {
    fc.assert(fc.property(anyMap, (map) => assert.deepEqual(TokenMap.from(fieldsOf(map)), map)));
  });

  it('keeps its own copies', () => {
    const members = Int32Array.of(0, 2, 2, 3);
    const map = TokenMap.from({ ...good, members });
    members.fill(-7);
    assert.deepEqual([...map.members], [0, 2, 2, 3]);
  });

  const bad: [string, Record<string, unknown>, ReturnType<typeof coded>][] = [
    ['rowDims missing', { rowDims: undefined }, coded('TypeError', 'TYPE', /^fields\.rowDims/)],
    ['rowDims of a fraction', { rowDims: [1.5] }, coded('RangeError', 'RANGE', /^fields\.rowDims\[0\]/)],
    ['inputLength negative', { inputLength: -1 }, coded('RangeError', 'RANGE', /^fields\.inputLength/)],
    ['inputLength a bigint', { inputLength: 4n }, coded('TypeError', 'TYPE', /^fields\.inputLength/)],
    ['outputLengths an array', { outputLengths: [2] }, coded('TypeError', 'TYPE', /^fields\.outputLengths/)],
    [
      'outputLengths too many',
      { outputLengths: Int32Array.of(1, 1) },
      coded('RangeError', 'SHAPE', /^fields\.outputLengths/),
    ],
    [
      'outputLengths negative',
      { outputLengths: Int32Array.of(-1) },
      coded('RangeError', 'RANGE', /^fields\.outputLengths\[0\]/),
    ],
    [
      'outputLengths huge',
      { outputLengths: Int32Array.of(2 ** 31 - 1) },
      coded('RangeError', 'SHAPE', /^fields\.offsets/),
    ],
    ['offsets of bytes', { offsets: Uint8Array.of(0, 2, 4) }, coded('TypeError', 'TYPE', /^fields\.offsets/)],
    ['offsets short', { offsets: Int32Array.of(0, 4) }, coded('RangeError', 'SHAPE', /^fields\.offsets/)],
    [
      'offsets from 1',
      { offsets: Int32Array.of(1, 2, 4) },
      coded('RangeError', 'RANGE', /^fields\.offsets\[0\]/),
    ],
    [
      'offsets past the members',
      { offsets: Int32Array.of(0, 2, 5) },
      coded('RangeError', 'SHAPE', /^fields\.offsets\[2\]/),
    ],
    [
      'offsets falling',
      { offsets: Int32Array.of(0, 9, 4) },
      coded('RangeError', 'RANGE', /^fields\.offsets\[1\]/),
    ],
    [
      'an empty slot',
      { offsets: Int32Array.of(0, 0, 4) },
      coded('RangeError', 'RANGE', /^fields\.offsets\[1\]/),
    ],
    [
      'members a tensor',
      { members: int32([0, 2, 2, 3], [4]) },
      coded('TypeError', 'TYPE', /^fields\.members/),
    ],
    [
      'a member past N',
      { members: Int32Array.of(0, 2, 2, 4) },
      coded('RangeError', 'RANGE', /^fields\.members\[3\]/),
    ],
    [
      'a negative member',
      { members: Int32Array.of(-1, 2, 2, 3) },
      coded('RangeError', 'RANGE', /^fields\.members\[0\]/),
    ],
    [
      'members falling',
      { members: Int32Array.of(2, 0, 2, 3) },
      coded('RangeError', 'RANGE', /^fields\.members\[1\]/),
    ],
    [
      'a member twice',
      { members: Int32Array.of(0, 0, 2, 3) },
      coded('RangeError', 'RANGE', /^fields\.members\[1\]/),
    ],
    ['weights float64', { weights: new Float64Array(4) }, coded('TypeError', 'TYPE', /^fields\.weights/)],
    ['weights short', { weights: new Float32Array(3) }, coded('RangeError', 'SHAPE', /^fields\.weights/)],
    [
      'a NaN weight',
      { weights: Float32Array.of(1, NaN, 1, 1) },
      coded('RangeError', 'RANGE', /^fields\.weights\[1\]/),
    ],
    [
      'assignment short',
      { assignment: Int32Array.of(0) },
      coded('RangeError', 'SHAPE', /^fields\.assignment/),
    ],
    ['assignment an array', { assignment: [0, -1, 0, 1] }, coded('TypeError', 'TYPE', /^fields\.assignment/)],
    [
      'an owner without the token',
      { assignment: Int32Array.of(1, -1, 0, 1) },
      coded('RangeError', 'RANGE', /^fields\.assignment\[0\]/),
    ],
    [
      'an owner that is no slot',
      { assignment: Int32Array.of(0, 7, 0, 1) },
      coded('RangeError', 'RANGE', /^fields\.assignment\[1\]/),
    ],
    ['isPartition untrue', { isPartition: true }, coded('RangeError', 'RANGE', /^fields\.isPartition/)],
    ['isPartition a number', { isPartition: 0 }, coded('TypeError', 'TYPE', /^fields\.isPartition/)],
  ];
  for (const [what, change, error] of bad)
    it(`names ${what}`, () => {
      assert.throws(() => TokenMap.from({ ...good, ...change } as unknown as TokenMapFields), error);
    });

  it('takes nothing but an object', () => {
    for (const value of [undefined, null, 3, 'map'])
      assert.throws(
        () => TokenMap.from(value as unknown as TokenMapFields),
        coded('TypeError', 'TYPE', /^fields must be an object/),
      );
  });

  it('is never fooled by junk', () => {
    const junk = fc.record(
      {
        rowDims: fc.oneof(fc.array(fc.integer({ min: -1, max: 3 })), fc.anything()),
        inputLength: fc.oneof(fc.integer({ min: -1, max: 5 }), fc.anything()),
        outputLengths: fc.oneof(fc.int32Array({ maxLength: 3, min: -1, max: 3 }), fc.anything()),
        offsets: fc.oneof(fc.int32Array({ maxLength: 4, min: -1, max: 4 }), fc.anything()),
        members: fc.oneof(fc.int32Array({ maxLength: 4, min: -1, max: 4 }), fc.anything()),
        weights: fc.oneof(fc.float32Array({ maxLength: 4 }), fc.anything()),
        assignment: fc.oneof(fc.int32Array({ maxLength: 4, min: -1, max: 3 }), fc.anything()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(junk, (fields) => {
        try {
          TokenMap.from(fields as unknown as TokenMapFields);
        } catch (error) {
          assert.match((error as { code: string }).code, /^ERR_TOKENSIEVE_/);
        }
      }),
    );
  });
});

describe('TokenMap.kept', () => {
  it('names a row that is not there', () => {
    const map = TokenMap.fromKept(int32([0, 1], [2, 1]), 2);
    for (const row of [-1, 2, 0.5, Number.NaN])
      assert.throws(() => map.kept(row), coded('RangeError', 'RANGE', /^row must be an integer from 0 to 1/));
    assert.throws(() => map.kept('0' as unknown as number), coded('TypeError', 'TYPE', /^row/));
  });
});

describe('TokenMap.sizes', () => {
  it('sums token weights, whatever the weights of the map', () => {
    const map = TokenMap.fromAssignment(Int32Array.of(0, 0, 1, -1), { weights: Float32Array.of(7, 7, 7, 7) });
    assert.deepEqual([...map.sizes()], [2, 1]);
    assert.deepEqual([...map.sizes(Float32Array.of(1, 2, 3, 4))], [3, 3]);
    const tensor = { type: 'float32', data: Float32Array.of(1, 2, 3, 4), dims: [1, 4] } as const;
    assert.deepEqual([...map.sizes(tensor)], [3, 3]);
  });

  it('lets heads share the sizes of their tokens', () => {
    const map = TokenMap.fromKept(int32([0, 1, 1, 0], [2, 2, 1]), 2);
    assert.deepEqual([...map.sizes(Float32Array.of(1, 2, 3, 4))], [1, 2, 4, 3]);
    assert.deepEqual([...map.sizes(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))], [1, 4, 6, 7]);
  });

  it('adds up to the tokens assigned, for a partition', () => {
    fc.assert(
      fc.property(anyAssignment, ({ rows, n, assignment, weights }) => {
        const map = TokenMap.fromAssignment(int32(assignment, [rows, n]));
        const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
        assert.equal(sum(map.sizes()), assignment.filter((slot) => slot >= 0).length);
        assert.equal(
          sum(map.sizes(Float32Array.from(weights))),
          sum(weights.filter((_, i) => assignment[i] >= 0)),
        );
      }),
    );
  });

  it('names weights that do not fit', () => {
    const map = TokenMap.fromKept(int32([0], [1, 1]), 2);
    assert.throws(() => map.sizes(new Float32Array(3)), coded('RangeError', 'SHAPE', /^weights/));
    assert.throws(() => map.sizes([1, 1] as unknown as Float32Array), coded('TypeError', 'TYPE', /^weights/));
  });
});

describe('TokenMap.compose', () => {
  it('follows members and owners through', () => {
    const first = TokenMap.fromAssignment(Int32Array.of(0, 1, 0, 2, -1));
    const next = TokenMap.fromAssignment(Int32Array.of(1, 0, 1));
    const map = first.compose(next);
    assert.deepEqual([...map.offsets], [0, 1, 4]);
    assert.deepEqual([...map.members], [1, 0, 2, 3]);
    assert.deepEqual([...map.assignment], [1, 0, 1, 1, -1]);
    assert.equal(map.isPartition, true);
  });

  it('is the matrix product', () => {
    fc.assert(
      fc.property(
        anyMap.chain((a) => fc.tuple(fc.constant(a), nextMap(a))),
        ([a, b]) => {
          const product = dense(a.compose(b));
          const left = dense(b);
          const right = dense(a);
          for (const [row, lines] of product.entries())
            for (const [slot, line] of lines.entries())
              for (const [token, weight] of line.entries()) {
                const expected = right[row].reduce((sum, l, m) => sum + left[row][slot][m] * l[token], 0);
                assert.equal(weight, expected);
              }
        },
      ),
    );
  });

  it('is associative', () => {
    fc.assert(
      fc.property(
        anyMap
          .chain((a) => fc.tuple(fc.constant(a), nextMap(a)))
          .chain(([a, b]) => fc.tuple(fc.constant(a), fc.constant(b), nextMap(b))),
        ([a, b, c]) => assert.deepEqual(a.compose(b).compose(c), a.compose(b.compose(c))),
      ),
    );
  });

  it('gives a map that holds all a map promises', () => {
    fc.assert(
      fc.property(
        anyMap.chain((a) => fc.tuple(fc.constant(a), nextMap(a))),
        ([a, b]) => {
          const map = a.compose(b);
          assert.deepEqual(TokenMap.from(fieldsOf(map)), map);
        },
      ),
    );
  });

  it('is unchanged by the identity', () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        const rows = map.outputLengths.length;
        const all = Array.from({ length: rows }, () => [...Array(map.inputLength).keys()]).flat();
        const identity = TokenMap.fromKept(int32(all, [rows, map.inputLength]), map.inputLength);
        assert.deepEqual(identity.compose(map), map);
      }),
    );
  });

  it('names weights whose product overflows', () => {
    const heavy = TokenMap.fromAssignment(Int32Array.of(0), { weights: Float32Array.of(1e30) });
    assert.throws(() => heavy.compose(heavy), coded('RangeError', 'RANGE', /^next\.weights/));
  });

  it('names a map that does not follow', () => {
    const map = TokenMap.fromKept({ indices: int32([0, 1, 2], [3]), offsets: Int32Array.of(0, 2, 3) }, 3);
    const next = (data: number[], dims: number[], n: number) => () =>
      map.compose(TokenMap.fromKept(int32(data, dims), n));
    assert.throws(next([0], [1, 1], 2), coded('RangeError', 'SHAPE', /^next\.rowDims/));
    assert.throws(next([0, 0], [2, 1, 1], 2), coded('RangeError', 'SHAPE', /^next\.rowDims/));
    assert.throws(next([0, 0], [2, 1], 3), coded('RangeError', 'SHAPE', /^next\.inputLength must be 2/));
    assert.throws(next([1, 1], [2, 1], 2), coded('RangeError', 'RANGE', /^next\.members\[1\]/));
    assert.throws(
      () => map.compose({ ...map } as unknown as TokenMap),
      coded('TypeError', 'TYPE', /^next must be a TokenMap/),
    );
  });
});
