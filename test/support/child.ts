import { spawnSync } from 'node:child_process';

/** How a process of its own ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a script in a process of its own, for what may end a process or is read once in its life.
 *
 * @param script CommonJS; `tokensieve` is the package, `tokensievePath` where to require it from in a worker
 */
export function runScript(script: string, env: NodeJS.ProcessEnv = {}, flags: readonly string[] = []): Ended {
  return runBareScript(`const tokensieve = require(tokensievePath);\n${script}`, env, flags);
}

/** As {@link runScript}, but the main thread loads nothing before the script does. */
export function runBareScript(
  script: string,
  env: NodeJS.ProcessEnv = {},
  flags: readonly string[] = [],
): Ended {
  const source = `const tokensievePath = ${JSON.stringify(require.resolve('tokensieve'))};\n${script}`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', source], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  return { status, signal, stdout, stderr };
}
