import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dynamicVit, type FloatTensor, type PredictorWeights } from 'tokensieve';
import { dot, vectorsOf } from '../reference/plain.js';
import { isArgumentError } from '../support/assertions.js';
import { randomPredictor } from '../support/methods.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs, scoresOf } from '../support/reductions.js';
import { decode } from '../support/tensors.js';

/** The error function, by its series; float64 for the arguments of these tests. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const gelu = (x: number) => (x * (1 + erf(x / Math.SQRT2))) / 2;
const numbers = (vector: PredictorWeights['norm']['bias']) =>
  Array.from('data' in vector ? vector.data : vector);

function linear(
  x: number[],
  { weight, bias }: { weight: FloatTensor; bias?: PredictorWeights['norm']['bias'] },
) {
  return vectorsOf(weight).map((row, o) => dot(row, x) + (bias ? numbers(bias)[o] : 0));
}

/** The log-probability of each free token that it is kept. */
function work(x: number[][], free: number[], weights: PredictorWeights): Map<number, number> {
  const features = free.map((i) => {
    const mean = x[i].reduce((a, b) => a + b, 0) / x[i].length;
    const variance = x[i].reduce((sum, value) => sum + (value - mean) ** 2, 0) / x[i].length;
    const [scale, shift] = [numbers(weights.norm.weight), numbers(weights.norm.bias)];
    const normal = x[i].map(
      (value, c) => ((value - mean) / Math.sqrt(variance + 1e-5)) * scale[c] + shift[c],
    );
    return linear(normal, weights.input).map(gelu);
  });
  const half = features[0].length / 2;
  const global = Array.from(
    { length: half },
    (_, c) => features.reduce((sum, f) => sum + f[half + c], 0) / free.length,
  );
  return new Map(
    free.map((i, at) => {
      let y = [...features[at].slice(0, half), ...global];
      weights.output.forEach((layer, l) => {
        y = linear(y, layer).map((value) => (l < weights.output.length - 1 ? gelu(value) : value));
      });
      return [i, y[0] - Math.log(Math.exp(y[0]) + Math.exp(y[1]))];
    }),
  );
}

const length = 15;
const inputs = randomInputs({ batch: 1, length });
const predictor = randomPredictor(seeded(9), 6);
const x = vectorsOf(inputs.hidden);
const rising = (list: number[]) => [...list].sort((i, j) => i - j);

describe('dynamicVit', () => {
  it('keeps what the network says, by the token and the mean of those that are there', () => {
    const mask = Uint8Array.from({ length }, (_, i) => (i === 4 || i === 11 ? 2 : 0));
    const free = [...mask.keys()].filter((i) => i > 0 && mask[i] === 0);
    const expected = work(x, free, predictor);
    const ranked = [...free].sort((i, j) => expected.get(j)! - expected.get(i)! || i - j);
    for (const [keep, left] of [
      [0.7, 8],
      [0.25, 3],
      [1, 12],
    ] as const) {
      const given = { ...inputs, mask, predictor };
      const paper = dynamicVit({ keep }).reduceSync(given);
      for (const i of free) assert.ok(Math.abs(paper.scores!.data[i] - expected.get(i)!) < 1e-4, `${i}`);
      assert.deepEqual(membersOf(paper.map, 0).flat(), [0, ...rising(ranked.slice(0, left))]);
      assertConsistent(given, paper);
      const authors = dynamicVit({ keep, reference: 'authors' }).reduceSync(given);
      assert.deepEqual(membersOf(authors.map, 0).flat(), [0, ...ranked.slice(0, left)]);
    }
  });

  it('averages each row of a batch for itself', () => {
    const both = { ...randomInputs({ batch: 2, length }), predictor };
    const mask = Uint8Array.from({ length: 2 * length }, (_, i) => (i >= 20 ? 2 : 0));
    const left = dynamicVit({ keep: 0.5 }).reduceSync({ ...both, mask });
    const all = vectorsOf(both.hidden);
    const second = work(all.slice(length), [1, 2, 3, 4], predictor);
    for (const [i, score] of second) assert.ok(Math.abs(left.scores!.data[length + i] - score) < 1e-4);
  });

  it('counts by the tokens there were at first', () => {
    const lengthOf = (options: object, tokens: number) =>
      dynamicVit({ keep: 0.7, ...options } as never).reduceSync({
        ...randomInputs({ batch: 1, length: tokens }),
        scores: scoresOf([Array.from({ length: tokens }, (_, i) => i)]),
      }).hidden.dims[1];
    assert.equal(lengthOf({ initial: 196 }, 197), 1 + 137);
    assert.equal(lengthOf({ initial: 196, keep: 0.49 }, 138), 1 + 96);
    assert.equal(lengthOf({ initial: 196, keep: 0.343 }, 97), 1 + 67);
    assert.equal(lengthOf({ initial: 196 }, 50), 50);
    assert.equal(lengthOf({ keep: undefined, count: 5, initial: 196 }, 50), 6);
    assert.equal(lengthOf({ keep: 0.29 }, 101), 1 + 29);
    assert.equal(lengthOf({ keep: 0.29, reference: 'authors' }, 101), 1 + 28);
  });

  it('takes scores in place of the network, and any float type', () => {
    const scores = scoresOf([Array.from({ length }, (_, i) => (i * 7) % length)]);
    const left = dynamicVit({ count: 3 }).reduceSync({ hidden: inputs.hidden, scores });
    assert.deepEqual(membersOf(left.map, 0).flat(), [0, 2, 4, 6]);
    for (const type of ['float16', 'bfloat16'] as const) {
      const half = randomInputs({ batch: 1, length, type });
      const { hidden, scores: found } = dynamicVit({ keep: 0.5 }).reduceSync({ ...half, predictor });
      assert.equal(hidden.type, type);
      const expected = work(vectorsOf(half.hidden), [...Array(length).keys()].slice(1), predictor);
      for (const [i, score] of expected)
        assert.ok(Math.abs(decode(found!).data[i] - score) < 0.3, `${type} ${i}`);
    }
  });

  it('names what is wrong', () => {
    const create = dynamicVit as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'));
    for (const initial of [-1, 0.5])
      assert.throws(
        () => create({ keep: 0.5, initial }),
        isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.initial', initial),
      );
    const wrong = (changed: object) => () =>
      dynamicVit({ keep: 0.5 }).reduceSync({ ...inputs, predictor: { ...predictor, ...changed } });
    const [first, ...others] = predictor.output;
    assert.throws(
      wrong({ output: others }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.predictor.output\\[0\\].weight.dims'),
    );
    assert.throws(
      wrong({ output: [first] }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.predictor.output'),
    );
    assert.throws(
      wrong({ input: first }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.predictor.input.weight.dims'),
    );
    assert.throws(wrong({ norm: 3 }), isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.predictor.norm', '3'));
  });
});
