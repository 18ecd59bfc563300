#!/usr/bin/env node
import { parseArgs } from 'node:util';
import type { Info } from './info.js';
import type { Method } from './methods/method.js';

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
  methods: {
    usage: 'methods [--json] [TEXT]',
    summary: 'the published methods, with their papers; those whose name, group or title contains TEXT',
    async run(args) {
      const { values, positionals } = parseArgs({
        args,
        options: { json: { type: 'boolean', default: false } },
        allowPositionals: true,
      });
      const { methods } = await import('./methods/index.js');
      const found = methodsAbout(methods, positionals.join(' '));
      return values.json ? JSON.stringify(found, undefined, 2) : describeMethods(found);
    },
  },
};

/** Methods in groups, those of a group by year. */
function methodsAbout(methods: readonly Method[], text: string): readonly Method[] {
  const wanted = text.toLowerCase();
  return methods
    .filter(({ name, group, title }) => `${name} ${group} ${title}`.toLowerCase().includes(wanted))
    .sort((a, b) => a.group.localeCompare(b.group) || a.year - b.year || a.name.localeCompare(b.name));
}

function describeMethods(methods: readonly Method[]): string {
  const groups = [...new Set(methods.map(({ group }) => group))];
  const tables = groups.map((group) => {
    const own = methods.filter((method) => method.group === group);
    const widths = [
      Math.max(...own.map(({ name }) => name.length)) + 2,
      Math.max(...own.map((method) => citation(method).length)) + 2,
    ];
    const lines = own.map(
      (method) =>
        `  ${method.name.padEnd(widths[0])}${citation(method).padEnd(widths[1])}${method.title}\n` +
        `  ${' '.repeat(widths[0])}${method.summary}; reads ${['hidden', ...method.needs].join(', ')}`,
    );
    return `${group}\n${lines.join('\n')}`;
  });
  const count = `${methods.length} ${methods.length === 1 ? 'method' : 'methods'}`;
  return [...tables, count].join('\n\n');
}

const citation = ({ authors, year, arxiv }: Method): string => `${authors} ${year}, arXiv ${arxiv}`;

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
