// Everything that `npm run bench -- --peers` measures, as it is kept in bench/results/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BreakEvenResult } from '../break-even/measure.js';
import type { GrowthResult } from '../growth/curves.js';
import type { PairResult } from '../itself/contest.js';
import { pairs } from '../itself/pairs.js';
import type { Result } from '../measure.js';
import type { Comparisons } from '../peers/compare.js';
import { entries, entryName } from '../peers/jobs.js';

export interface Proof extends Comparisons {
  /** ISO 8601. */
  readonly date: string;
  readonly cpu: string;
  readonly isa: string;
  /** The numbers of threads that jobs ran with. */
  readonly threads: readonly number[];
  /** The machine's load average before. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly pairs: readonly PairResult[];
  /** Every case of bench/cases.ts, on one thread. */
  readonly cases: readonly Result[];
  readonly growth: readonly GrowthResult[];
  readonly breakEven: readonly BreakEvenResult[];
}

const packageFolder = path.dirname(require.resolve('tokensieve/package.json'));

/** Writes it into bench/results/, named by day, processor and instruction set; gives the path. */
export function keepProof(proof: Proof): string {
  const words = `${proof.date.slice(0, 10)} ${proof.cpu} ${proof.isa}`.toLowerCase();
  const name = `${words.match(/[a-z\d-]+/g)?.join('-')}.json`;
  const folder = path.join(packageFolder, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  writeFileSync(file, `${JSON.stringify(proof, undefined, 1)}\n`);
  return file;
}

/** Reads one that was kept. Targets, and why they were missed, are those of today's lists where a row is in them. */
export function readProof(file: string): Proof {
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Proof;
  const entryOf = new Map(entries.map((entry) => [entryName(entry), entry]));
  const pairOf = new Map(pairs.map((pair) => [pair.name, pair]));
  return {
    ...kept,
    comparisons: kept.comparisons.map((row) => ({
      ...row,
      entry: { ...row.entry, targets: entryOf.get(entryName(row.entry))?.targets ?? row.entry.targets },
    })),
    pairs: kept.pairs.map((row) => ({
      ...row,
      pair: { ...row.pair, targets: pairOf.get(row.pair.name)?.targets ?? row.pair.targets },
    })),
  };
}
