// npm run bench:instructions [-- --update]
//
// Counts instructions, which do not change with the machine's clock or load, and fails where a count has grown since it
// was recorded: of kernels as they run under callgrind (valgrind knows nothing past AVX2), and of each inner loop of the
// other instruction sets in what objdump prints of their objects, NEON's cross-compiled where there is a compiler.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Counts,
  changesBetween,
  changesTable,
  formatCounts,
  grows,
  notCompared,
  numberOfCounts,
} from './counts.js';
import { build, canCrossCompile } from './objects.js';
import { countBuild } from './take.js';
import { ToolError } from './tools.js';

const folder = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'bench', 'instructions');

/** Prints how counts differ from those recorded; returns whether one has grown. */
function compare(file: string, counted: Counts): boolean {
  const recorded: Counts = JSON.parse(readFileSync(file, 'utf8'));
  const changes = changesBetween(recorded, counted);
  const grown = changes.filter(grows).length;
  const against = `${path.basename(file)}, recorded with ${recorded.compiler}`;
  console.log(`${counted.compiler}: ${numberOfCounts(counted)} counts against ${against}`);
  if (changes.length > 0) console.log(changesTable(changes));
  for (const isa of notCompared(recorded, counted))
    console.log(`${isa} is not compared: not counted both times`);
  console.log(`${changes.length} changed, ${grown} grew by over 5 %`);
  return grown > 0;
}

function main(): void {
  const { values } = parseArgs({ options: { update: { type: 'boolean', default: false } } });
  const presets = canCrossCompile() ? ['native', 'neon'] : ['native'];
  if (presets.length === 1) console.log('No compiler for 64-bit Arm: NEON is not counted');
  let grown = false;
  for (const preset of presets) {
    const objects = build(preset);
    const counted = countBuild(objects);
    const file = path.join(folder, `${objects.key}.json`);
    if (values.update) {
      writeFileSync(file, formatCounts(counted));
      console.log(
        `${counted.compiler}: ${numberOfCounts(counted)} counts recorded in ${path.basename(file)}`,
      );
    } else if (existsSync(file)) {
      grown = compare(file, counted) || grown;
    } else {
      const name = `${counted.compiler} (${path.basename(file)})`;
      console.log(`No counts recorded for ${name}: nothing to compare; --update records them`);
    }
  }
  if (grown) {
    console.error(
      'If that is meant, say why where it happened, and record it: npm run bench:instructions -- --update',
    );
    process.exitCode = 1;
  }
}

try {
  main();
} catch (error) {
  console.error(error instanceof ToolError ? `bench:instructions: ${error.message}` : error);
  process.exitCode = 1;
}
