// Which device a test process has. Apart from ./device.js, which asks the library and so has it load a driver.
import { info } from 'tokensieve';
import { whyNoDouble } from './cuda-double.js';

/** Whether operations run on a device in this process. */
export const isOnDevice = process.env.TOKENSIEVE_TEST_DEVICE === 'cuda';

/** Why a test that needs a device cannot run; false where it can: on the device under test, or on the double of one. */
export function whyNoDevice(): string | false {
  if (!isOnDevice) return whyNoDouble();
  return info().cuda.available ? false : info().cuda.reason;
}
