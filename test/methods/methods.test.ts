// What holds of every method of the registry, by its own word: the inputs it reads, the tokens it leaves, their order.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tokensieve from 'tokensieve';
import {
  type Method,
  type MethodOptions,
  methodGroups,
  methods,
  type PositionRule,
  type Reduction,
  restoreTokensSync,
  type SieveInputs,
} from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import {
  inputsFor,
  inTokenOrder,
  type MethodShape,
  neededBy,
  rowAlone,
  someSizes,
} from '../support/methods.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode, floatTypes } from '../support/tensors.js';
import { withThreads } from '../support/threads.js';

/** Methods that join tokens in a way that their map and sizes alone do not tell. */
const ownJoins: readonly string[] = ['tofu'];

describe('the registry of methods', () => {
  it('lists each method once, in the order of the alphabet', () => {
    const names = methods.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)].sort());
  });

  it('exports each by its name, with what there is to say of it', () => {
    for (const method of methods) {
      assert.equal((tokensieve as Record<string, unknown>)[method.name], method.create, method.name);
      assert.match(method.arxiv, /^\d{4}\.\d{5}$/);
      assert.ok(methodGroups.includes(method.group));
      assert.ok(method.year >= 2020 && method.year <= 2026);
      for (const words of [method.title, method.authors, method.licence, method.summary])
        assert.ok(words.length >= 3 && words.trim() === words, `${method.name}: '${words}'`);
    }
  });
});

for (const method of methods) describe(method.name, () => testMethod(method));

function testMethod(method: Method): void {
  const sieve = method.create(method.defaults);
  const inputs = neededBy(method, inputsFor(method));
  const shaped = (shape: MethodShape) => neededBy(method, inputsFor(method, shape));
  const join = ownJoins.includes(method.name) ? 'own' : 'mean';
  const withOptions = (options: MethodOptions & object) => method.create({ ...method.defaults, ...options });
  const tiny = method.over === 'video' ? [1, 1, 1] : [1, 1];

  it('leaves fewer tokens, and all that goes with them in step', () => {
    const left = withOptions({ positions: 'kept' }).reduceSync(inputs);
    assert.ok(left.hidden.dims[1] < inputs.hidden.dims[1]);
    assertConsistent(inputs, left, join);
    const sizes = someSizes(seeded(3), inputs);
    assertConsistent(
      { ...inputs, sizes },
      withOptions({ positions: 'kept' }).reduceSync({ ...inputs, sizes }),
      join,
    );
  });

  it('does the same awaited, again, and with any number of threads', async () => {
    const left = sieve.reduceSync(inputs);
    assert.deepEqual(await sieve.reduce(inputs), left);
    for (const threads of [1, 2, 3, 4])
      assert.deepEqual(
        withThreads(threads, () => sieve.reduceSync(inputs)),
        left,
      );
  });

  it('reads no more than it says, and names what is missing or has another shape', () => {
    assert.deepEqual(sieve.reduceSync({ ...inputsFor(method), ...inputs }), sieve.reduceSync(inputs));
    for (const name of method.needs) {
      const without = { ...inputs, [name]: undefined } as SieveInputs;
      assert.throws(
        () => sieve.reduceSync(without),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `inputs.${name}`),
      );
      const misshapen = { ...inputs, [name]: misshape(inputs[name]) } as SieveInputs;
      assert.throws(
        () => sieve.reduceSync(misshapen),
        isArgumentError('ERR_TOKENSIEVE_SHAPE', `inputs.${name}(\\.\\w+)*`),
      );
      const mistyped = { ...inputs, [name]: 'none' } as unknown as SieveInputs;
      assert.throws(
        () => sieve.reduceSync(mistyped),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `inputs.${name}`, 'none'),
      );
    }
  });

  it('leaves as many tokens as it says', () => {
    for (const options of variants(method)) {
      const own = method.create(options);
      const { map } = own.reduceSync(inputs);
      const [batch, length] = inputs.hidden.dims;
      const mask = inputs.mask as Uint8Array;
      for (let row = 0; row < batch; row++) {
        const states = mask.subarray(row * length, (row + 1) * length);
        const expected = method.tokensLeft(options, {
          tokens: states.filter((state) => state !== 2).length,
          kept: Math.max(states.filter((state) => state === 1).length, Number(method.classToken)),
          ...(inputs.grid && { grid: inputs.grid }),
        });
        if (expected !== undefined)
          assert.equal(map.outputLengths[row], expected, `row ${row} with ${JSON.stringify(options)}`);
      }
    }
  });

  it('lists what it leaves in the order that it says', () => {
    assertOrder(method, withOptions({ positions: 'centre' }).reduceSync(inputs));
  });

  it('treats each row as if it were alone', () => {
    const left = sieve.reduceSync(inputs);
    for (let row = 0; row < 2; row++)
      assertSameRow(sieve.reduceSync(rowAlone(inputs, row, inputs.hidden.dims[1])), left, row);
  });

  it('takes padding as if it were not there, by mask and by length', () => {
    const padded = shaped({ padding: 3 });
    const length = padded.hidden.dims[1];
    const left = sieve.reduceSync(padded);
    for (let row = 0; row < 2; row++)
      assertSameRow(sieve.reduceSync(rowAlone(padded, row, length - 3)), left, row);
    const mask = (padded.mask as Uint8Array).map((state) => (state === 2 ? 0 : state));
    const byLength = sieve.reduceSync({ ...padded, mask, lengths: new Int32Array(2).fill(length - 3) });
    assert.deepEqual(byLength, left);
  });

  it('takes heads before tokens as it takes tokens before heads', () => {
    const left = sieve.reduceSync(inputs);
    const swapped = sieve.reduceSync(inTokenOrder(inputs));
    for (let row = 0; row < 2; row++) assert.deepEqual(membersOf(swapped.map, row), membersOf(left.map, row));
  });

  it('gives no NaN in any type, of tokens all alike, of zero vectors, of tokens that come twice', () => {
    const values = [
      undefined,
      () => 1,
      () => 0,
      (token: number, channel: number) => Math.sin((token >> 1) * 7 + channel),
    ];
    for (const type of floatTypes)
      for (const value of values)
        for (const reference of ['paper', 'authors'] as const) {
          const given = shaped({ type, ...(value && { value }) });
          const left = withOptions({ reference }).reduceSync(given);
          assert.ok(decode(left.hidden).data.every(Number.isFinite), `${type} ${reference}`);
          assert.ok(left.sizes.data.every(Number.isFinite));
          assert.ok(decode(left.scores ?? left.sizes).data.every((score) => !Number.isNaN(score)));
        }
  });

  it('survives one free token, none that is free, and none at all', () => {
    const one = shaped({ grid: tiny });
    assertConsistent(one, withOptions({ positions: 'kept' }).reduceSync(one), 'own');
    const length = inputs.hidden.dims[1];
    const kept = { ...inputs, mask: new Uint8Array(2 * length).fill(1) };
    assert.deepEqual(decode(sieve.reduceSync(kept).hidden), decode(inputs.hidden));
    const dropped = { ...inputs, mask: new Uint8Array(2 * length).fill(2) };
    assert.deepEqual(sieve.reduceSync(dropped).hidden.dims, [2, 0, 6]);
    const mixed = { ...inputs, mask: Uint8Array.from(inputs.mask as Uint8Array).fill(2, 0, length) };
    const left = sieve.reduceSync(mixed);
    assert.equal(left.map.outputLengths[0], 0);
    assertSameRow(sieve.reduceSync(rowAlone(mixed, 1, length)), left, 1);
  });

  it('hands positions on by every rule, for M-RoPE too', () => {
    const [batch, length] = inputs.hidden.dims;
    const data = Int32Array.from({ length: 3 * batch * length }, (_, i) => 5 + 2 * i);
    const three = { type: 'int32', data, dims: [3, batch, length] } as const;
    for (const rule of ['kept', 'centre', 'mean', 'renumbered'] as const) assertPositions(rule, three);
  });

  function assertPositions(rule: PositionRule, positions: SieveInputs['positions'] & object): void {
    const left = withOptions({ positions: rule }).reduceSync({ ...inputs, positions });
    const [batch, M] = left.sizes.dims;
    assert.deepEqual(left.positions.dims, [3, batch, M]);
    const slots = Array.from({ length: batch }, (_, row) => membersOf(left.map, row));
    const at = (section: number, row: number, i: number) =>
      Number(left.positions.data[(section * batch + row) * M + i]);
    const length = inputs.hidden.dims[1];
    for (let section = 0; section < 3; section++)
      slots.forEach((members, row) => {
        const before = (token: number) => 5 + 2 * ((section * batch + row) * length + token);
        members.forEach((tokens, i) => {
          const found = at(section, row, i);
          if (rule === 'renumbered') assert.equal(found, i);
          if (rule === 'kept') assert.equal(found, before(tokens[0]));
          if (rule === 'centre') assert.ok(tokens.map(before).includes(found), 'one of its members');
          const mean = tokens.map(before).reduce((sum, position) => sum + position, 0) / tokens.length;
          if (rule === 'mean') assert.ok(Math.abs(found - mean) <= 0.5);
        });
      });
  }

  it('lets every token be restored', () => {
    const left = sieve.reduceSync(inputs);
    const restored = decode(restoreTokensSync(left.hidden, left.map)).data;
    const [batch, length, channels] = inputs.hidden.dims;
    for (let row = 0; row < batch; row++) {
      const slots = tokensOf(left, row);
      for (let i = 0; i < length; i++) {
        const slot = left.map.assignment[row * length + i];
        const start = (row * length + i) * channels;
        const expected =
          slot === -1 ? new Float64Array(channels) : slots.slice(slot * channels, (slot + 1) * channels);
        assert.deepEqual(restored.slice(start, start + channels), expected);
      }
    }
  });

  it('wants its options to be an object, and those that all methods have to be right', () => {
    for (const options of [undefined, null, 3])
      assert.throws(() => method.create(options as never), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    for (const name of ['reference', 'positions'])
      assert.throws(
        () => withOptions({ [name]: 'code' }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${name}`, 'code'),
      );
  });
}

/** Its defaults, and with them each way of saying how many tokens stay: all, hardly any, and between. */
function variants(method: Method): object[] {
  const defaults = method.defaults as Record<string, unknown>;
  const amounts: Record<string, readonly number[]> = {
    keep: [1, 0.9, 0.5, 0.123, 1e-6],
    ratio: [0, 0.1, 0.5, 0.877, 0.999999],
    count: [1, 2, 10, 10_000],
    r: [0, 1, 7, 10_000],
  };
  return [
    defaults,
    ...Object.entries(amounts).flatMap(([name, values]) =>
      typeof defaults[name] === 'number' ? values.map((value) => ({ ...defaults, [name]: value })) : [],
    ),
  ];
}

/** A tensor with a row of tokens too many, or a grid that no picture fits. */
function misshape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((side) => side + 1);
  if (typeof value === 'object' && value !== null && 'norm' in value)
    return { ...value, norm: { weight: new Float32Array(99), bias: new Float32Array(99) } };
  const { type, dims } = value as { type: 'float32'; dims: readonly number[] };
  const more = [dims[0] + 1, ...dims.slice(1)];
  const count = more.reduce((product, dim) => product * dim, 1);
  return { type, data: new Float32Array(count), dims: more };
}

function assertSameRow(alone: Reduction, left: Reduction, row: number): void {
  assert.deepEqual(membersOf(alone.map, 0), membersOf(left.map, row));
  assert.deepEqual(tokensOf(alone, 0), tokensOf(left, row));
}

/** @param left by a sieve that gives each token the position of what it stands for */
function assertOrder(method: Method, left: Reduction): void {
  const [batch, M] = left.sizes.dims;
  const length = left.map.inputLength;
  for (let row = 0; row < batch; row++) {
    const slots = membersOf(left.map, row);
    const places = slots.map((_, i) => Number(left.positions.data[row * M + i]));
    const isKept = slots.map((_, i) => left.mask.data[row * M + i] === 1);
    const isSource = (place: number) => place % 2 === 0;
    const rankOf: Record<Method['order'], (i: number) => readonly number[]> = {
      place: (i) => [places[i]],
      bipartite: (i) => [Number(!isSource(places[i])), places[i]],
      score: (i) =>
        isKept[i] ? [0, places[i]] : [1, -(left.scores?.data[row * length + places[i]] ?? 0), places[i]],
      appended: (i) => [Number(slots[i].length > 1), places[i]],
      own: () => [],
    };
    const rank = rankOf[method.order];
    for (let i = 1; i < slots.length; i++)
      assert.ok(compare(rank(i - 1), rank(i)) <= 0, `slot ${i} of row ${row}, places ${places}`);
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at === -1 ? 0 : a[at] - b[at];
}
