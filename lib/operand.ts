// What operations take: a tensor on the host or on a device, as read.
import { type DeviceMemory, memoryOf, usable } from './device-memory.js';
import { type AnyTensor, DeviceTensor } from './device-tensor.js';
import { typeError } from './errors.js';
import {
  type DataType,
  type DataTypeMap,
  elementBytes,
  elementCount,
  type FloatType,
  onDeviceError,
  readTensor,
  type Tensor,
} from './tensor.js';

/** A tensor as read, whose data is an array of the host's or memory on a device. */
export interface Operand<T extends DataType = DataType> {
  readonly type: T;
  readonly data: DataTypeMap[T] | DeviceMemory;
  readonly dims: readonly number[];
}

/** An operand of any float type. */
export type FloatOperand = Operand<FloatType>;

/** As {@link readTensor}, for what may lie on a device. */
export function readOperand<T extends DataType>(
  path: string,
  value: unknown,
  types: readonly T[],
): Operand<T> {
  const memory = memoryOf(value);
  return memory === undefined
    ? readTensor(path, value, types)
    : readDeviceTensor(path, value as DeviceTensor, memory, types);
}

/** Whether an operand lies on the host. */
export function isHost<T extends DataType>(operand: Operand<T>): operand is Tensor<T> {
  return ArrayBuffer.isView(operand.data);
}

/** An operand that only the host can use. */
export function onHost<T extends DataType>(path: string, operand: Operand<T>): Tensor<T> {
  if (isHost(operand)) return operand;
  throw onDeviceError(path);
}

/** What this library made itself, which needs no reading. */
export function operandOf<T extends DataType>(tensor: AnyTensor<T>): Operand<T> {
  const memory = memoryOf(tensor);
  return memory === undefined
    ? (tensor as Tensor<T>)
    : { type: tensor.type, data: memory, dims: tensor.dims };
}

function readDeviceTensor<T extends DataType>(
  path: string,
  { type, dims }: DeviceTensor,
  memory: DeviceMemory,
  types: readonly T[],
): Operand<T> {
  if (!types.includes(type as T))
    throw typeError(`${path}.type`, types.map((t) => `'${t}'`).join(' or '), type);
  return { type: type as T, data: usable(path, memory), dims };
}

/** A tensor of memory that another has too, and which stays as long as either does. */
export function sharedTensor<T extends DataType>({ type, data, dims }: Operand<T>): DeviceTensor<T> {
  return new DeviceTensor((data as DeviceMemory).share(), type, dims);
}

/** A new tensor on the device of `memory`; contents are unspecified. */
export function newDeviceTensor<T extends DataType>(
  type: T,
  dims: readonly number[],
  { stream, isFloat16Array }: DeviceMemory,
): DeviceTensor<T> {
  const memory = stream.allocate(
    elementCount(dims) * elementBytes(type),
    type === 'float16' && isFloat16Array,
  );
  return new DeviceTensor(memory, type, dims);
}
