// What holds of every method, with the options a first try would take.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tokensieve from 'tokensieve';
import { methods, restoreTokensSync, type SieveInputs } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import {
  assertConsistent,
  membersOf,
  randomInputs,
  randomMask,
  rowOf,
  tokensOf,
} from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

for (const method of methods) {
  const sieve = method.create(method.defaults);

  describe(method.name, () => {
    it('is listed under the name it is exported by', () => {
      assert.equal((tokensieve as Record<string, unknown>)[method.name], method.create);
      assert.match(method.arxiv, /^\d{4}\.\d{5}$/);
    });

    it('leaves fewer tokens, and all that goes with them in step', () => {
      const inputs = randomInputs({ length: 33 });
      const left = sieve.reduceSync(inputs);
      assert.ok(left.hidden.dims[1] < 33);
      assertConsistent(inputs, left);
    });

    it('does the same awaited', async () => {
      const inputs = randomInputs({ length: 33 });
      assert.deepEqual(await sieve.reduce(inputs), sieve.reduceSync(inputs));
    });

    it('reads no more than it says', () => {
      const inputs = randomInputs({ length: 33 });
      const { hidden } = inputs;
      const needed = Object.fromEntries(method.needs.map((name) => [name, inputs[name]]));
      assert.deepEqual(sieve.reduceSync({ hidden, ...needed }), sieve.reduceSync(inputs));
      for (const name of method.needs)
        assert.throws(
          () => sieve.reduceSync({ hidden, ...needed, [name]: undefined } as SieveInputs),
          isArgumentError('ERR_TOKENSIEVE_TYPE', `inputs.${name}`),
        );
    });

    it('keeps what the mask keeps and never shows what it drops', () => {
      for (let seed = 0; seed < 20; seed++) {
        const random = seeded(seed);
        const mask = randomMask(random, 3, 14);
        const sizes = Float32Array.from(mask, () => 1 + random.integer(3));
        const inputs = { ...randomInputs({ batch: 3, length: 14, seed }), mask };
        assertConsistent(inputs, sieve.reduceSync(inputs));
        assertConsistent({ ...inputs, sizes }, sieve.reduceSync({ ...inputs, sizes }));
      }
    });

    it('treats each row as if it were alone', () => {
      const mask = randomMask(seeded(31), 3, 14);
      const inputs = { ...randomInputs({ batch: 3, length: 14 }), mask };
      const left = sieve.reduceSync(inputs);
      for (let row = 0; row < 3; row++) {
        const alone = sieve.reduceSync(rowOf(inputs, row));
        assert.deepEqual(membersOf(left.map, row), membersOf(alone.map, 0));
        assert.deepEqual(tokensOf(left, row), tokensOf(alone, 0));
      }
    });

    it('takes padding by length as it takes it by mask', () => {
      const inputs = randomInputs({ length: 14 });
      const mask = Uint8Array.from({ length: 28 }, (_, i) => (i % 14 >= (i < 14 ? 14 : 6) ? 2 : 0));
      const left = sieve.reduceSync({ ...inputs, lengths: Int32Array.of(14, 6) });
      assert.deepEqual(left, sieve.reduceSync({ ...inputs, mask }));
      assertConsistent({ ...inputs, mask }, left);
    });

    it('survives one token, none that is free, none at all, and tokens all alike', () => {
      const one = randomInputs({ length: 1 });
      assert.deepEqual(decode(sieve.reduceSync(one).hidden), decode(one.hidden));
      const kept = { ...randomInputs({ length: 5 }), mask: new Uint8Array(10).fill(1) };
      assert.deepEqual(decode(sieve.reduceSync(kept).hidden), decode(kept.hidden));
      const dropped = {
        ...randomInputs({ length: 5 }),
        mask: Uint8Array.from({ length: 10 }, (_, i) => (i < 5 ? 2 : 0)),
      };
      const left = sieve.reduceSync(dropped);
      assert.equal(left.map.outputLengths[0], 0);
      assertConsistent(dropped, left);
      const nothing = sieve.reduceSync({ ...randomInputs({ length: 5 }), mask: new Uint8Array(10).fill(2) });
      assert.deepEqual(nothing.hidden.dims, [2, 0, 6]);
      const ones = (...dims: number[]) =>
        tensorOf('float32', new Array(dims.reduce((a, b) => a * b)).fill(1), dims);
      const alike = {
        hidden: ones(1, 33, 4),
        q: ones(1, 2, 33, 4),
        k: ones(1, 2, 33, 4),
        v: ones(1, 2, 33, 4),
      };
      const same = sieve.reduceSync(alike);
      assertConsistent(alike, same);
      assert.ok(decode(same.hidden).data.every((x) => Math.abs(x - 1) < 1e-6));
    });

    it('lets every token be restored', () => {
      const inputs = randomInputs({ length: 33 });
      const { hidden, map } = sieve.reduceSync(inputs);
      const restored = decode(restoreTokensSync(hidden, map)).data;
      const [batch, longest, channels] = hidden.dims;
      const left = decode(hidden).data;
      for (let token = 0; token < batch * 33; token++) {
        const slot = map.assignment[token];
        const start = (Math.floor(token / 33) * longest + slot) * channels;
        const expected = slot === -1 ? new Float64Array(channels) : left.slice(start, start + channels);
        assert.deepEqual(restored.slice(token * channels, (token + 1) * channels), expected);
      }
    });

    it('wants its options to be an object', () => {
      for (const options of [undefined, null, 3])
        assert.throws(
          () => method.create(options as never),
          isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'),
        );
    });
  });
}
