// Builds ONNX models in memory, by the message types of npm's onnx-proto.
import { loadPeer } from './packages.js';

type Attribute = number | string | readonly number[];

interface OnnxProto {
  readonly onnx: {
    readonly ModelProto: {
      fromObject(model: object): object;
      encode(model: object): { finish(): Uint8Array };
    };
  };
}

// Of TensorProto.DataType and AttributeProto.AttributeType
const FLOAT = 1;
const INT64 = 7;
const elementTypes = { float32: FLOAT, int64: INT64 } as const;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;

/** A graph as it grows. Every function returns the name of what it made. */
export class OnnxGraph {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  #names = 0;

  input(name: string, dims: readonly number[], type: 'float32' | 'int64' = 'float32'): string {
    this.#inputs.push(described(name, elementTypes[type], dims));
    return name;
  }

  output(value: string, name: string, dims: readonly number[], type: 'float32' | 'int64' = 'float32'): void {
    this.#nodes.push({ opType: 'Identity', input: [value], output: [name], name });
    this.#outputs.push(described(name, elementTypes[type], dims));
  }

  /** A constant: one dimension, or none for a scalar. */
  int64(values: readonly number[]): string {
    const data = new BigInt64Array(values.map(BigInt));
    return this.#initializer(INT64, [values.length], data);
  }

  float32(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#initializer(FLOAT, dims, Float32Array.from(values));
  }

  node(opType: string, input: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.nodes(opType, input, attributes, 1)[0];
  }

  /** A node with several outputs. */
  nodes(
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute>,
    count: number,
  ): string[] {
    const output = Array.from({ length: count }, () => this.#name());
    const attribute = Object.entries(attributes).map(([name, value]) => encodedAttribute(name, value));
    this.#nodes.push({ opType, input, output, attribute, name: output[0] });
    return output;
  }

  encode(): Uint8Array {
    const { ModelProto } = loadPeer<OnnxProto>('onnx-proto').onnx;
    const graph = {
      name: 'job',
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    };
    const model = { irVersion: 8, opsetImport: [{ domain: '', version: 18 }], graph };
    return ModelProto.encode(ModelProto.fromObject(model)).finish();
  }

  #name(): string {
    return `value${++this.#names}`;
  }

  #initializer(dataType: number, dims: readonly number[], data: Float32Array | BigInt64Array): string {
    const name = this.#name();
    const rawData = new Uint8Array(data.buffer);
    this.#initializers.push({ name, dims, dataType, rawData });
    return name;
  }
}

function described(name: string, elemType: number, dims: readonly number[]): object {
  const dim = dims.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

function encodedAttribute(name: string, value: Attribute): object {
  if (typeof value === 'number') return { name, type: ATTRIBUTE_INT, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE_STRING, s: new TextEncoder().encode(value) };
  return { name, type: ATTRIBUTE_INTS, ints: value };
}
