// Runs every job once on an emulated device: the driver writes what it counted when the process ends.
import { openDevice } from 'tokensieve';
import { dispose, measureCeilings } from './measure.js';
import { emulatedSize, jobs } from './shapes.js';

using device = openDevice('cuda');
measureCeilings(device, 1, { copy: 2 ** 16, matrix: 1, fma: 1 });
for (const { prepare } of jobs(emulatedSize)) {
  dispose(prepare(device)());
  device.synchronizeSync();
}
