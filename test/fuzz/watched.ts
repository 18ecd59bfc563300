// The fuzz in a process of its own: a crash and a hang are told from here, with the call that did it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A call may take this long, on a machine however busy. */
const patience = 60_000;

/** Runs so many calls and gives the line that counts them. Rejects with the call that went wrong, and how. */
export async function watchedFuzz(seed: number, calls: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokensieve-fuzz-'));
  const at = path.join(folder, 'at');
  const args = ['--seed', String(seed), '--calls', String(calls), '--at', at];
  const child = spawn(process.execPath, [path.join(__dirname, 'run.js'), ...args]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));

  const callUnderWay = (): string => {
    try {
      return readFileSync(at, 'utf8').trim();
    } catch {
      return 'none yet';
    }
  };
  let seen = '';
  const watch = setInterval(() => {
    const now = callUnderWay();
    if (now === seen) child.kill('SIGKILL');
    seen = now;
  }, patience);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (code, signal) => resolve([code, signal]));
  });
  clearInterval(watch);
  const last = callUnderWay();
  rmSync(folder, { recursive: true });
  if (code === 0) return stdout.trim();
  const again = `node out/test/fuzz/run.js --seed ${seed} --only ${last}`;
  throw new Error(
    `the fuzz ended with code ${code}, signal ${signal} at call ${last}\nrepeat: ${again}\n${stderr}`,
  );
}
