// What a call of this package takes in its C function alone.
import { info } from 'tokensieve';

/** Arguments of a call as they cross into the addon: the operation, its numbers, its arrays. */
type Crossing = [operation: number, header: Float64Array, ...arrays: unknown[]];

interface Running {
  run(...crossing: Crossing): unknown;
  /** The seconds of one call of the C function, the mean of so many. */
  timeRun(count: number, ...crossing: Crossing): number | unknown[];
}

const addon = require(info().binary) as Running;

/** Runs the call once to learn what crosses; gives the milliseconds a call that the C function takes with the same. */
export function nativeTimer(call: () => unknown): (count: number) => number {
  const crossings: Crossing[] = [];
  const { run } = addon;
  addon.run = (operation, header, ...arrays) => {
    crossings.push([operation, header.slice(), ...arrays]);
    return run(operation, header, ...arrays);
  };
  try {
    call();
  } finally {
    addon.run = run;
  }
  if (crossings.length !== 1) throw new Error(`the call crosses ${crossings.length} times into the addon`);
  const [crossing] = crossings;
  return (count) => {
    const seconds = addon.timeRun(count, ...crossing);
    if (typeof seconds !== 'number') throw new Error(`the C function failed: ${seconds}`);
    return seconds * 1e3;
  };
}
