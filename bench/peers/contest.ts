// One job, this package against its peers: results compared first, then timed in turns in one process, so that a
// change of clock, or of what else the machine does, falls on all of them alike.
import { setTimeout as pause } from 'node:timers/promises';
import { setNumThreads } from 'tokensieve';
import { inputCount, normal } from '../case.js';
import { type Ceilings, ceilingsOf } from '../ceilings.js';
import { quantile } from '../measure.js';
import { difference } from './agreement.js';
import type { Entry } from './jobs.js';
import { type Inputs, inputDims, type Peer, type Prepared, timedCall } from './peer.js';
import { prepareOurs } from './tokensieve.js';

const rounds = 9;
const turnMilliseconds = 40;
// Thread pools spin on for a moment after a call: the next contender waits until they have stopped
const pauseMilliseconds = 10;
const mostBytes = 2e9;
const mostMilliseconds = 10_000;

/** Milliseconds a call. */
export interface Timing {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly samples: number;
}

export interface PeerTiming extends Timing {
  /** The median over the rounds of its median over ours in that round. */
  readonly ratio: number;
}

export interface PeerResult {
  readonly name: string;
  readonly timing?: PeerTiming;
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

const units = ({ work }: Entry): number => Math.max(work.flops, work.read);

interface Contender {
  readonly prepared: Prepared;
  readonly medians: number[];
  readonly samples: number[];
}

const contender = (prepared: Prepared): Contender => ({ prepared, medians: [], samples: [] });

export async function contest(
  entry: Entry,
  threads: number,
  peers: readonly Peer[],
  pace: Pace,
): Promise<ContestResult> {
  setNumThreads(threads);
  const inputs = Array.from({ length: inputCount(entry.work.read) }, () => makeInputs(entry));
  const ours = contender(timedCall(prepareOurs(entry.job, inputs)));
  const expected = copied(await ours.prepared.outputs(0));

  const others = new Map<string, Contender>();
  const results = new Map<string, PeerResult>();
  for (const peer of peers) {
    const stopped = foreseen(peer, entry, pace);
    if (stopped !== undefined) {
      results.set(peer.name, { name: peer.name, stopped });
      continue;
    }
    const prepared = await peer.prepare(entry.job, inputs, threads);
    const start = performance.now();
    const wrong = difference(entry.job, inputs[0], expected, await prepared.outputs(0));
    const milliseconds = performance.now() - start;
    if (wrong !== undefined) throw new Error(`${peer.name} does not agree: ${wrong}`);
    pace.record(peer, entry, milliseconds);
    if (milliseconds > mostMilliseconds) {
      results.set(peer.name, { name: peer.name, stopped: `${(milliseconds / 1e3).toFixed(0)} s a call` });
      await prepared.release();
    } else {
      others.set(peer.name, contender(prepared));
    }
  }

  const ceilings = ceilingsOf(entry.work);
  for (let round = 0; round < rounds; round++) {
    ceilings.sample();
    for (const each of [ours, ...others.values()]) await takeTurn(each, inputs.length);
  }
  for (const [name, each] of others) {
    const ratio = quantile(
      each.medians.map((median, round) => median / ours.medians[round]).sort(ascending),
      0.5,
    );
    results.set(name, { name, timing: { ...timingOf(each), ratio } });
    await each.prepared.release();
  }
  return {
    entry,
    threads,
    ours: timingOf(ours),
    ceilings: ceilings.best(),
    peers: peers.flatMap(({ name }) => results.get(name) ?? []),
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

async function takeTurn({ prepared, medians, samples }: Contender, inputs: number): Promise<void> {
  await pause(pauseMilliseconds);
  const turn: number[] = [];
  await prepared.time(0);
  for (let i = 1, spent = 0; spent < turnMilliseconds; i = (i + 1) % inputs) {
    const milliseconds = await prepared.time(i % inputs);
    turn.push(milliseconds);
    spent += milliseconds;
  }
  turn.sort(ascending);
  medians.push(quantile(turn, 0.5));
  samples.push(...turn);
}

function timingOf({ samples }: Contender): Timing {
  samples.sort(ascending);
  const [p10, median, p90] = [0.1, 0.5, 0.9].map((p) => quantile(samples, p));
  return { median, p10, p90, samples: samples.length };
}

const ascending = (a: number, b: number): number => a - b;

function makeInputs({ job }: Entry): Inputs {
  return Object.fromEntries(Object.entries(inputDims(job)).map(([name, dims]) => [name, normal(dims).data]));
}

function copied<T extends Record<string, ArrayLike<number | bigint>>>(outputs: T): T {
  return structuredClone(outputs);
}
