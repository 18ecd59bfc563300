import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  budgets,
  createSieve,
  criteria,
  evit,
  type Sieve,
  type SieveInputs,
  type SieveParts,
  step,
  strategies,
  tome,
  topKPrune,
} from 'tokensieve';
import { isArgumentError } from './support/assertions.js';
import { seeded } from './support/random.js';
import { assertConsistent, membersOf, randomInputs, randomMask, scoresOf } from './support/reductions.js';
import { decode, tensorOf } from './support/tensors.js';

const half = createSieve({
  criterion: criteria.hiddenNorm(),
  budget: budgets.keep(0.5),
  strategy: strategies.prune(),
});

describe('createSieve', () => {
  it('scores, budgets, decides and moves', () => {
    const hidden = tensorOf('float32', [1, 5, 2, 4, 3, 0], [1, 6, 1]);
    const left = half.reduceSync({ hidden });
    assert.deepEqual([...(left.hidden.data as Float32Array)], [5, 4, 3]);
    assert.deepEqual([...left.map.members], [1, 3, 4]);
    assert.deepEqual([...left.positions.data], [1, 3, 4]);
    assert.deepEqual([...left.sizes.data], [1, 1, 1]);
    assert.deepEqual([...(left.scores?.data ?? [])], [1, 5, 2, 4, 3, 0]);
    assert.equal(left.lengths, undefined);
  });

  it('does the same at once and awaited', async () => {
    const mask = randomMask(seeded(2), 3, 11);
    const inputs = { ...randomInputs({ batch: 3 }), mask };
    for (const sieve of [half, tome({ r: 3 }), evit({ keep: 0.6 }), topKPrune({ ratio: 0.3 })])
      assert.deepEqual(await sieve.reduce(inputs), sieve.reduceSync(inputs));
  });

  it('stops when its signal says so', async () => {
    const inputs = randomInputs();
    const reason = new Error('enough');
    const early = AbortSignal.abort(reason);
    await assert.rejects(half.reduce(inputs, { signal: early }), reason);
    const controller = new AbortController();
    const stopping = createSieve({
      criterion: function* (tokens) {
        const scores = yield* step.tokenNorms(tokens.hidden, {});
        controller.abort(reason);
        return scores;
      },
      budget: budgets.keep(0.5),
      strategy: strategies.prune(),
    });
    await assert.rejects(stopping.reduce(inputs, { signal: controller.signal }), reason);
    await half.reduce(inputs, { signal: new AbortController().signal });
    await assert.rejects(
      half.reduce(inputs, { signal: 'now' as never }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.signal'),
    );
    await assert.rejects(
      half.reduce(inputs, null as never),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'),
    );
  });

  it('leaves a leading dim out where the tokens do', () => {
    const { hidden, k, q } = randomInputs({ batch: 1 });
    const single = { ...hidden, dims: hidden.dims.slice(1) };
    const heads = { q: { ...q!, dims: q!.dims.slice(1) }, k: { ...k!, dims: k!.dims.slice(1) } };
    for (const sieve of [tome({ r: 3 }), evit({ keep: 0.5 }), topKPrune({ ratio: 0.5 })]) {
      const left = sieve.reduceSync({ hidden: single, ...heads });
      const batched = sieve.reduceSync({ hidden, q, k });
      assert.deepEqual(left.hidden.dims, batched.hidden.dims.slice(1));
      assert.deepEqual(left.hidden.data, batched.hidden.data);
      for (const field of ['sizes', 'positions', 'mask'] as const) assert.equal(left[field].dims.length, 1);
      assert.deepEqual(left.map, batched.map);
    }
  });

  for (const type of ['float16', 'bfloat16'] as const)
    it(`reduces ${type} tokens in their type`, () => {
      const inputs = randomInputs({ type });
      for (const sieve of [half, tome({ r: 4 }), evit({ keep: 0.5 })])
        assertConsistent(inputs, sieve.reduceSync(inputs));
    });

  it('carries positions of either type, for one row or all', () => {
    const hidden = tensorOf('float32', [1, 5, 2, 4, 3, 0, 0, 0], [2, 4, 1]);
    const int32 = half.reduceSync({ hidden, positions: Int32Array.of(10, 20, 30, 40) }).positions;
    assert.equal(int32.type, 'int32');
    assert.deepEqual([...int32.data], [20, 40, 10, 20]);
    const int64 = half.reduceSync({
      hidden,
      positions: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n),
    }).positions;
    assert.equal(int64.type, 'int64');
    assert.deepEqual([...int64.data], [2n, 4n, 5n, 6n]);
  });

  it('reduces what is left again, and the maps compose', () => {
    const inputs = { ...randomInputs({ batch: 3, length: 16 }), mask: randomMask(seeded(11), 3, 16) };
    const sieve = createSieve({
      budget: budgets.remove(3),
      strategy: strategies.bipartiteMerge({ metric: 'hidden' }),
    });
    const first = sieve.reduceSync(inputs);
    const { hidden, sizes, positions, mask } = first;
    const second = sieve.reduceSync({ hidden, sizes, positions, mask });
    const map = first.map.compose(second.map);
    for (let row = 0; row < 3; row++) {
      const slots = membersOf(map, row);
      const longest = second.hidden.dims[1];
      slots.forEach((members, i) => {
        assert.equal(second.sizes.data[row * longest + i], members.length);
        for (const m of members) assert.notEqual(inputs.mask[row * 16 + m], 2);
      });
      const kept = [...inputs.mask.subarray(row * 16, (row + 1) * 16).entries()].filter(
        ([, state]) => state === 1,
      );
      for (const [i] of kept) assert.ok(slots.some((members) => members.length === 1 && members[0] === i));
    }
    const whole = createSieve({ budget: budgets.keep(1), strategy: strategies.prune() });
    const flat = decode(
      whole.reduceSync({
        hidden: inputs.hidden,
        scores: scoresOf([0, 1, 2].map(() => new Array<number>(16).fill(0))),
      }).hidden,
    );
    assert.deepEqual(flat, decode(inputs.hidden));
  });

  it('takes scores that are known already', () => {
    const { hidden } = randomInputs({ batch: 1, length: 3 });
    const asked = createSieve({
      criterion: () => assert.fail('asked all the same'),
      budget: budgets.count(1),
      strategy: strategies.prune(),
    });
    assert.deepEqual([...asked.reduceSync({ hidden, scores: scoresOf([[1, 3, 2]]) }).map.members], [1]);
  });

  it('protects the first and last tokens of each row', () => {
    const { hidden } = randomInputs({ batch: 2, length: 6 });
    const sieve = createSieve({
      budget: budgets.count(3),
      strategy: strategies.prune(),
      protect: { first: 1, last: 1 },
    });
    const scores = scoresOf([
      [0, 1, 2, 3, 4, 0],
      [0, 1, 2, 3, 4, 0],
    ]);
    const left = sieve.reduceSync({
      hidden,
      scores,
      mask: Uint8Array.of(0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2),
    });
    assert.deepEqual([...left.map.members], [0, 4, 5, 1, 3, 4]);
    assert.deepEqual([...left.mask.data], [1, 0, 1, 1, 0, 1]);
  });

  it('leaves everything where the schedule has nothing to do, without scoring', () => {
    const inputs = { ...randomInputs(), lengths: Int32Array.of(11, 4), layer: 1 };
    const sieve = createSieve({
      criterion: () => assert.fail('asked all the same'),
      budget: budgets.keep([0.5]),
      strategy: strategies.prune(),
    });
    const left = sieve.reduceSync(inputs);
    assert.deepEqual([...left.map.outputLengths], [11, 4]);
    assert.equal(left.scores, undefined);
    assertConsistent(inputs, left);
  });

  describe('names what is wrong with', () => {
    const good = randomInputs();
    const { hidden } = good;
    const float = (...dims: number[]) => tensorOf('float32', [], dims);
    const cases: [string, object | null | undefined, string, 'TYPE' | 'SHAPE' | 'RANGE'][] = [
      ['inputs', undefined, 'inputs', 'TYPE'],
      ['inputs', null, 'inputs', 'TYPE'],
      ['hidden', {}, 'inputs.hidden', 'TYPE'],
      ['hidden', { hidden: tensorOf('int32', [1], [1, 1, 1]) }, 'inputs.hidden.type', 'TYPE'],
      ['hidden', { hidden: float(3) }, 'inputs.hidden.dims', 'SHAPE'],
      ['hidden', { hidden: float(1, 1, 1, 3) }, 'inputs.hidden.dims', 'SHAPE'],
      ['hidden', { hidden: { ...hidden, dims: [2, 11, 7] } }, 'inputs.hidden.dims', 'SHAPE'],
      ['q', { ...good, q: float(3, 4, 11, 8) }, 'inputs.q.dims', 'SHAPE'],
      ['q', { ...good, q: float(8) }, 'inputs.q.dims', 'SHAPE'],
      ['k', { ...good, k: float(2, 2, 12, 8) }, 'inputs.k.dims', 'SHAPE'],
      ['k', { ...good, k: [1, 2] }, 'inputs.k.type', 'TYPE'],
      ['v', { ...good, v: float(2, 2, 10, 5) }, 'inputs.v.dims', 'SHAPE'],
      ['layout', { ...good, layout: 'nhwc' }, 'inputs.layout', 'TYPE'],
      ['metric', { ...good, metric: float(2, 10, 5) }, 'inputs.metric.dims', 'SHAPE'],
      ['scores', { ...good, scores: float(2, 10) }, 'inputs.scores', 'SHAPE'],
      ['scores', { ...good, scores: [1] }, 'inputs.scores', 'TYPE'],
      ['mask', { ...good, mask: new Array(22).fill(0) }, 'inputs.mask', 'TYPE'],
      ['mask', { ...good, mask: new Int8Array(22) }, 'inputs.mask', 'TYPE'],
      ['mask', { ...good, mask: new Uint8Array(21) }, 'inputs.mask', 'SHAPE'],
      ['mask', { ...good, mask: new Uint8Array(22).fill(3) }, 'inputs.mask\\[0\\]', 'RANGE'],
      ['lengths', { ...good, lengths: [11, 11] }, 'inputs.lengths', 'TYPE'],
      ['lengths', { ...good, lengths: Int32Array.of(11) }, 'inputs.lengths', 'SHAPE'],
      ['lengths', { ...good, lengths: Int32Array.of(11, 12) }, 'inputs.lengths\\[1\\]', 'RANGE'],
      ['lengths', { ...good, lengths: Int32Array.of(-1, 1) }, 'inputs.lengths\\[0\\]', 'RANGE'],
      ['sizes', { ...good, sizes: new Float32Array(3) }, 'inputs.sizes', 'SHAPE'],
      ['sizes', { ...good, sizes: new Float64Array(22) }, 'inputs.sizes', 'TYPE'],
      ['sizes', { ...good, sizes: new Float32Array(22).fill(-1) }, 'inputs.sizes\\[0\\]', 'RANGE'],
      ['sizes', { ...good, sizes: new Float32Array(22).fill(Number.NaN) }, 'inputs.sizes\\[0\\]', 'RANGE'],
      ['positions', { ...good, positions: new Float32Array(22) }, 'inputs.positions', 'TYPE'],
      ['positions', { ...good, positions: new Int32Array(5) }, 'inputs.positions', 'SHAPE'],
      ['layer', { ...good, layer: '1' }, 'inputs.layer', 'TYPE'],
      ['layer', { ...good, layer: -1 }, 'inputs.layer', 'RANGE'],
      ['layer', { ...good, layer: 0.5 }, 'inputs.layer', 'RANGE'],
    ];
    for (const [what, inputs, path, code] of cases)
      it(`${what}: ${path} ${code}`, async () => {
        const expected = isArgumentError(`ERR_TOKENSIEVE_${code}`, path);
        assert.throws(() => topKPrune({ ratio: 0.5 }).reduceSync(inputs as SieveInputs), expected);
        await assert.rejects(topKPrune({ ratio: 0.5 }).reduce(inputs as SieveInputs), expected);
      });

    it('its parts', () => {
      const create = createSieve as unknown as (parts: unknown) => Sieve;
      const parts: SieveParts = { strategy: strategies.prune() };
      assert.throws(() => create(null), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
      assert.throws(() => create(undefined), isArgumentError('ERR_TOKENSIEVE_TYPE', 'strategy'));
      assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'strategy'));
      assert.throws(
        () => create({ ...parts, criterion: {} }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'criterion'),
      );
      assert.throws(
        () => create({ ...parts, budget: 0.5 }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'budget'),
      );
      assert.throws(
        () => create({ ...parts, protect: 1 }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'protect'),
      );
      assert.throws(
        () => create({ ...parts, protect: { first: -1 } }),
        isArgumentError('ERR_TOKENSIEVE_RANGE', 'protect.first', -1),
      );
      assert.throws(
        () => create({ ...parts, protect: { last: '1' } }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'protect.last'),
      );
    });

    it('scores that a criterion gives', () => {
      const giving = (scores: unknown) =>
        createSieve({
          criterion: (() => scores) as never,
          budget: budgets.keep(0.5),
          strategy: strategies.prune(),
        });
      assert.throws(
        () => giving(undefined).reduceSync(good),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'scores'),
      );
      assert.throws(
        () => giving([1]).reduceSync(good),
        isArgumentError('ERR_TOKENSIEVE_TYPE', 'scores.type'),
      );
      assert.throws(
        () => giving(scoresOf([[1, 2]])).reduceSync(good),
        isArgumentError('ERR_TOKENSIEVE_SHAPE', 'scores.dims'),
      );
    });
  });
});
