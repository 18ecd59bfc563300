import type { Device } from './device.js';
import { type DeviceMemory, memoryOf, retire, setMemory, usable } from './device-memory.js';
import { TokenSieveError } from './errors.js';
import { type DataType, type FloatType, type Tensor, zeros } from './tensor.js';
import type { TokenMap } from './token-map.js';

/** Forgotten tensors let go of their memory, on the thread whose device it is. */
const forgotten = new FinalizationRegistry<DeviceMemory>((memory) => memory.letGo());

/**
 * A tensor on a device: dense, row-major, as a {@link Tensor} is on the host. Operations take it in a tensor's place
 * and leave their results on the device. A {@link Device} makes it; it does not transfer to other threads, where a clone
 * of it is nothing.
 */
export class DeviceTensor<T extends DataType = DataType> implements Disposable {
  readonly type: T;
  readonly dims: readonly number[];
  readonly location = 'cuda';
  readonly #device: Device;
  #isDisposed = false;

  /** @internal */
  constructor(memory: DeviceMemory, type: T, dims: readonly number[]) {
    this.type = type;
    this.dims = Object.freeze([...dims]);
    this.#device = memory.stream.device;
    setMemory(this, memory);
    forgotten.register(this, memory, this);
  }

  /** Where it lies. */
  get device(): Device {
    return this.#device;
  }

  /**
   * The address on the device, for other libraries.
   *
   * @throws TokenSieveError `ERR_TOKENSIEVE_DISPOSED`
   */
  get pointer(): bigint {
    return BigInt(this.#memory().pointer);
  }

  /**
   * What a tensor on the host has; here it throws.
   *
   * @throws TokenSieveError `ERR_TOKENSIEVE_ON_DEVICE`
   */
  protected get data(): never {
    throw new TokenSieveError('ERR_TOKENSIEVE_ON_DEVICE', 'data lies on the device: await download() first');
  }

  /**
   * A copy on the host of what the tensor holds when all that is enqueued by now has run, whatever is enqueued after.
   *
   * @throws TokenSieveError `ERR_TOKENSIEVE_DISPOSED`, `ERR_TOKENSIEVE_CUDA`, `ERR_TOKENSIEVE_MEMORY`; besides, the error
   *   of any work before it that the device found wrong
   */
  async download(): Promise<Tensor<T>> {
    const memory = this.#memory();
    const tensor = zeros(this.type, this.dims, memory);
    await memory.stream.whenDone({ memory, to: tensor.data });
    return tensor;
  }

  /** {@link download}, at once: waits on the calling thread. */
  downloadSync(): Tensor<T> {
    const memory = this.#memory();
    const tensor = zeros(this.type, this.dims, memory);
    memory.stream.download(memory, tensor.data);
    return tensor;
  }

  /** Releases the memory once what is enqueued by now has run. A second time does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    forgotten.unregister(this);
    retire(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #memory(): DeviceMemory {
    return usable('the tensor', memoryOf(this)!);
  }
}

/** A tensor on a device, of any float type. */
export type FloatDeviceTensor = DeviceTensor<FloatType>;

/** A tensor in either place. */
export type AnyTensor<T extends DataType = DataType> = Tensor<T> | DeviceTensor<T>;

/** The result of an operation on tensors in either place. */
export type AnyResult<R> = R | OnDevice<R>;

/** Options of an operation on tensors in either place. */
export type AnyOptions<O> = O | DeviceOptions<O>;

/**
 * The result of an operation on device tensors: what holds tensors on the host holds device tensors. Lengths and offsets
 * stay on the device where it alone knows them.
 */
export type OnDevice<R> = R extends TokenMap
  ? R
  : R extends Tensor<infer T>
    ? DeviceTensor<T>
    : R extends Int32Array
      ? DeviceTensor<'int32'> | Int32Array
      : R extends object
        ? { [K in keyof R]: OnDevice<R[K]> }
        : R;

/** The same, or a device tensor in place of a tensor or an array on the host. */
export type InEitherPlace<V> =
  | V
  | (V extends Tensor<infer T>
      ? DeviceTensor<T>
      : V extends Float32Array
        ? DeviceTensor<'float32'>
        : V extends Int32Array
          ? DeviceTensor<'int32'>
          : V extends BigInt64Array
            ? DeviceTensor<'int64'>
            : V extends Uint8Array
              ? DeviceTensor<'uint8'>
              : never);

/**
 * Options of a call on device tensors: those to fill lie on the device; masks, lengths and other small arguments lie
 * there or on the host.
 */
export type DeviceOptions<O> = { [K in keyof O]: K extends 'out' ? OnDevice<O[K]> : InEitherPlace<O[K]> };
