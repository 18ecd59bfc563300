#!/usr/bin/env node
import { parseArgs } from 'node:util';
import type { Info } from './info.js';

/** One word after `tokensieve`: what it does, and how. */
interface Command {
  readonly usage: string;
  readonly summary: string;
  /** Given the arguments after the command's name; gives what to print. Throws what parseArgs throws. */
  run(args: string[]): Promise<string>;
}

const commands: Readonly<Record<string, Command>> = {
  info: {
    usage: 'info [--json]',
    summary: 'what runs where: processor, instruction set, threads, binary, versions, CUDA',
    async run(args) {
      const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
      // Loads the binary, and may find none: no reason to fail before usage has been checked.
      const { info } = await import('./info.js');
      const found = info();
      return values.json ? JSON.stringify(found, undefined, 2) : describe(found);
    },
  },
};

function describe({ cpu, isa, threads, binary, versions, cuda }: Info): string {
  const lines: [string, string][] = [
    ['processor', cpu],
    ['instruction set', isa],
    ['threads', String(threads)],
    ['binary', binary],
    ['tokensieve', `${versions.tokensieve} (C interface ${versions.abi})`],
    ['node', `${versions.node} on ${versions.platform}`],
    ['CUDA', cuda.available ? `driver ${cuda.driver}: ${cuda.devices.join(', ')}` : `none: ${cuda.reason}`],
  ];
  return columns(lines);
}

function usage(): string {
  const lines = Object.values(commands).map((command): [string, string] => [
    `  tokensieve ${command.usage}`,
    command.summary,
  ]);
  return `Usage:\n${columns(lines)}`;
}

function columns(lines: readonly [string, string][]): string {
  const width = Math.max(...lines.map(([left]) => left.length)) + 2;
  return lines.map(([left, right]) => left.padEnd(width) + right).join('\n');
}

/** Runs one command line; the exit code is 2 where it makes no sense, 1 where it fails. */
async function main([name = '', ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    console.log(usage());
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    const mistake = name === '' ? 'a command is needed' : `unknown command '${name}'`;
    console.error(`tokensieve: ${mistake}\n${usage()}`);
    return 2;
  }
  try {
    console.log(await commands[name].run(args));
    return 0;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const misused = String(error.code).startsWith('ERR_PARSE_ARGS');
    console.error(`tokensieve ${name}: ${error.message}${misused ? `\n${usage()}` : ''}`);
    return misused ? 2 : 1;
  }
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
