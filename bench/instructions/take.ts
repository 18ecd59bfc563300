// Takes the counts of a build.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { instructionsOf, readCallgrind } from './callgrind.js';
import type { Counts } from './counts.js';
import { readDisassembly, shortName } from './disassembly.js';
import { distinctLoops, type LoopCounts, loopsOf } from './loop-counts.js';
import type { Objects } from './objects.js';
import { outputOf } from './tools.js';

export function countBuild(objects: Objects): Counts {
  const calls = objects.program === undefined ? {} : countCalls(objects.program);
  const loops: Record<string, Record<string, LoopCounts[]>> = {};
  for (const [isa, files] of objects.kernels) {
    // What callgrind ran is counted; the scalar table has no loop that another has not.
    if (!(isa in calls) && isa !== 'scalar') loops[isa] = countLoops(objects.objdump, files);
  }
  return { compiler: objects.compiler, calls, loops };
}

type CallCounts = Record<string, Record<string, Record<string, number>>>;

/** Runs native/bench/instructions.cc, which prints the kernels of the list, and the calls as it makes them. */
function countCalls(program: string): CallCounts {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokensieve-instructions-'));
  try {
    const file = path.join(folder, 'callgrind.out');
    const printed = outputOf('valgrind', [
      '--quiet',
      '--tool=callgrind',
      `--callgrind-out-file=${file}`,
      '--combine-dumps=yes',
      '--dump-after=*counted_call*',
      program,
    ]);
    return callCounts(printed, readFileSync(file, 'utf8'), path.basename(program));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the program printed and callgrind counted, as counts; an error when no call reached a kernel of the list. */
export function callCounts(printed: string, callgrind: string, program: string): CallCounts {
  const lines = printed
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const kernels = lines.filter(([head]) => head === 'kernel').map(([, name]) => name);
  const made = lines.filter(([head]) => head !== 'kernel');
  const parts = readCallgrind(callgrind).filter(({ trigger }) => trigger.startsWith('--dump-after'));
  if (parts.length !== made.length)
    throw new Error(`callgrind tells of ${parts.length} calls, the program of ${made.length}`);

  const nameOf = (name: string): string | undefined => {
    const [, template] = /^(\w+)</.exec(shortName(name)) ?? [];
    return template === 'counted_call' ? 'the whole call' : kernels.find((kernel) => kernel === template);
  };
  const counts: CallCounts = {};
  const reached = new Set<string>();
  made.forEach(([isa, call], i) => {
    const ofCall = instructionsOf(parts[i], program, nameOf);
    for (const kernel of ofCall.keys()) reached.add(kernel);
    counts[isa] ??= {};
    counts[isa][call] = Object.fromEntries([...ofCall].sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  const missing = kernels.filter((kernel) => !reached.has(kernel));
  if (missing.length > 0)
    throw new Error(`No call in native/bench/instructions.cc reaches these kernels: ${missing.join(', ')}`);
  return counts;
}

function countLoops(objdump: string, files: readonly string[]): Record<string, LoopCounts[]> {
  const loops = new Map<string, LoopCounts[]>();
  for (const file of files) {
    const text = outputOf(objdump, ['--disassemble', '--demangle', '--no-show-raw-insn', file]);
    for (const found of readDisassembly(text)) {
      loops.set(found.name, [...(loops.get(found.name) ?? []), ...loopsOf(found)]);
    }
  }
  return Object.fromEntries(
    [...loops]
      .filter(([, ofFunction]) => ofFunction.length > 0)
      .map(([name, ofFunction]): [string, LoopCounts[]] => [name, distinctLoops(ofFunction)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
