// npm run bench:against -- OTHER.node [--rounds 4] [--filter TEXT] [--threads 1] [--isa avx512]
//
// Two binaries of the addon, measured in turns, in processes of their own: what else the machine does, and a clock that
// drifts, fall on both. Keep the one of before a change aside, and build: cp build/Release/tokensieve.node /tmp/before.node
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { info } from 'tokensieve';
import { quantile } from './measure.js';
import { duration, table } from './tables.js';
import type { Run } from './worker.js';

const usage =
  'Usage: npm run bench:against -- OTHER.node [--rounds 4] [--filter TEXT] [--threads 1] [--isa avx512]';

/** A mistake of the caller's: a message, no stack. */
class UsageError extends Error {}

interface Options {
  readonly other: string;
  readonly rounds: number;
  /** For bench/main.ts. */
  readonly passed: readonly string[];
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '4' },
      filter: { type: 'string', default: '' },
      threads: { type: 'string', default: '1' },
      isa: { type: 'string', default: info().isa },
    },
  });
  const [other, ...rest] = positionals;
  if (other === undefined || rest.length > 0) throw new UsageError('one other binary must be named');
  if (!existsSync(other)) throw new UsageError(`${other} does not exist`);
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds >= 1))
    throw new UsageError(`--rounds must be an integer from 1; got ${values.rounds}`);
  const { filter, threads, isa } = values;
  return {
    other: path.resolve(other),
    rounds,
    passed: ['--filter', filter, '--threads', threads, '--isa', isa],
  };
}

/** Milliseconds of each case, by what identifies it. */
type Medians = ReadonlyMap<string, number>;

function measure(binary: string, passed: readonly string[]): Medians {
  const main = path.join(__dirname, 'main.js');
  const { status, stdout } = spawnSync(process.execPath, [main, ...passed, '--json'], {
    env: { ...process.env, TOKENSIEVE_BINARY: binary },
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new UsageError(`the benchmarks with ${binary} ended with exit code ${status}`);
  const { runs } = JSON.parse(stdout) as { readonly runs: readonly Run[] };
  return new Map(
    runs.flatMap(({ isa, threads, results }) =>
      results.map(({ operation, shape, median }): [string, number] => [
        [operation, shape, isa, `${threads}`].join('\t'),
        median,
      ]),
    ),
  );
}

const middle = (numbers: readonly number[]): number =>
  quantile(
    [...numbers].sort((a, b) => a - b),
    0.5,
  );

/** The medians of both over all rounds, and of each round's ratio: what drifts between rounds is in neither. */
export function againstTable(
  rounds: readonly { readonly ours: Medians; readonly theirs: Medians }[],
): string {
  const head = ['operation', 'shape', 'isa', 'threads', 'other', 'this', 'other / this', 'over the rounds'];
  const rows = [...rounds[0].ours.keys()].map((name) => {
    const ours = rounds.map((round) => round.ours.get(name) ?? Number.NaN);
    const theirs = rounds.map((round) => round.theirs.get(name) ?? Number.NaN);
    const ratios = ours.map((own, i) => theirs[i] / own);
    const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(3)).join(' to ');
    return [
      ...name.split('\t'),
      duration(middle(theirs)),
      duration(middle(ours)),
      middle(ratios).toFixed(3),
      range,
    ];
  });
  return table(head, rows, 3);
}

function main(): void {
  const { other, rounds, passed } = readOptions();
  const own = info().binary;
  const measured = Array.from({ length: rounds }, (_, round) => {
    // Each goes first every other time: neither always follows what the other left in the caches
    const oursFirst = round % 2 === 0 ? measure(own, passed) : undefined;
    const theirs = measure(other, passed);
    return { ours: oursFirst ?? measure(own, passed), theirs };
  });
  console.log(`\n${info().cpu}: time of ${other} over that of ${own}`);
  console.log(againstTable(measured));
}

if (require.main === module) {
  try {
    main();
  } catch (error) {
    const mistaken = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
    console.error(mistaken ? `bench:against: ${error.message}\n${usage}` : error);
    process.exitCode = mistaken ? 2 : 1;
  }
}
