// Builds what is counted, with the presets of CMakePresets.json.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { outputOf } from './tools.js';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const compilerNames: Readonly<Record<string, string>> = { GNU: 'gcc', Clang: 'clang', AppleClang: 'clang' };

/** A build: see native/bench/CMakeLists.txt. */
export interface Objects {
  readonly compiler: string;
  /** What its counts are recorded under: compiler, first number of its version, processor. */
  readonly key: string;
  readonly objdump: string;
  /** The program that makes one call of each operation; not of a build for another processor. */
  readonly program: string | undefined;
  /** Of each instruction set. */
  readonly kernels: ReadonlyMap<string, readonly string[]>;
}

export function canCrossCompile(): boolean {
  const compiler = spawnSync('aarch64-linux-gnu-g++', ['--version'], { stdio: 'ignore' });
  return process.arch !== 'arm64' && compiler.status === 0;
}

export function build(preset: string): Objects {
  const isNative = preset === 'native';
  const folder = path.join(root, `build-${preset}`);
  const cmake = (...args: string[]): string => outputOf('cmake', args);
  const targets = ['kernel_objects', ...(isNative ? ['instructions'] : [])];
  process.chdir(root); // where the presets are
  cmake('--preset', preset, '--log-level=WARNING');
  cmake('--build', '--preset', preset, '--parallel', `${availableParallelism()}`, '--target', ...targets);

  const [head, ...lines] = readFileSync(path.join(folder, 'kernel-objects.tsv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const [id, version, processor, objdump] = head;
  const name = compilerNames[id] ?? id.toLowerCase();
  const kernels = new Map<string, string[]>();
  for (const [isa, object] of lines) kernels.set(isa, [...(kernels.get(isa) ?? []), object]);
  return {
    compiler: `${name} ${version}`,
    key: `${name}-${version.split('.')[0]}-${processor}`,
    objdump,
    program: isNative ? path.join(folder, 'native', 'bench', 'instructions') : undefined,
    kernels,
  };
}
