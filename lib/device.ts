import { DeviceStream, disposedError, memoryOf, usable } from './device-memory.js';
import { DeviceTensor } from './device-tensor.js';
import { rangeError, typeError } from './errors.js';
import {
  type DataType,
  elementBytes,
  elementCount,
  goneError,
  hasFloat16Array,
  readNewDims,
  readTensor,
  type Tensor,
} from './tensor.js';

/** Options of {@link openDevice}. */
export interface OpenDeviceOptions {
  /** Which of the machine's devices, as CUDA numbers them; the first by default. */
  readonly index?: number;
}

/** Memory of somebody else's that {@link Device.wrap} makes a tensor of. */
export interface ForeignTensor<T extends DataType = DataType> {
  /** The address on the device, at a multiple of the element's size; it must stay good as long as the tensor is used. */
  readonly pointer: bigint | number;
  readonly type: T;
  readonly dims: readonly number[];
  /**
   * The CUstream on which its owner works with it: work here comes after what that has by then, and what that gets later
   * comes after the work here. Without it the memory must be ready, and its owner waits before using results.
   */
  readonly stream?: bigint | number | undefined;
}

const types: readonly DataType[] = ['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8'];

/** Forgotten devices end once all their tensors are forgotten too. */
const forgotten = new FinalizationRegistry<DeviceStream>((stream) => stream.close());

/**
 * A GPU as one thread uses it: a stream of its own, and tensors there. Operations on its tensors run on it, in the order
 * in which they are called: `opSync` checks its arguments, enqueues the work and returns, `op` resolves when the work is
 * done. What the device alone can find wrong, such as an index out of range in a tensor that lies there, is raised by
 * whatever waits next: a promise of `op`, a download, {@link synchronize}.
 *
 * Each worker opens its own; neither a device nor its tensors transfer.
 */
export class Device {
  readonly type = 'cuda';
  /** Which of the machine's devices it is. */
  readonly index: number;
  readonly #stream: DeviceStream;

  /** @internal */
  constructor(index: number) {
    this.index = index;
    this.#stream = new DeviceStream(index);
    this.#stream.device = this;
    forgotten.register(this, this.#stream, this);
  }

  /**
   * The CUstream that all work here goes to, for other libraries to be ordered by.
   *
   * @throws TokenSieveError `ERR_TOKENSIEVE_DISPOSED`
   */
  get stream(): bigint {
    return BigInt(this.#open().pointer);
  }

  /**
   * A copy of a tensor on the device. The tensor is free to change when this returns; it may lie in a SharedArrayBuffer.
   *
   * @param options.out a tensor on this device, of the same type and dims, to copy into
   * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`, `ERR_TOKENSIEVE_DEVICE`; TokenSieveError
   *   `ERR_TOKENSIEVE_MEMORY`, `ERR_TOKENSIEVE_CUDA`, `ERR_TOKENSIEVE_DISPOSED`
   */
  upload<T extends DataType>(
    tensor: Tensor<T>,
    options: { readonly out?: DeviceTensor<T> } = {},
  ): DeviceTensor<T> {
    const stream = this.#open();
    const read = readTensor('tensor', tensor, types) as Tensor<T>;
    if (typeof options !== 'object' || options === null) throw typeError('options', 'an object', options);
    const { out } = options;
    const room =
      out === undefined ? this.#allocate(read, hasFloat16Array(read.data)) : this.#readOut(out, read);
    const memory = usable('options.out', memoryOf(room)!);
    try {
      if (!stream.upload(memory, read.data)) throw goneError('tensor', undefined);
    } catch (error) {
      if (room !== out) room.dispose();
      throw error;
    }
    return room;
  }

  /**
   * A new tensor of zeros on the device.
   *
   * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_SHAPE`; TokenSieveError `ERR_TOKENSIEVE_MEMORY`,
   *   `ERR_TOKENSIEVE_CUDA`, `ERR_TOKENSIEVE_DISPOSED`
   */
  empty<T extends DataType>(type: T, dims: readonly number[]): DeviceTensor<T> {
    const stream = this.#open();
    const tensor = this.#allocate({ type, dims: readNewDims(type, dims) }, false);
    stream.clear(memoryOf(tensor)!);
    return tensor;
  }

  /**
   * Memory that somebody else has on this device as a tensor, without a copy. Its owner goes on to own it: disposing of
   * the tensor leaves it as it is.
   *
   * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`, `ERR_TOKENSIEVE_SHAPE`; TokenSieveError
   *   `ERR_TOKENSIEVE_DISPOSED`
   */
  wrap<T extends DataType>(foreign: ForeignTensor<T>): DeviceTensor<T> {
    const device = this.#open();
    if (typeof foreign !== 'object' || foreign === null)
      throw typeError('foreign', '{ pointer, type, dims, stream }', foreign);
    const { type, dims, pointer, stream } = foreign;
    const shape = readNewDims(type, dims, 'foreign.');
    const bytes = elementCount(shape) * elementBytes(type);
    const at = readAddress('foreign.pointer', pointer);
    if (at % elementBytes(type) !== 0 || (at === 0 && bytes > 0))
      throw rangeError('foreign.pointer', `an address at a multiple of ${elementBytes(type)}`, pointer);
    const lender = stream === undefined ? undefined : readAddress('foreign.stream', stream);
    return new DeviceTensor(device.borrow(at, bytes, lender), type, shape);
  }

  /**
   * Resolves when all that is enqueued by now has run.
   *
   * @throws the error of any work that the device found wrong; TokenSieveError `ERR_TOKENSIEVE_CUDA`,
   *   `ERR_TOKENSIEVE_DISPOSED`
   */
  async synchronize(): Promise<void> {
    await this.#open().whenDone();
  }

  /** {@link synchronize}, at once: waits on the calling thread. */
  synchronizeSync(): void {
    this.#open().synchronize();
  }

  /** Waits for the work enqueued, and disposes of the tensors on the device and of itself. A second time does nothing. */
  dispose(): void {
    forgotten.unregister(this);
    this.#stream.close();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #open(): DeviceStream {
    if (!this.#stream.isOpen) throw disposedError('the device');
    return this.#stream;
  }

  #allocate<T extends DataType>(
    { type, dims }: { readonly type: T; readonly dims: readonly number[] },
    isFloat16Array: boolean,
  ): DeviceTensor<T> {
    const memory = this.#open().allocate(elementCount(dims) * elementBytes(type), isFloat16Array);
    return new DeviceTensor(memory, type, dims);
  }

  #readOut<T extends DataType>(out: unknown, { type, dims }: Tensor<T>): DeviceTensor<T> {
    const memory = memoryOf(out);
    if (memory === undefined) throw typeError('options.out', 'a tensor on the device', out);
    const tensor = out as DeviceTensor<T>;
    if (usable('options.out', memory).stream !== this.#stream)
      throw rangeError('options.out', 'a tensor of this device', out, 'ERR_TOKENSIEVE_DEVICE');
    if (tensor.type !== type) throw typeError('options.out.type', `'${type}'`, tensor.type);
    if (tensor.dims.length !== dims.length || dims.some((dim, i) => dim !== tensor.dims[i]))
      throw rangeError('options.out.dims', `[${dims.join(', ')}]`, tensor.dims, 'ERR_TOKENSIEVE_SHAPE');
    return tensor;
  }
}

/** An address or a handle, which fits into a number. */
function readAddress(path: string, value: unknown): number {
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw typeError(path, 'a bigint or a number', value);
  const address = Number(value);
  if (!Number.isSafeInteger(address) || address < 0)
    throw rangeError(path, 'an address from 0 to 2^53 - 1', value);
  return address;
}

/**
 * Opens a GPU for this thread.
 *
 * @param type `'cuda'`
 * @throws TypeError `ERR_TOKENSIEVE_TYPE`, RangeError `ERR_TOKENSIEVE_RANGE`; TokenSieveError `ERR_TOKENSIEVE_NO_CUDA`
 *   with the reason where there is none that can be used
 */
export function openDevice(type: 'cuda', options: OpenDeviceOptions = {}): Device {
  if (type !== 'cuda') throw typeError('type', "'cuda'", type);
  if (typeof options !== 'object' || options === null) throw typeError('options', 'an object', options);
  const { index = 0 } = options;
  if (typeof index !== 'number') throw typeError('options.index', 'an integer', index);
  if (!Number.isInteger(index) || index < 0 || index > maxIndex)
    throw rangeError('options.index', 'an integer from 0', index);
  return new Device(index + 0);
}

const maxIndex = 2 ** 31 - 2;
