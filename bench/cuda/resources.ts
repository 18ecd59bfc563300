// What each kernel takes of a multiprocessor, by architecture: a committed file, so that a change is one made on purpose.
import { readFileSync } from 'node:fs';
import { type ArchitectureNumber, architectureNumbers, architectures } from './architectures.js';
import type { KernelCounters } from './counters.js';
import { occupancy } from './occupancy.js';
import { builtResources, type Form, formOf, forms } from './profile.js';

/** Registers a thread, bytes of static shared memory a block, and the percent of warps that blocks fill. */
export type Resources = readonly [registers: number, staticShared: number, occupancy: number];

export interface KernelResources {
  /** By form: threads a block, and the most dynamic shared memory that a launch at the emulated size asks for. */
  readonly launches: Readonly<Record<string, readonly [threads: number, dynamicShared: number]>>;
  readonly architectures: Readonly<Record<string, Resources>>;
}

export type ResourceTable = Readonly<Record<string, KernelResources>>;

interface Built {
  readonly registers: number;
  readonly sharedBytes: number;
  readonly spillStoreBytes: number;
  readonly spillLoadBytes: number;
}

const keyOf = (architecture: number): string => `sm_${architecture}`;

/** Defects of the kernels as built: registers that spill, and kernels that no job runs. */
export function defects(profiles: ReadonlyMap<Form, ReadonlyMap<string, KernelCounters>>): string[] {
  const built = readBuilt();
  const found: string[] = [];
  for (const [kernel, targets] of Object.entries(built)) {
    for (const [target, { spillStoreBytes, spillLoadBytes }] of Object.entries(targets)) {
      const spilled = spillStoreBytes + spillLoadBytes;
      if (spilled > 0) found.push(`${kernel} spills ${spilled} bytes on ${target}`);
    }
    if (!forms.some((form) => profiles.get(form)?.has(kernel)))
      found.push(`${kernel} is run by no job of bench/cuda/shapes.ts`);
  }
  return found;
}

export function resourceTable(
  profiles: ReadonlyMap<Form, ReadonlyMap<string, KernelCounters>>,
): ResourceTable {
  const rows = Object.entries(readBuilt()).map(([kernel, targets]): [string, KernelResources] => {
    const launches = forms.flatMap((form) => {
      const counters = profiles.get(form)?.get(kernel);
      if (counters === undefined) return [];
      const launch = [counters.threads / counters.blocks, counters.dynamicShared] as const;
      return [[keyOf(form), launch] as const];
    });
    const byForm = Object.fromEntries(launches);
    const shares = architectureNumbers.flatMap((architecture) => {
      const target = targets[keyOf(architecture)];
      const launch = byForm[keyOf(formOf(architecture))];
      if (target === undefined || launch === undefined) return [];
      return [[keyOf(architecture), resourcesOf(target, launch, architecture)] as const];
    });
    return [kernel, { launches: byForm, architectures: Object.fromEntries(shares) }];
  });
  return Object.fromEntries(rows);
}

function resourcesOf(
  { registers, sharedBytes }: Built,
  [threads, dynamicShared]: readonly [number, number],
  architecture: ArchitectureNumber,
): Resources {
  const footprint = { registers, threads, shared: sharedBytes + dynamicShared };
  const { share } = occupancy(footprint, architectures[architecture]);
  return [registers, sharedBytes, Math.round(share * 100)];
}

function readBuilt(): Record<string, Record<string, Built>> {
  return JSON.parse(readFileSync(builtResources, 'utf8'));
}

/** One line a kernel's entry, so that a change is a line of a diff. */
export function formatTable(table: ResourceTable): string {
  const lines = Object.entries(table).map(([kernel, { launches, architectures: targets }]) => {
    const parts = [...Object.entries(targets)].map(([name, row]) => `    "${name}": ${JSON.stringify(row)}`);
    return `  "${kernel}": {\n    "launches": ${JSON.stringify(launches)},\n${parts.join(',\n')}\n  }`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}
