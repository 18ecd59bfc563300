import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tensor } from 'tokensieve';

interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

interface GraphModel {
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly WeightSpec[];
  }[];
}

/** The weights of a TensorFlow.js graph model, asked for by name and shape. */
export interface GraphWeights {
  /** The float32 weight of this name; its dims must hold the same elements in the same order as `dims`. */
  tensor(name: string, dims: readonly number[]): Tensor<'float32'>;
  /** The one number stored under this name. */
  scalar(name: string): number;
}

/**
 * Reads `model.json` and its shards: raw little-endian float32 and int32 values, one weight after the other
 * in the order of the manifest. Nothing of TensorFlow.js is needed.
 */
export function readGraphWeights(directory: string): GraphWeights {
  const model = JSON.parse(readFileSync(path.join(directory, 'model.json'), 'utf8')) as GraphModel;
  const weights = new Map<string, { spec: WeightSpec; data: Float32Array | Int32Array }>();
  for (const group of model.weightsManifest) {
    const bytes = Buffer.concat(group.paths.map((shard) => readFileSync(path.join(directory, shard))));
    let offset = 0;
    for (const spec of group.weights) {
      const length = elementCount(spec.shape);
      if (offset + 4 * length > bytes.length)
        throw new Error(`the shards end within the weight ${spec.name}`);
      weights.set(spec.name, { spec, data: read(spec, bytes, offset, length) });
      offset += 4 * length;
    }
    if (offset !== bytes.length)
      throw new Error(`the shards hold ${bytes.length} bytes, the manifest lists ${offset}`);
  }

  function find(name: string): { spec: WeightSpec; data: Float32Array | Int32Array } {
    const weight = weights.get(name);
    if (weight === undefined) throw new Error(`the model has no weight ${name}`);
    return weight;
  }

  return {
    tensor(name, dims) {
      const { spec, data } = find(name);
      if (!(data instanceof Float32Array))
        throw new Error(`the weight ${name} is ${spec.dtype}, not float32`);
      const without1 = (shape: readonly number[]) => shape.filter((dim) => dim !== 1).join(' x ');
      if (without1(spec.shape) !== without1(dims))
        throw new Error(`the weight ${name} is ${spec.shape.join(' x ')}, not ${dims.join(' x ')}`);
      return { type: 'float32', data, dims };
    },
    scalar(name) {
      const { spec, data } = find(name);
      if (data.length !== 1)
        throw new Error(`the weight ${name} is ${spec.shape.join(' x ')}, not one number`);
      return data[0];
    },
  };
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

function read(spec: WeightSpec, bytes: Buffer, offset: number, length: number): Float32Array | Int32Array {
  const begin = bytes.byteOffset + offset;
  const own = bytes.buffer.slice(begin, begin + 4 * length);
  switch (spec.dtype) {
    case 'float32':
      return new Float32Array(own);
    case 'int32':
      return new Int32Array(own);
    default:
      throw new Error(`the weight ${spec.name} is ${spec.dtype}; float32 and int32 are known`);
  }
}
