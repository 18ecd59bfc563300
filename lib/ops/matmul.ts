import type {
  AnyOptions,
  AnyTensor,
  DeviceOptions,
  DeviceTensor,
  FloatDeviceTensor,
} from '../device-tensor.js';
import { readOperand } from '../operand.js';
import { type FloatTensor, type FloatType, reshape, type Tensor } from '../tensor.js';
import {
  type CommonOptions,
  floatTypes,
  type Invocation,
  outputFor,
  readArray,
  readBoolean,
  readChoice,
  readOptions,
  readSignal,
  runAsync,
  runSync,
  withDims,
  withRank,
} from './call.js';

/** Options of {@link matmul}. */
export interface MatmulOptions extends CommonOptions {
  /** float32 `[N]`, added to every row. */
  bias?: Tensor<'float32'> | Float32Array;
  /** Applied last: `'gelu'` is x Phi(x) by erf, `'geluTanh'` its tanh form. None by default. */
  activation?: 'gelu' | 'geluTanh' | 'relu' | 'tanh';
  /** b is `[...,N,K]`. Default false. */
  transposeB?: boolean;
  /** A tensor to fill. */
  out?: { output: FloatTensor };
}

const activations = ['none', 'gelu', 'geluTanh', 'relu', 'tanh'];
const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

function prepare(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options: AnyOptions<MatmulOptions>,
): Invocation<AnyTensor<FloatType>> {
  const left = readOperand('a', a, floatTypes);
  const right = readOperand('b', b, floatTypes);
  const transposed = readBoolean('options.transposeB', options.transposeB, false);
  const activation =
    options.activation === undefined
      ? 0
      : readChoice('options.activation', options.activation, activations.slice(1), 'gelu') + 1;
  const two = withRank('a', left, Math.max(2, left.dims.length));
  const leading = two.dims.slice(0, -2);
  const [rows = 0, depth = 0] = two.dims.slice(-2);
  const matrices = withRank('b', right, Math.max(2, right.dims.length));
  const columns = matrices.dims.at(transposed ? -2 : -1) ?? 0;
  const out = outputFor(options.out, 'output', left.type, [...left.dims.slice(0, -1), columns], left.data);
  return {
    operation: 'matmul',
    inputs: [
      reshape(left, [product(leading), rows, depth]),
      reshape(right, [product(matrices.dims.slice(0, -2)), ...matrices.dims.slice(-2)]),
      readArray('options.bias', options.bias, ['float32']),
    ],
    outputs: [withDims(out, [product(leading), rows, columns])],
    numbers: [activation, transposed ? 1 : 0],
    result: () => out.shown,
  };
}

/** {@link matmul} of tensors on a device, where the result stays. */
export function matmul<T extends FloatType>(
  a: DeviceTensor<T>,
  b: FloatDeviceTensor,
  options?: DeviceOptions<MatmulOptions>,
): Promise<DeviceTensor<T>>;
/**
 * `activation(a b + bias)`, accumulated in float32.
 *
 * @param a `[...,M,K]`, float32, float16 or bfloat16
 * @param b `[K,N]`, or `[...,K,N]` with the leading dims of a; any float type
 * @returns `[...,M,N]`, a's type
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_OVERLAP`
 */
export function matmul<T extends FloatType>(
  a: Tensor<T>,
  b: FloatTensor,
  options?: MatmulOptions,
): Promise<Tensor<T>>;
export async function matmul(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options?: AnyOptions<MatmulOptions>,
): Promise<AnyTensor<FloatType>> {
  const given = readOptions(options);
  return runAsync(prepare(a, b, given), readSignal(given));
}

/** {@link matmulSync} of tensors on a device, where the result stays: checks and enqueues. */
export function matmulSync<T extends FloatType>(
  a: DeviceTensor<T>,
  b: FloatDeviceTensor,
  options?: DeviceOptions<MatmulOptions>,
): DeviceTensor<T>;
/** {@link matmul}, at once on the calling thread. */
export function matmulSync<T extends FloatType>(
  a: Tensor<T>,
  b: FloatTensor,
  options?: MatmulOptions,
): Tensor<T>;
export function matmulSync(
  a: AnyTensor<FloatType>,
  b: AnyTensor<FloatType>,
  options?: AnyOptions<MatmulOptions>,
): AnyTensor<FloatType> {
  return runSync(prepare(a, b, readOptions(options)));
}
