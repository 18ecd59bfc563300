import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blockFlops, modelFlops } from '../../experiments/demo/flops.js';
import { modelDirectory } from '../../experiments/packages.js';
import { attendFirst, finish, loadUseLite } from '../../experiments/runner/use-lite.js';

const model = loadUseLite(modelDirectory());
const sentences = [
  'How old are you?',
  'What is your age?',
  'The stock market fell today',
  'Shares dropped on Wall Street',
  'I like pizza',
];
const tokens = sentences.map((sentence) => model.tokenizer.encode(sentence));
const embeddings = tokens.map((text) => finish(model, attendFirst(model, [text])).data);
const cosine = (i: number, j: number) =>
  embeddings[i].reduce((sum, value, c) => sum + value * embeddings[j][c], 0);

describe('Universal Sentence Encoder Lite', () => {
  it('gives the values that TensorFlow.js 4.22 gives for the published graph', () => {
    const expected = [
      [0.03868528, 0.05044373, -0.04552361, 0.05607944, -0.06007658, -0.05509718, 0.06218659, 0.0622829],
      [0.008934896, -0.03506744, -0.0434636, 0.04687189, -0.05560878, -0.04894536, 0.0556756, 0.0557337],
    ];
    expected.forEach((values, i) => {
      values.forEach((value, c) => {
        assert.ok(Math.abs(embeddings[i][c] - value) < 2e-6, `${sentences[i]}, channel ${c}`);
      });
    });
  });

  it('places paraphrases together and unrelated sentences apart', () => {
    assert.ok(Math.abs(cosine(0, 1) - 0.846) < 0.002, `${cosine(0, 1)}`);
    assert.ok(Math.abs(cosine(2, 3) - 0.669) < 0.002, `${cosine(2, 3)}`);
    for (const [i, j] of [
      [0, 2],
      [0, 3],
      [0, 4],
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 4],
      [3, 4],
    ])
      assert.ok(cosine(i, j) < 0.2, `${sentences[i]} / ${sentences[j]}: ${cosine(i, j)}`);
  });

  it('gives unit vectors', () => {
    sentences.forEach((_, i) => {
      assert.ok(Math.abs(cosine(i, i) - 1) < 1e-5);
    });
  });

  it('gives a text the same embedding alone and in a batch', () => {
    const alike = [0, 1, 2].map((i) => tokens[i]);
    assert.deepEqual(
      alike.map((text) => text.ids.length),
      [5, 5, 5],
    );
    const batch = finish(model, attendFirst(model, alike));
    assert.deepEqual(batch.dims, [3, 512]);
    for (const i of [0, 1, 2]) assert.deepEqual(batch.data.slice(i * 512, (i + 1) * 512), embeddings[i]);
  });

  it('refuses a batch of different lengths', () => {
    assert.throws(() => attendFirst(model, [tokens[0], tokens[4]]), /same number of tokens/);
  });

  it('gives one merged token the weight of its members', () => {
    // Two copies of a token with size 1 act as one with size 2.
    const { hidden } = attendFirst(model, [tokens[0]]);
    const data = new Float32Array(hidden.data.length + 512);
    data.set(hidden.data);
    data.set(hidden.data.subarray(-512), hidden.data.length);
    const twice = finish(model, { hidden: { type: 'float32', data, dims: [1, 6, 512] } });
    const sizes = { type: 'float32' as const, data: Float32Array.of(1, 1, 1, 1, 2), dims: [1, 5] };
    const merged = finish(model, { hidden, sizes });
    merged.data.forEach((value, c) => {
      assert.ok(Math.abs(value - twice.data[c]) < 1e-5);
    });
  });
});

describe('FLOPs', () => {
  it('counts the first block by hand', () => {
    const n = 10;
    const projections = 2 * n * 256 * (3 * 256) + 2 * n * 256 * 512 + 2 * n * 256 * 512;
    const attention = 2 * (2 * n * n * 256);
    const feedForward = 2 * (2 * n * 512 * 1536);
    assert.equal(blockFlops(model.blocks[0], n, n), projections + attention + feedForward);
    assert.equal(blockFlops(model.blocks[0], n, 0), projections + attention);
  });

  it('falls with the tokens left, to the first attention and the head', () => {
    const full = modelFlops(model, 128, 128);
    assert.ok(modelFlops(model, 128, 64) < 0.6 * full);
    assert.equal(modelFlops(model, 128, 0), blockFlops(model.blocks[0], 128, 0) + 2 * 512 * 512);
  });
});
