import { loadBinary } from './binary.js';
import { applyEnvironment } from './environment.js';

/** What went wrong in a native call: status, argument path, what was expected, what was found. */
export type NativeFailure = [status: number, path: string, expected: string, got: string];

/** What there is of CUDA. `native/node/device_work.cc` has the functions for it. */
export interface CudaDescription {
  readonly available: boolean;
  readonly emulated: boolean;
  /** As CUDA counts, such as 13000; 0 without a driver. */
  readonly driver: number;
  readonly devices: readonly { readonly name: string; readonly architecture: number }[];
  readonly reason: string;
}

/** The functions of the binary. Calls cross as numbers and arrays; `native/node/arguments.h` has the layout. */
export interface Addon {
  run(operation: number, header: Float64Array, ...arrays: unknown[]): NativeFailure | undefined;
  check(operation: number, header: Float64Array, ...arrays: unknown[]): NativeFailure | undefined;
  start(
    operation: number,
    header: Float64Array,
    copiedOutputs: number,
    done: (failure: NativeFailure | 'detached' | undefined) => void,
    ...arrays: unknown[]
  ): number;
  cancel(call: number): void;
  isa(): string;
  setIsa(isa: string): boolean;
  readonly supportedIsas: readonly string[];
  threads(): number;
  setThreads(count: number): boolean;
  cpu(): string;
  packedKeysBytes(batch: number, keyHeads: number, keys: number, depth: number): number;
  nativeApi(): object;
  cudaDescribe(): CudaDescription;
  cudaOpen(device: number): number | NativeFailure;
  cudaClose(device: number, stream: number): NativeFailure | undefined;
  cudaAllocate(device: number, stream: number, bytes: number): number | NativeFailure;
  cudaRelease(device: number, stream: number, pointer: number): NativeFailure | undefined;
  cudaUpload(
    device: number,
    stream: number,
    pointer: number,
    bytes: number,
    from: unknown,
  ): NativeFailure | 'detached' | undefined;
  cudaDownload(device: number, stream: number, pointer: number, to: unknown): NativeFailure | undefined;
  cudaClear(device: number, stream: number, pointer: number, bytes: number): NativeFailure | undefined;
  cudaFollow(device: number, stream: number, other: number): NativeFailure | undefined;
  cudaSynchronize(device: number, stream: number): NativeFailure | undefined;
  cudaWhenDone(
    device: number,
    stream: number,
    done: (failure: NativeFailure | undefined) => void,
    ...download: [] | [pointer: number, to: unknown]
  ): NativeFailure | undefined;
  /** Whether this thread is the first of the process that loads the binary: settings are the process's. */
  readonly firstInProcess: boolean;
  readonly version: string;
  readonly abiVersion: number;
  readonly operations: readonly string[];
}

const loaded = loadBinary();

/** The path of the binary in use. */
export const binary: string = loaded.path;

/** The binary in use. */
export const addon: Addon = loaded.exports as Addon;

if (addon.firstInProcess) applyEnvironment(addon);
