// Streams and memory of devices, as everything below the public classes sees them.
import { addon, type NativeFailure } from './addon.js';
import type { Device } from './device.js';
import { TokenSieveError } from './errors.js';
import { toError } from './native-failure.js';

/**
 * A stream of a device: everything on the device's tensors goes through it in order. It must not keep its
 * {@link Device} alive, whose end closes it.
 */
export class DeviceStream {
  /** The device's ordinal. */
  readonly index: number;
  /** The CUstream. */
  readonly pointer: number;
  readonly #memories = new Set<DeviceMemory>();
  #device: WeakRef<Device> | undefined;
  #isOpen = true;

  /** @throws TokenSieveError `ERR_TOKENSIEVE_NO_CUDA`, `ERR_TOKENSIEVE_CUDA`, `ERR_TOKENSIEVE_MEMORY` */
  constructor(index: number) {
    this.index = index;
    this.pointer = made(addon.cudaOpen(index));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whose stream it is: alive as long as any of its tensors. */
  get device(): Device {
    return this.#device?.deref() as Device;
  }
  set device(device: Device) {
    this.#device = new WeakRef(device);
  }

  /** New memory, for what the stream gets from now on; contents are unspecified. */
  allocate(bytes: number, isFloat16Array: boolean): DeviceMemory {
    this.#checkOpen();
    return this.#adopt(made(addon.cudaAllocate(this.index, this.pointer, bytes)), bytes, isFloat16Array);
  }

  /** Memory of somebody else, who goes on to own it. `lender`: the stream on which they work with it. */
  borrow(pointer: number, bytes: number, lender: number | undefined): DeviceMemory {
    this.#checkOpen();
    return this.#adopt(pointer, bytes, false, { lender });
  }

  #adopt(
    pointer: number,
    bytes: number,
    isFloat16Array: boolean,
    loan?: { lender: number | undefined },
  ): DeviceMemory {
    const memory: DeviceMemory = new DeviceMemory(this, pointer, bytes, isFloat16Array, loan, () => {
      this.#memories.delete(memory);
      // A device that refuses has failed, and says so to whoever uses it next.
      if (loan === undefined && this.#isOpen) addon.cudaRelease(this.index, this.pointer, pointer);
    });
    this.#memories.add(memory);
    return memory;
  }

  /** What is enqueued comes after what `lender` has by now, and what that gets from then on after it. */
  between<R>(lenders: Iterable<number>, enqueue: () => R): R {
    for (const lender of lenders) succeeded(addon.cudaFollow(this.index, this.pointer, lender));
    const result = enqueue();
    for (const lender of lenders) succeeded(addon.cudaFollow(this.index, lender, this.pointer));
    return result;
  }

  /** Fills memory from an array, which is free to change then; false when its own memory is gone. */
  upload(memory: DeviceMemory, from: unknown): boolean {
    this.#checkOpen();
    const { index, pointer } = this;
    return this.between(memory.lenders(this), () => {
      const failure = addon.cudaUpload(index, pointer, memory.pointer, memory.bytes, from);
      if (failure === 'detached') return false;
      succeeded(failure);
      return true;
    });
  }

  clear(memory: DeviceMemory): void {
    succeeded(addon.cudaClear(this.index, this.pointer, memory.pointer, memory.bytes));
  }

  /** Waits, on this thread. */
  download(memory: DeviceMemory, to: unknown): void {
    this.between(memory.lenders(this), () =>
      succeeded(addon.cudaDownload(this.index, this.pointer, memory.pointer, to)),
    );
  }

  /** Waits, on this thread, and raises what was found wrong on the device. */
  synchronize(): void {
    this.#checkOpen();
    succeeded(addon.cudaSynchronize(this.index, this.pointer));
  }

  /**
   * Settles when what is on the stream by now has run, or failed; `download`, if there is one, then holds what its
   * memory held at that place in the stream.
   */
  whenDone(download?: { readonly memory: DeviceMemory; readonly to: unknown }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      const done = (failure: NativeFailure | undefined): void =>
        failure === undefined ? resolve() : reject(toError(failure));
      const { index, pointer } = this;
      if (download === undefined) {
        succeeded(addon.cudaWhenDone(index, pointer, done));
      } else {
        const { memory, to } = download;
        this.between(memory.lenders(this), () =>
          succeeded(addon.cudaWhenDone(index, pointer, done, memory.pointer, to)),
        );
      }
    });
  }

  /** Waits for what is on the stream; its memory goes with it. What failed there has nobody left to hear of it. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const memory of this.#memories) memory.end();
    addon.cudaClose(this.index, this.pointer);
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw disposedError('the device');
  }
}

/** Memory on a device, which goes when the last of those who share it let go. */
export class DeviceMemory {
  readonly stream: DeviceStream;
  readonly pointer: number;
  readonly bytes: number;
  /** Whether float16 tensors in it are downloaded as `Float16Array`. */
  readonly isFloat16Array: boolean;
  readonly #loan: { readonly lender: number | undefined } | undefined;
  readonly #release: () => void;
  #shares = 1;

  constructor(
    stream: DeviceStream,
    pointer: number,
    bytes: number,
    isFloat16Array: boolean,
    loan: { readonly lender: number | undefined } | undefined,
    release: () => void,
  ) {
    this.stream = stream;
    this.pointer = pointer;
    this.bytes = bytes;
    this.isFloat16Array = isFloat16Array;
    this.#loan = loan;
    this.#release = release;
  }

  get isAlive(): boolean {
    return this.#shares > 0;
  }

  share(): this {
    this.#shares++;
    return this;
  }

  /** In stream order: what is enqueued by now still finds it. */
  letGo(): void {
    if (this.#shares > 0 && --this.#shares === 0) this.#release();
  }

  /** The stream is gone, and the memory with it. */
  end(): void {
    this.#shares = 0;
  }

  /** The streams besides `stream` on which somebody works with it. */
  lenders(stream: DeviceStream): readonly number[] {
    if (this.#loan !== undefined) return this.#loan.lender === undefined ? [] : [this.#loan.lender];
    return this.stream === stream ? [] : [this.stream.pointer];
  }
}

// Made with the first device tensor, so that programs without any do not look into it.
let memories: WeakMap<object, DeviceMemory> | undefined;

/** Says that a tensor lies in some memory: it then counts as a device tensor, and nothing else does. */
export function setMemory(tensor: object, memory: DeviceMemory): void {
  memories ??= new WeakMap();
  memories.set(tensor, memory);
}

/** Where a value lies that is a device tensor; undefined for anything else. */
export function memoryOf(value: unknown): DeviceMemory | undefined {
  return memories?.get(value as object);
}

/** A tensor lets go of its memory, and is of no use from then on. */
export function retire(tensor: object): void {
  const memory = memoryOf(tensor)!;
  const { stream, bytes, isFloat16Array } = memory;
  const ended = new DeviceMemory(stream, 0, bytes, isFloat16Array, undefined, () => {});
  ended.end();
  setMemory(tensor, ended);
  memory.letGo();
}

export function disposedError(what: string): TokenSieveError {
  return new TokenSieveError('ERR_TOKENSIEVE_DISPOSED', `${what} has been disposed of`);
}

/** Memory that can still be used. */
export function usable(path: string, memory: DeviceMemory): DeviceMemory {
  if (!memory.stream.isOpen || !memory.isAlive) throw disposedError(path);
  return memory;
}

function succeeded(failure: NativeFailure | undefined): void {
  if (failure !== undefined) throw toError(failure);
}

function made(pointer: number | NativeFailure): number {
  if (typeof pointer !== 'number') throw toError(pointer);
  return pointer;
}
