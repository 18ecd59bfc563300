// npm run bench:cuda [-- --filter TEXT] [--rounds N]
//
// Times every operation on a GPU against what the same GPU copies and multiplies at most, measured in the same run. Where
// there is no GPU it says so and measures nothing: an emulated device has no time.
import { parseArgs } from 'node:util';
import { info, openDevice } from 'tokensieve';
import { measureCeilings, timeOf } from './measure.js';
import { jobs, realSize } from './shapes.js';

const usage = `Usage: npm run bench:cuda -- [options]
  --filter TEXT   only the operations whose name or shape contains it
  --rounds N      calls timed of each; 50 by default`;

function readOptions(): { filter: string; rounds: number } {
  const { values } = parseArgs({
    options: { filter: { type: 'string', default: '' }, rounds: { type: 'string', default: '50' } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`--rounds must be an integer from 1; got ${values.rounds}`);
  return { filter: values.filter, rounds };
}

const microseconds = (seconds: number): string => (seconds * 1e6).toFixed(1);
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function measure(filter: string, rounds: number): void {
  using device = openDevice('cuda');
  const chosen = jobs(realSize).filter(({ operation, shape }) => `${operation} ${shape}`.includes(filter));
  if (chosen.length === 0) throw new RangeError(`--filter ${filter} leaves no operation`);
  const ceilings = measureCeilings(device, 10);
  console.log(`${info().cuda.devices[0]}, driver ${info().cuda.driver}`);
  console.log(
    `copies ${(ceilings.copy / 1e9).toFixed(0)} GB/s; multiplies ${(ceilings.matrix / 1e12).toFixed(1)} TFLOP/s by mma.sync on float16, ${(ceilings.fma / 1e12).toFixed(1)} by float32 multiply-adds\n`,
  );
  console.log(
    '| operation | shape | median µs | p10 | of copy bandwidth | of peak |\n|---|---|---:|---:|---:|---:|',
  );
  for (const { operation, shape, prepare, flops, bytes, isMatrix } of chosen) {
    const times = timeOf(device, prepare(device), rounds);
    const median = times[Math.floor(times.length / 2)];
    const peak = isMatrix ? ceilings.matrix : ceilings.fma;
    const cells = [
      operation,
      shape,
      microseconds(median),
      microseconds(times[Math.floor(times.length / 10)]),
      percent(bytes / median / ceilings.copy),
      flops === 0 ? '' : percent(flops / median / peak),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

try {
  const { filter, rounds } = readOptions();
  const { available, driver, reason } = info().cuda;
  if (!available) console.log(`skipped: no device (${reason})`);
  else if (driver === 'emulated') console.log('skipped: no device (the driver is emulated, and has no time)');
  else measure(filter, rounds);
} catch (error) {
  console.error(error instanceof RangeError ? `${error.message}\n${usage}` : error);
  process.exitCode = 1;
}
