#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { type Info, info } from './info.js';

/** One word after `tokensieve`: what it does, and how. */
interface Command {
  readonly usage: string;
  readonly summary: string;
  /** Given the arguments after the command's name; returns what to print. Throws what parseArgs throws. */
  run(args: string[]): string;
}

const commands: Readonly<Record<string, Command>> = {
  info: {
    usage: 'info [--json]',
    summary: 'what runs where: processor, instruction set, threads, binary, versions, CUDA',
    run(args) {
      const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
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

/** Runs one command line; the exit code is 2 where it makes no sense. */
function main([name = '', ...args]: string[]): number {
  if (name === '--help' || name === '-h') {
    console.log(usage());
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    console.error(
      `tokensieve: ${name === '' ? 'a command is needed' : `unknown command '${name}'`}\n${usage()}`,
    );
    return 2;
  }
  try {
    console.log(commands[name].run(args));
    return 0;
  } catch (error) {
    if (!isUsageError(error)) throw error;
    console.error(`tokensieve ${name}: ${error.message}\n${usage()}`);
    return 2;
  }
}

function isUsageError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

process.exitCode = main(process.argv.slice(2));
