import assert from 'node:assert/strict';
import { it } from 'node:test';
import { layerNorm } from '../../experiments/runner/layer-norm.js';

const tensor = (data: Float32Array, dims: number[]) => ({ type: 'float32' as const, data, dims });

it('layerNorm centres and scales every row', () => {
  const x = tensor(Float32Array.of(1, 2, 3, 4, 1000, 1002, 1004, 1006), [1, 2, 4]);
  const scale = tensor(Float32Array.of(1, 2, 1, 1), [4]);
  const bias = tensor(Float32Array.of(0, 0, 0, 10), [4]);
  const y = layerNorm(x, { scale, bias, epsilon: 0 });
  const unit = Math.sqrt(1.25);
  const expected = [-1.5 / unit, (2 * -0.5) / unit, 0.5 / unit, 1.5 / unit + 10];
  assert.deepEqual(y.dims, [1, 2, 4]);
  y.data.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i % 4]) < 1e-6, `element ${i}: ${value}`);
  });
});

it('layerNorm of a constant row is its bias', () => {
  const x = tensor(new Float32Array(3).fill(7), [3]);
  const bias = tensor(Float32Array.of(1, 2, 3), [3]);
  const y = layerNorm(x, { scale: tensor(new Float32Array(3).fill(5), [3]), bias, epsilon: 1e-6 });
  assert.deepEqual([...y.data], [1, 2, 3]);
});
