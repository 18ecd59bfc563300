// Programs of the system, and what to say when they are missing.
import { spawnSync } from 'node:child_process';

const packages: Readonly<Record<string, string>> = {
  valgrind: 'valgrind',
  objdump: 'binutils',
  cmake: 'cmake',
};

/** A program that is missing or fails: its message is all there is to say. */
export class ToolError extends Error {}

/** What a program prints; what it complains of goes where ours does. An error unless it ends well. */
export function outputOf(program: string, args: readonly string[]): string {
  const { status, error, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined) {
    const name = Object.keys(packages).find((known) => program.endsWith(known));
    const advice = name === undefined ? '' : `: install it (Debian: apt-get install ${packages[name]})`;
    throw new ToolError(`${program} could not be run, ${error.message}${advice}`);
  }
  if (status !== 0) {
    console.error(stdout);
    throw new ToolError(`${program} ended with exit code ${status}`);
  }
  return stdout;
}
