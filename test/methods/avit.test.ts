import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { avit, type Halting, type SieveInputs } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, randomInputs } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

const [batch, N, C, L] = [2, 12, 3, 5];
const options = { gateScale: 1.5, gateCenter: 1.2, epsilon: 0.05 };

/** A block that mixes nothing: each token's state at a layer is a function of its first. */
const block = (x: number, layer: number) => Math.fround(Math.sin(3 * x + layer) * 1.5 + 0.2 * layer);

/** The masked computation over all tokens of all layers, in float64; `length` tokens of each row are there. */
function masked(x0: ArrayLike<number>, length: number) {
  const output = new Float64Array(batch * N * C);
  const ponder = new Float64Array(batch * N);
  const present: boolean[][] = [];
  const sums = new Float64Array(batch * N);
  const isIn = Array.from({ length: batch * N }, (_, i) => i % N < length);
  let x = Array.from(x0);
  for (let layer = 0; layer < L; layer++) {
    x = x.map((value) => block(value, layer));
    for (let i = 0; i < batch * N; i++) {
      if (!isIn[i]) continue;
      const h = layer === L - 1 ? 1 : 1 / (1 + Math.exp(options.gateCenter - options.gateScale * x[i * C]));
      const halts = sums[i] + h > 1 - options.epsilon;
      const weight = halts ? 1 - sums[i] : h;
      for (let c = 0; c < C; c++) output[i * C + c] += weight * x[i * C + c];
      ponder[i] += halts ? 1 + weight : 1;
      sums[i] += h;
      if (halts) isIn[i] = false;
    }
    present.push([...isIn]);
  }
  return { output, ponder, present };
}

/** The layers one after another over the tokens that are left. */
function reduced(hidden: SieveInputs['hidden'], given: Partial<SieveInputs>, upTo = L) {
  const sieve = avit({ ...options, layers: L });
  let inputs: SieveInputs = { ...given, hidden };
  const counts: number[] = [];
  let halting: Halting | undefined;
  for (let layer = 0; layer < upTo; layer++) {
    const data = decode(inputs.hidden).data.map((value) => block(value, layer));
    const x = tensorOf('float32', data, inputs.hidden.dims);
    const left = sieve.reduceSync({ ...inputs, hidden: x, layer });
    assertConsistent(
      { hidden: x, ...(inputs.mask && { mask: inputs.mask }), positions: left.positions },
      left,
    );
    ({ halting } = left);
    inputs = { hidden: left.hidden, mask: left.mask, halting };
    counts.push(left.map.offsets.length - 1);
  }
  return { halting: halting!, counts };
}

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++)
    assert.ok(Math.abs(actual[i] - expected[i]) < 1e-5, `[${i}]: ${actual[i]}, expected ${expected[i]}`);
}

describe('avit', () => {
  const { hidden } = randomInputs({ batch, length: N, channels: C });
  const x0 = decode(hidden).data;

  it('gives over fewer tokens what the masked computation gives over all', () => {
    const { output, ponder, present } = masked(x0, N);
    const { halting, counts } = reduced(hidden, {});
    assertNear(decode(halting.output).data, output);
    assertNear(halting.ponder.data, ponder);
    const stays = present.map((isIn) => isIn.filter((there, i) => there || i % N === 0).length);
    assert.deepEqual(counts, stays);
    assert.ok(counts[1] < batch * N && counts[2] > batch, 'tokens leave at several layers');
    assert.deepEqual([...halting.cumulative.data], [1, 1]);
  });

  it('gives padding nothing', () => {
    const { output, ponder } = masked(x0, 7);
    const { halting } = reduced(hidden, { lengths: Int32Array.of(7, 7) });
    assertNear(decode(halting.output).data, output);
    assertNear(halting.ponder.data, ponder);
  });

  it('weights the states of a token by 1 in all', () => {
    const sieve = avit({ gateScale: 0, gateCenter: Math.log(1.5), layers: 4 });
    const x = tensorOf('float32', [5, 6, 7, 8], [1, 4, 1]);
    let inputs: SieveInputs = { hidden: x };
    const weights: number[][] = [];
    for (let layer = 0; layer < 3; layer++) {
      const left = sieve.reduceSync({ ...inputs, layer });
      inputs = { hidden: left.hidden, mask: left.mask, halting: left.halting };
      weights.push(Array.from(left.weights.data, (w) => Math.round(w * 1e6) / 1e6));
    }
    assert.deepEqual(weights, [new Array(4).fill(0.4), new Array(4).fill(0.4), new Array(4).fill(0.2)]);
    assertNear(inputs.halting!.output.data, [5, 6, 7, 8]);
    assertNear(inputs.halting!.ponder.data, new Array(4).fill(3.2));
    assert.deepEqual(inputs.hidden.dims, [1, 1, 1]);
  });

  it('names what is wrong', () => {
    const create = avit as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.gateCenter'));
    assert.throws(
      () => create({ gateCenter: 1, epsilon: 1 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.epsilon', 1),
    );
    assert.throws(
      () => create({ gateCenter: 1, layers: 0 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.layers', 0),
    );
    const sieve = avit({ ...options, layers: L });
    assert.throws(() => sieve.reduceSync({ hidden }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.layer'));
    const { halting } = reduced(hidden, {}, 1);
    const wrong = (changed: unknown) => () =>
      sieve.reduceSync({ hidden, halting: changed as Halting, layer: 1 });
    assert.throws(wrong(3), isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.halting', 3));
    assert.throws(
      wrong({ ...halting, map: {} }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.halting.map'),
    );
    assert.throws(
      wrong(reduced(hidden, {}, 3).halting),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.halting.map'),
    );
  });
});
