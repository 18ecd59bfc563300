import { typeError } from '../errors.js';
import { rowOf } from '../features.js';
import { toFloat32 } from '../float-numbers.js';
import { freeTokens } from '../grid.js';
import type { ReadLinear, ReadPredictor } from '../linear-layer.js';
import { type Steps, step } from '../steps.js';
import { raggedOf } from '../strategies/nearest.js';
import { type FloatTensor, type Tensor, viewArray } from '../tensor.js';
import { adoptTokenMap } from '../token-map.js';
import type { Criterion } from './criterion.js';

/**
 * DynamicViT's predictor (Rao et al. 2021, arXiv 2106.02034): the log-probability that a token is kept, by a multilayer
 * perceptron on what the token is itself and what all free tokens are on average. Reads `predictor`, its weights. What
 * lies between its layers has the type of `hidden`. Kept tokens are not averaged; dropped ones have no part.
 */
export function localGlobalPredictor(): Criterion {
  return function* (tokens) {
    const { batch, length, hidden, predictor } = tokens;
    if (predictor === undefined)
      throw typeError('inputs.predictor', 'an object, which localGlobalPredictor reads', predictor);
    const scores = new Float32Array(batch * length);
    const free = Array.from({ length: batch }, (_, row) => freeTokens(tokens, row));
    if (free.some((own) => own.length > 0)) {
      const x = yield* step.layerNorm(hidden, predictor.norm);
      const [local, global] = halves(predictor.input);
      const own = yield* project(x, local);
      const shared = yield* sharedPart(yield* averaged(yield* project(x, global), free), predictor);
      for (let row = 0; row < batch; row++)
        if (free[row].length > 0)
          scores.set(
            yield* keptProbability(rowOf(own, row), rowOfShared(shared, row), predictor),
            row * length,
          );
    }
    return { type: 'float32', data: scores, dims: [batch, length] };
  };
}

/** The layer's first and second half of outputs, without a copy. */
function halves({ weight, bias }: ReadLinear): readonly [ReadLinear, ReadLinear] {
  const [outputs, inputs] = weight.dims;
  const half = (from: number): ReadLinear => {
    const to = from + outputs / 2;
    return {
      weight: {
        ...weight,
        data: viewArray('weight', weight.data, from * inputs, to * inputs),
        dims: [outputs / 2, inputs],
      },
      bias: bias && { ...bias, data: bias.data.subarray(from, to), dims: [outputs / 2] },
    };
  };
  return [half(0), half(outputs / 2)];
}

/** `[B,N,C]` through a linear layer and GELU. */
function* project(x: FloatTensor, { weight, bias }: ReadLinear): Steps<FloatTensor> {
  const [batch, length, channels] = x.dims;
  const flat = { ...x, dims: [batch * length, channels] };
  const y = yield* step.matmul(flat, weight, { ...(bias && { bias }), activation: 'gelu', transposeB: true });
  return { ...y, dims: [batch, length, weight.dims[0]] };
}

/** `[B,1,D/2]`: the mean of the free tokens of each row; 0 where there are none. */
function* averaged(x: FloatTensor, free: readonly Int32Array[]): Steps<FloatTensor> {
  const [batch, length] = x.dims;
  const { indices, offsets } = raggedOf(free);
  const assignment = new Int32Array(batch * length).fill(-1);
  free.forEach((tokens, row) => {
    for (const i of tokens) assignment[row * length + i] = 0;
  });
  const map = adoptTokenMap({
    rowDims: [batch],
    inputLength: length,
    outputLengths: Int32Array.from(free, (tokens) => Math.min(1, tokens.length)),
    offsets: Int32Array.from(new Set(offsets)),
    members: indices.data,
    weights: undefined,
    assignment,
    isPartition: true,
  });
  return (yield* step.mergeTokens(x, map, {})).tokens;
}

/** What the first output layer makes of the mean, its bias added: float32 `[B,H]`. */
function* sharedPart(mean: FloatTensor, { output: [first] }: ReadPredictor): Steps<Tensor<'float32'>> {
  const [batch, , half] = mean.dims;
  const weight = yield* step.gatherChannels(first.weight, range(half, 2 * half), {});
  const y = yield* step.matmul({ ...mean, dims: [batch, half] }, weight, {
    ...(first.bias && { bias: first.bias }),
    transposeB: true,
  });
  return { type: 'float32', data: toFloat32(y), dims: y.dims };
}

const rowOfShared = ({ data, dims: [, width] }: Tensor<'float32'>, row: number): Tensor<'float32'> => ({
  type: 'float32',
  data: data.subarray(row * width, (row + 1) * width),
  dims: [width],
});

/** `[N]`: the logarithm of the first of the two probabilities that the output layers give for the tokens of a row. */
function* keptProbability(
  local: FloatTensor,
  shared: Tensor<'float32'>,
  { output: [first, ...others] }: ReadPredictor,
): Steps<Float32Array> {
  const [, length, half] = local.dims;
  const weight = yield* step.gatherChannels(first.weight, range(0, half), {});
  const layers: readonly ReadLinear[] = [{ weight, bias: shared }, ...others];
  let x: FloatTensor = { ...local, dims: [length, half] };
  for (const [i, layer] of layers.entries())
    x = yield* step.matmul(x, layer.weight, {
      ...(layer.bias && { bias: layer.bias }),
      ...(i + 1 < layers.length && { activation: 'gelu' as const }),
      transposeB: true,
    });
  const logits = toFloat32(x);
  return Float32Array.from({ length }, (_, i) => {
    const over = logits[2 * i + 1] - logits[2 * i];
    return -(Math.max(over, 0) + Math.log1p(Math.exp(-Math.abs(over))));
  });
}

const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
