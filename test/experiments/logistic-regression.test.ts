import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  crossValidate,
  fitLogisticRegression,
  heldOutCorrect,
  sigmoid,
} from '../../experiments/analysis/logistic-regression.js';
import { uniform } from '../../experiments/analysis/random.js';

const allRows = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

describe('fitLogisticRegression', () => {
  it('finds the log odds of two groups when nothing is penalized', () => {
    // x = 0: 1 of 4 positive; x = 1: 3 of 4 positive.
    const features = { data: Float32Array.of(0, 0, 0, 0, 1, 1, 1, 1), width: 1 };
    const labels = Uint8Array.of(1, 0, 0, 0, 1, 1, 1, 0);
    const { weights, bias } = fitLogisticRegression(features, labels, allRows(8), { l2: 0, tolerance: 1e-9 });
    assert.ok(Math.abs(bias - Math.log(1 / 3)) < 1e-6, `bias ${bias}`);
    assert.ok(Math.abs(weights[0] - 2 * Math.log(3)) < 1e-6, `weight ${weights[0]}`);
  });

  it('ends where the gradient is zero, with separable data and a penalty', () => {
    const next = uniform(3);
    const width = 5;
    const rows = 200;
    const data = Float32Array.from({ length: rows * width }, () => next() - 0.5);
    const labels = Uint8Array.from({ length: rows }, (_, i) => Number(data[i * width] > 0));
    const l2 = 1e-3;
    const { weights, bias } = fitLogisticRegression({ data, width }, labels, allRows(rows), { l2 });
    for (let c = 0; c < width; c++) {
      let gradient = l2 * weights[c];
      for (let i = 0; i < rows; i++) {
        const odds = weights.reduce((sum, w, at) => sum + w * data[i * width + at], bias);
        gradient += ((sigmoid(odds) - labels[i]) * data[i * width + c]) / rows;
      }
      assert.ok(Math.abs(gradient) < 2e-6, `gradient ${gradient}`);
    }
  });
});

describe('crossValidate', () => {
  it('deals equal folds and judges every row by a classifier that has not seen it', () => {
    const next = uniform(1);
    const rows = 103;
    const data = Float32Array.from({ length: rows * 2 }, () => next() - 0.5);
    const labels = Uint8Array.from({ length: rows }, (_, i) => Number(data[2 * i] + data[2 * i + 1] > 0));
    const features = { data, width: 2 };
    const fitted = crossValidate(features, labels, { folds: 5, l2: 1e-4, seed: 2 });
    const counts = [0, 0, 0, 0, 0];
    for (const fold of fitted.fold) counts[fold]++;
    assert.deepEqual(counts, [21, 21, 21, 20, 20]);
    const correct = heldOutCorrect(fitted, features, labels).reduce((sum, hit) => sum + hit, 0);
    assert.ok(correct > 0.9 * rows, `${correct} of ${rows}`);
  });
});
