// npm run cuda:resources [-- --update]
//
// Compares what the kernels take and do with what is committed, in cuda/resources.json and docs/cuda-kernels.md; fails
// where they differ, where registers spill, and where no job runs a kernel. Needs `npm run build:cuda`.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { forms, isBuilt, profile } from './profile.js';
import { defects, formatTable, resourceTable } from './resources.js';
import { emulatedSize } from './shapes.js';
import { kernelPage } from './table.js';

const root = path.dirname(require.resolve('tokensieve/package.json'));

/** The lines of a text that the other has not. */
function linesBeyond(text: string, other: string): string[] {
  const known = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !known.has(line));
}

function compare(file: string, text: string): boolean {
  const committed = readFileSync(path.join(root, file), 'utf8');
  if (committed === text) return true;
  console.error(`${file} no longer holds:`);
  for (const line of linesBeyond(committed, text)) console.error(`- ${line}`);
  for (const line of linesBeyond(text, committed)) console.error(`+ ${line}`);
  return false;
}

function main(): void {
  const { values } = parseArgs({ options: { update: { type: 'boolean', default: false } } });
  if (!isBuilt()) throw new Error('cuda:resources needs the kernels: npm run build:cuda');
  const profiles = new Map(forms.map((form) => [form, profile(form)] as const));
  const found = defects(profiles);
  for (const defect of found) console.error(defect);
  const table = resourceTable(profiles);
  const files = [
    ['cuda/resources.json', formatTable(table)],
    ['docs/cuda-kernels.md', kernelPage(table, profiles, emulatedSize)],
  ] as const;
  const kernels = Object.keys(table).length;
  if (values.update) {
    for (const [file, text] of files) writeFileSync(path.join(root, file), text);
    console.log(`${kernels} kernels recorded`);
  } else {
    const same = files.map(([file, text]) => compare(file, text));
    if (same.includes(false))
      console.error('If that is meant, record it: npm run cuda:resources -- --update');
    else console.log(`${kernels} kernels as recorded`);
    if (same.includes(false)) process.exitCode = 1;
  }
  if (found.length > 0) process.exitCode = 1;
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
