import type { Evaluation, Result } from './evaluate.js';
import type { Latency } from './latency.js';
import { unreduced } from './methods.js';
import { formatDifference } from './table.js';

/** What the accuracies say, in sentences made of this run's figures. */
export function describeAccuracy({ results }: Evaluation): string[] {
  return keepsOf(results).map((keep) => {
    const atKeep = results.filter((result) => result.keep === keep && result.difference);
    const useful = atKeep.filter(({ method }) => !method.control);
    const controls = atKeep.filter(({ method }) => method.control);
    const best = useful.reduce((most, result) => (result.accuracy > most.accuracy ? result : most));
    const chance = Math.max(...controls.map(({ accuracy }) => accuracy));
    const noBetter = useful.filter(({ accuracy }) => accuracy <= chance).map(({ method }) => method.name);
    return (
      `Keep ${keep}: ${best.method.name} comes closest to unreduced, ${points(best)} points; the controls: ` +
      `${controls.map((control) => `${control.method.name} ${points(control)}`).join(', ')}. ` +
      (noBetter.length > 0 ? `No better than a control: ${noBetter.join(', ')}.` : 'Every method beats both.')
    );
  });
}

/** Whether a speed against the unreduced model is a gain: less than 5 % drowns in the noise of the clock. */
export function pays(speedup: number): boolean {
  return speedup >= 1.05;
}

/** Where reduction saves time, where it does not, and what of the time it takes itself. */
export function describeTime({ results }: Evaluation): string[] {
  const reduced = results.filter(({ method }) => method !== unreduced && !method.control);
  const useless = reduced.filter(({ speedup }) => !pays(speedup));
  const shares = [...reduced].sort((a, b) => a.reducingShare - b.reducingShare);
  const [least, most] = [shares[0], shares[shares.length - 1]];
  const share = ({ method, keep, reducingShare }: Result) =>
    `${(100 * reducingShare).toFixed(1)} % of the time (${method.name}, keep ${keep})`;
  return [
    ...keepsOf(results).map((keep) => {
      const speeds = reduced.filter((result) => result.keep === keep).map(({ speedup }) => speedup);
      const flops = reduced.filter((result) => result.keep === keep).map((result) => result.flops);
      const saved = results[0].flops / Math.max(...flops);
      return `Keep ${keep}: ${times(Math.min(...speeds))} to ${times(Math.max(...speeds))} as fast as unreduced, where FLOPs alone would allow ${times(saved)} or more.`;
    }),
    useless.length === 0
      ? 'Every method pays for itself here.'
      : `It does not pay for ${useless.map(({ method, keep }) => `${method.name} at keep ${keep}`).join(', ')}.`,
    `Reducing takes from ${share(least)} to ${share(most)}.`,
  ];
}

/** From which length on each method makes a single text faster. */
export function describeLatency(latencies: readonly Latency[]): string[] {
  const methods = [...new Set(latencies.map(({ method }) => method))].filter(
    (method) => method !== unreduced,
  );
  return methods.map((method) => {
    const ofMethod = latencies.filter((latency) => latency.method === method);
    const lastLoss = ofMethod.findLastIndex(({ speedup }) => !pays(speedup));
    if (lastLoss === ofMethod.length - 1) return `${method.name} does not pay at any of these lengths.`;
    const { tokens, speedup } = ofMethod[lastLoss + 1];
    const losses = ofMethod.filter((latency) => !pays(latency.speedup)).map((latency) => latency.tokens);
    const before = losses.length > 0 ? `; it does not pay at ${losses.join(', ')}` : ', the shortest tried';
    return `${method.name} pays from ${tokens} tokens on (${times(speedup)})${before}.`;
  });
}

const times = (factor: number) => `${factor.toFixed(2)}x`;

function points({ difference }: Result): string {
  if (difference === undefined) throw new Error('the unreduced model is not compared with itself');
  return formatDifference(difference);
}

function keepsOf(results: readonly Result[]): number[] {
  return [...new Set(results.filter(({ method }) => method !== unreduced).map(({ keep }) => keep))];
}
