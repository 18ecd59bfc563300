// PyTorch on the CPU, in one process of python3 beside this one, where one has it. It times its own calls.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { peersFolder } from './packages.js';
import {
  type Inputs,
  inputDims,
  type Job,
  matrixElements,
  type Outputs,
  type Peer,
  type Prepared,
} from './peer.js';

interface Answer {
  readonly milliseconds: number;
  readonly outputs?: Readonly<Record<string, string>>;
}

/** The first python3 that has torch, of the one on the path and the system's. */
function findPython(): { python: string; version: string } | undefined {
  for (const python of ['python3', '/usr/bin/python3']) {
    const { status, stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], {
      encoding: 'utf8',
    });
    if (status === 0) return { python, version: stdout.trim() };
  }
  return undefined;
}

class Conversation {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(python: string) {
    this.#child = spawn(python, [path.join(peersFolder, 'pytorch.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async ask<T>(request: object): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`pytorch.py ended with ${this.#child.exitCode}`);
    return JSON.parse(value as string) as T;
  }

  async end(): Promise<void> {
    this.#child.stdin!.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }
}

async function prepare(
  conversation: Conversation,
  job: Job,
  inputs: readonly Inputs[],
  threads: number,
): Promise<Prepared> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokensieve-peers-'));
  const dims = Object.entries(inputDims(job));
  const files = inputs.map((input, i) =>
    Object.fromEntries(
      dims.map(([name, shape]) => {
        const file = path.join(folder, `${name}-${i}`);
        writeFileSync(file, input[name as keyof Inputs]);
        return [name, [file, shape]];
      }),
    ),
  );
  await conversation.ask({ job, threads, inputs: files });
  return {
    outputs: async (i) => {
      const { outputs = {} } = await conversation.ask<Answer>({ time: i, folder });
      const read: Outputs = Object.fromEntries(
        Object.entries(outputs).map(([name, file]) => {
          const { buffer, byteOffset, byteLength } = Uint8Array.from(readFileSync(file));
          return [name, new Float32Array(buffer, byteOffset, byteLength / 4)];
        }),
      );
      return read;
    },
    time: async (i) => (await conversation.ask<Answer>({ time: i })).milliseconds,
    release: async () => rmSync(folder, { recursive: true }),
  };
}

/** Undefined where no python3 has torch. */
export function pytorch(): Peer | undefined {
  const found = findPython();
  if (found === undefined) return undefined;
  const conversation = new Conversation(found.python);
  return {
    name: 'PyTorch',
    version: found.version,
    threaded: true,
    bytes: (job) => 3 * 4 * matrixElements(job),
    prepare: (job, inputs, threads) => prepare(conversation, job, inputs, threads),
    close: () => conversation.end(),
  };
}
