// npm run bench -- [--filter TEXT] [--threads 1,2] [--isa avx512,avx2] [--harness both] [--peers] [--methods] [--from FILE] [--json]
import { fork } from 'node:child_process';
import { loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { info } from 'tokensieve';
import { cases, casesMatching, untimedKernels } from './cases.js';
import { shapes } from './methods/inputs.js';
import { measureMethods, methodsAt } from './methods/measure.js';
import { methodsTable } from './methods/table.js';
import { keepProof, readProof } from './proof/result.js';
import { countSelected, prove } from './proof/run.js';
import { proofText } from './proof/tables.js';
import { rewriteReadme } from './readme.js';
import { writePage } from './report/page.js';
import { agreementsTable, resultsTable, threadsText } from './tables.js';
import type { Answer, Run, Task } from './worker.js';

const usage = `Usage: npm run bench -- [options]
  --filter TEXT       only the cases whose operation or shape contains it
  --threads 1,2       numbers of threads; by default one, and all
  --isa avx512,avx2   instruction sets; by default the best this processor has
  --harness both      how far tinybench and benchmark.js agree, instead of rates
  --peers             everything with a target, against other packages and against itself; writes bench/report.html
  --methods           the methods at the sizes of real models, with the share of each operation
  --keep              with --peers: keeps the result in bench/results/
  --from FILE         the tables and bench/report.html from a kept result, nothing measured
  --readme            with --keep or --from: README.md quotes the result
  --json              everything measured, for programs`;

interface Options extends Task {
  readonly isas: readonly string[];
  readonly peers: boolean;
  readonly methods: boolean;
  readonly keep: boolean;
  readonly from: string | undefined;
  readonly readme: boolean;
  readonly json: boolean;
}

/** A mistake of the caller's: a message, no stack. */
class UsageError extends Error {}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string', default: '' },
      threads: { type: 'string', default: [...new Set([1, info().threads])].join() },
      isa: { type: 'string', default: info().isa },
      harness: { type: 'string', default: 'tinybench' },
      peers: { type: 'boolean', default: false },
      methods: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      from: { type: 'string' },
      readme: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const { filter, harness, peers, methods, keep, from, readme, json } = values;
  const threads = values.threads.split(',').map(Number);
  if (!threads.every((count) => Number.isInteger(count) && count >= 1 && count <= 1024))
    throw new UsageError(`--threads must be integers from 1 to 1024; got ${values.threads}`);
  if (harness !== 'tinybench' && harness !== 'both')
    throw new UsageError(`--harness must be tinybench or both; got ${harness}`);
  const isas = values.isa.split(',');
  if (peers && (harness === 'both' || values.isa !== info().isa))
    throw new UsageError('--peers goes with neither --harness nor --isa; TOKENSIEVE_ISA chooses one');
  if (methods && (peers || harness === 'both' || values.isa !== info().isa))
    throw new UsageError(
      '--methods goes with none of --peers, --harness and --isa; TOKENSIEVE_ISA chooses one',
    );
  if (keep && !peers) throw new UsageError('--keep goes with --peers');
  if (readme && !keep && from === undefined) throw new UsageError('--readme goes with --keep or --from');
  if (methods && !shapes.some((shape) => methodsAt(shape, filter).length > 0))
    throw new UsageError(`--filter ${filter} leaves no method`);
  if (!methods && (peers ? countSelected(filter) : casesMatching(filter).length) === 0) {
    const operations = new Set(cases.map(({ operation }) => operation));
    throw new UsageError(`--filter ${filter} leaves no case of ${[...operations].join(', ')}`);
  }
  return { filter, threads, harness, peers, methods, keep, from, readme, json, isas };
}

/** Has a process of its own run the cases under one instruction set. */
function runUnder(isa: string, task: Task): Promise<Run[]> {
  const total = casesMatching(task.filter).length * task.threads.length;
  let started = 0;
  const runs: Run[] = [];
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TOKENSIEVE_ISA: isa };
    const child = fork(path.join(__dirname, 'worker.js'), { env });
    child.on('message', (answer: Answer) => {
      if (answer.kind === 'run') {
        runs.push(answer.run);
      } else if (answer.kind === 'case') {
        const place = `[${++started}/${total}] ${isa}, ${threadsText(answer.threads)}`;
        process.stderr.write(`${place}: ${answer.name}\n`);
      } else if (answer.isa !== isa) {
        child.kill();
        reject(new UsageError(`--isa ${isa} cannot be had: this processor and build run ${answer.isa}`));
      }
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(runs);
      else reject(new Error(`the benchmarks under ${isa} ended with exit code ${code}`));
    });
    child.send(task);
  });
}

function versions(): Record<string, string> {
  const packages = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'node_modules');
  const versionOf = (name: string): string => require(path.join(packages, name, 'package.json')).version;
  return {
    tokensieve: info().versions.tokensieve,
    node: process.versions.node,
    tinybench: versionOf('tinybench'),
    'benchmark.js': versionOf('benchmark'),
  };
}

const printJson = (measured: object): void => console.log(JSON.stringify(measured, undefined, 2));

/** Measures everything with a target, or reads what was measured; the page beside the tables. */
async function showProof({ filter, threads, keep, from, readme, json }: Options): Promise<void> {
  const proof = from === undefined ? await prove(filter, threads, versions()) : readProof(from);
  if (json) printJson(proof);
  else console.log(proofText(proof));
  process.stderr.write(`Wrote ${writePage(proof)}\n`);
  const kept = keep ? keepProof(proof) : from;
  if (keep) process.stderr.write(`Wrote ${kept}\n`);
  if (readme && kept !== undefined) process.stderr.write(`Wrote ${rewriteReadme(kept)}\n`);
}

/** Times the methods, in this process, with each number of threads. */
function showMethods({ filter, threads, json }: Options): void {
  const runs = threads.map((count) => ({
    isa: info().isa,
    threads: count,
    results: measureMethods(filter, count, (name) =>
      process.stderr.write(`${threadsText(count)}: ${name}\n`),
    ),
  }));
  if (json) {
    printJson({ date: new Date().toISOString(), cpu: info().cpu, versions: versions(), runs });
    return;
  }
  for (const { isa, threads: count, results } of runs)
    console.log(`\n${info().cpu}, ${isa}, ${threadsText(count)}\n\n${methodsTable(results)}`);
}

async function main(): Promise<void> {
  const untimed = untimedKernels();
  if (untimed.length > 0) throw new Error(`No case in bench/ times these kernels: ${untimed.join(', ')}`);
  const options = readOptions();
  const { filter, threads: counts, harness, isas, json } = options;
  if (options.from !== undefined) return showProof(options);
  const [load] = loadavg();
  if (load > 1)
    console.error(`Load average ${load.toFixed(1)}: as far as that is other work, rates come out too low.`);
  if (options.peers) return showProof(options);
  if (options.methods) return showMethods(options);
  const runs: Run[] = [];
  for (const isa of isas) runs.push(...(await runUnder(isa, { filter, threads: counts, harness })));

  if (json)
    return printJson({ date: new Date().toISOString(), cpu: info().cpu, load, versions: versions(), runs });
  for (const { isa, threads, results, agreements } of runs) {
    console.log(`\n${info().cpu}, ${isa}, ${threadsText(threads)}`);
    console.log(harness === 'both' ? agreementsTable(agreements) : resultsTable(results));
  }
}

main().catch((error: unknown) => {
  const mistaken = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  console.error(mistaken ? `bench: ${error.message}\n${usage}` : error);
  process.exitCode = mistaken ? 2 : 1;
});
