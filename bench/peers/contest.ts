// One job, this package against its peers: results compared first, then timed in turns in one process.
import { setNumThreads } from 'tokensieve';
import { inputCount } from '../case.js';
import { type Ceilings, ceilingsOf, workOf } from '../ceilings.js';
import { type ComparedTiming, type Contender, type Timing, takeTurns } from '../turns.js';
import { difference } from './agreement.js';
import { makeInputs } from './inputs.js';
import type { Entry } from './jobs.js';
import { type Inputs, type Outputs, type Peer, type Prepared, timedCall } from './peer.js';
import { prepareOurs } from './tokensieve.js';

const mostBytes = 2e9;
const mostMilliseconds = 10_000;

export interface PeerResult {
  readonly name: string;
  readonly timing?: ComparedTiming;
  /** Why it was not timed. */
  readonly stopped?: string;
}

export interface ContestResult {
  readonly entry: Entry;
  readonly threads: number;
  readonly ours: Timing;
  readonly ceilings: Ceilings;
  readonly peers: readonly PeerResult[];
}

/** Nanoseconds a unit of work, of the jobs of a kind that a peer has done: what a larger one will take. */
export class Pace {
  readonly #slowest = new Map<string, number>();

  record(peer: Peer, entry: Entry, milliseconds: number): void {
    this.#slowest.set(`${peer.name} ${entry.job.kind}`, milliseconds / units(entry));
  }

  predict(peer: Peer, entry: Entry): number {
    return (this.#slowest.get(`${peer.name} ${entry.job.kind}`) ?? 0) * units(entry);
  }
}

function units({ passes }: Entry): number {
  const { flops, read } = workOf(passes);
  return Math.max(flops, read);
}

export async function contest(
  entry: Entry,
  threads: number,
  peers: readonly Peer[],
  pace: Pace,
): Promise<ContestResult> {
  setNumThreads(threads);
  const work = workOf(entry.passes);
  const inputs = Array.from({ length: inputCount(work.read) }, (_, i) => makeInputs(entry.job, i + 1));
  const ours = timedCall(prepareOurs(entry.job, inputs));
  const expected = copied(await ours.outputs(0));

  const able: { name: string; prepared: Prepared }[] = [];
  const results = new Map<string, PeerResult>();
  for (const peer of peers) {
    const met = await meet(peer, entry, inputs, threads, expected, pace);
    if ('prepared' in met) able.push(met);
    else results.set(peer.name, met);
  }

  const ceilings = ceilingsOf(work);
  const contenders: Contender[] = able.map(({ prepared }) => prepared);
  const timings = await takeTurns(ours, contenders, inputs.length, ceilings.sample);
  able.forEach(({ name }, i) => {
    results.set(name, { name, timing: timings.others[i] });
  });
  for (const { prepared } of able) await prepared.release();
  return {
    entry,
    threads,
    ours: timings.first,
    ceilings: ceilings.best(),
    peers: peers.flatMap(({ name }) => results.get(name) ?? []),
  };
}

/** Has a peer do the job once: ready to be timed when it can, and gives the same. */
async function meet(
  peer: Peer,
  entry: Entry,
  inputs: readonly Inputs[],
  threads: number,
  expected: Outputs,
  pace: Pace,
): Promise<PeerResult | { name: string; prepared: Prepared }> {
  const { name } = peer;
  const stopped = foreseen(peer, entry, pace);
  if (stopped !== undefined) return { name, stopped };
  const prepared = await peer.prepare(entry.job, inputs, threads);
  const start = performance.now();
  const wrong = difference(entry.job, inputs[0], expected, await prepared.outputs(0));
  const milliseconds = performance.now() - start;
  pace.record(peer, entry, milliseconds);
  if (wrong === undefined && milliseconds <= mostMilliseconds) return { name, prepared };
  await prepared.release();
  // ONNX Runtime's ScatterND, for one, loses additions to the same row when it has several threads
  return {
    name,
    stopped: wrong ? `does not agree: ${wrong}` : `${(milliseconds / 1e3).toFixed(0)} s a call`,
  };
}

/** Why a peer is not asked for a job. */
function foreseen(peer: Peer, entry: Entry, pace: Pace): string | undefined {
  const bytes = peer.bytes(entry.job);
  if (bytes === undefined) return 'has no such operation';
  if (bytes > mostBytes) return `needs ${(bytes / 1e9).toFixed(1)} GB`;
  const predicted = pace.predict(peer, entry);
  return predicted > mostMilliseconds ? `${(predicted / 1e3).toFixed(0)} s a call, foreseen` : undefined;
}

function copied<T extends Outputs>(outputs: T): T {
  return structuredClone(outputs);
}
