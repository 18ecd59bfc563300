// The device that tests run on: TOKENSIEVE_TEST_DEVICE=cuda has the operations of ./operations.js run there.
import { type Device, info, openDevice } from 'tokensieve';
import { isOnDevice } from './device-under-test.js';

export { isOnDevice } from './device-under-test.js';

/** Where operations run, for the names of suites. */
export const place = isOnDevice ? 'CUDA' : info().isa;

let device: Device | undefined;

/** The one device of a test process. */
export function testDevice(): Device {
  device ??= openDevice('cuda');
  return device;
}

/** The longest dim of tests on a device, whose emulator takes a microsecond for what a GPU does in a picosecond. */
const longest = 160;

/** Sizes to test: on a device those that are not too long for its emulator. */
export function capped(sizes: readonly number[]): number[] {
  return isOnDevice ? sizes.filter((size) => size <= longest) : [...sizes];
}

/** One size: on a device no longer than its emulator can take. */
export function atMost(size: number): number {
  return isOnDevice ? Math.min(size, longest) : size;
}

/** How often to run a property: fewer times on a device. */
export function runs(count: number): number {
  return isOnDevice ? Math.min(count, 12) : count;
}
