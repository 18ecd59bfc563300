// docs/cuda-kernels.md, from what was built and counted.
import { architectureNumbers, architectures } from './architectures.js';
import type { KernelCounters } from './counters.js';
import { type Form, forms } from './profile.js';
import type { ResourceTable } from './resources.js';
import { bound } from './roofline.js';
import type { Size } from './shapes.js';

type Kind = 'matrix' | 'float' | 'special' | 'memory' | 'control' | 'integer';

const kinds: readonly (readonly [Kind, RegExp])[] = [
  ['matrix', /^mma\b/],
  ['special', /^(ex2|lg2|rcp|rsqrt|sqrt|sin|cos|tanh|div)\./],
  ['memory', /^(ld|st|ldmatrix|cp|atom|red|ldu|prefetch)\b/],
  ['control', /^(bra|brx|bar|barrier|ret|exit|call|shfl|vote|match|activemask|membar|fence|nanosleep)\b/],
  ['float', /\.(f32|f64|f16|f16x2|bf16|bf16x2)$/],
];

function shares({ mix, warpInstructions }: KernelCounters): Readonly<Record<Kind, number>> {
  const sums: Record<Kind, number> = { matrix: 0, float: 0, special: 0, memory: 0, control: 0, integer: 0 };
  for (const [opcode, { warps }] of Object.entries(mix)) {
    const kind = kinds.find(([, pattern]) => pattern.test(opcode))?.[0] ?? 'integer';
    sums[kind] += warps / warpInstructions;
  }
  return sums;
}

const percent = (share: number): string => (share > 0 && share < 0.005 ? '<1' : (share * 100).toFixed(0));
const ratio = (a: number, b: number): string => (b === 0 ? '' : (a / b).toFixed(1));

/** Sectors of a request, and the fewest that its bytes fill: `16.0 (16.0)`. */
function sectors(requests: number, touched: number, bytes: number): string {
  if (requests === 0) return '';
  const fewest = Math.min(touched, Math.max(requests, bytes / 32)); // lanes that share an element need less
  return `${ratio(touched, requests)} (${ratio(fewest, requests)})`;
}

function resourceRows(table: ResourceTable): string[] {
  return Object.entries(table).map(([kernel, { launches, architectures: targets }]) => {
    const [threads, dynamicShared] = Object.values(launches).at(-1) ?? [0, 0];
    const cells = architectureNumbers.map((number) => {
      const row = targets[`sm_${number}`];
      return row === undefined ? '' : `${row[0]} / ${row[2]}`;
    });
    const staticShared = Object.values(targets).at(-1)?.[1] ?? 0;
    return `| ${kernel.replace(/^tsv_/, '')} | ${threads} | ${staticShared + dynamicShared} | ${cells.join(' | ')} |`;
  });
}

function workRows(counted: ReadonlyMap<string, KernelCounters>): string[] {
  return [...counted].map(([kernel, counters]) => {
    const { memory } = counters;
    const of = shares(counters);
    const { resource, intensity } = bound(counters);
    const passes = memory.shared_load_wavefronts + memory.shared_store_wavefronts;
    const cells = [
      kernel.replace(/^tsv_/, ''),
      String(counters.warpInstructions),
      ...(['matrix', 'float', 'special', 'memory', 'control', 'integer'] as const).map((kind) =>
        percent(of[kind]),
      ),
      percent(counters.threadInstructions / counters.warpInstructions / 32),
      sectors(memory.global_load_requests, memory.global_load_sectors, memory.global_load_bytes),
      sectors(memory.global_store_requests, memory.global_store_sectors, memory.global_store_bytes),
      ratio(passes, memory.shared_load_requests + memory.shared_store_requests),
      intensity.toFixed(1),
      resource,
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

export function kernelPage(
  table: ResourceTable,
  profiles: ReadonlyMap<Form, ReadonlyMap<string, KernelCounters>>,
  { B, N, C, H, D }: Size,
): string {
  const names = architectureNumbers.map((number) => `sm_${number}, ${architectures[number].example}`);
  const shape = `${B} x ${N} tokens of ${C} channels, ${H} head of ${D}`;
  const parts = forms.flatMap((form) => [
    `### The form of ${form === 75 ? 'sm_75' : 'sm_80 and up'}`,
    '',
    '| kernel | instructions | matrix | float | special | memory | control | integer | lanes at work | load sectors | store sectors | shared passes | flops / byte | H100, model |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|',
    ...workRows(profiles.get(form) ?? new Map()),
    '',
  ]);
  return `${[
    '# The CUDA kernels in numbers',
    '',
    'Written by `npm run cuda:resources -- --update`; CI fails when it no longer holds. Nothing here was measured on a GPU.',
    '',
    '## What a kernel takes of a multiprocessor',
    '',
    'Registers a thread, and the percent of the multiprocessor’s warps that its blocks fill, as ptxas compiled it for each',
    'architecture. No register spills anywhere. Shared memory in bytes a block, static and dynamic, is that of launches at',
    'the size below.',
    '',
    `| kernel | threads | shared | ${names.join(' | ')} |`,
    `|---|---:|---:|${architectureNumbers.map(() => '---:|').join('')}`,
    ...resourceRows(table),
    '',
    '## What a kernel does',
    '',
    `Counted by the emulator while it ran every job of \`bench/cuda/shapes.ts\` once: ${shape}. Instructions are a`,
    'warp’s, of PTX; their kinds are percents of them. Sectors are the pieces of 32 bytes that a request touches, beside the',
    'fewest that its bytes fill; shared passes are those that a request takes, 1 without bank conflicts (4 for 16 bytes a',
    'lane). Flops for each byte behind a model of the L2. The last column is a model too: which of an H100’s peak rates',
    '(`bench/cuda/roofline.ts`) the counted work would keep busy longest. It knows no latency, and at this size a launch',
    'takes longer than all of it.',
    '',
    ...parts,
  ].join('\n')}`;
}
