// Writes docs/methods.md from the registry of methods; `--check` says instead whether it is what the registry says.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'docs', 'methods.md');
const { methodGroups, methods } = createRequire(import.meta.url)('tokensieve');

const orders = {
  place: 'by place',
  bipartite: 'sources that stay, then destinations',
  score: 'by falling score',
  appended: 'kept tokens, then what was made of others',
  own: 'as its doc comment says',
};

function row(method) {
  const { name, summary, authors, year, arxiv, title, needs, trainingFree, defaults, order, licence } =
    method;
  const options = JSON.stringify(defaults).replaceAll('"', '').replaceAll(':', ': ').replaceAll(',', ', ');
  return [
    `\`${name}(${options === '{}' ? '' : options})\``,
    summary,
    `${authors}, [${title}](https://arxiv.org/abs/${arxiv}), ${year}`,
    ['hidden', ...needs].map((input) => `\`${input}\``).join(', '),
    trainingFree ? 'no' : 'yes',
    orders[order],
    licence,
  ];
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const head = [
  'method',
  'what becomes of the tokens',
  'paper',
  'reads',
  'needs training',
  'order',
  "authors' code",
];
const sections = methodGroups.map((group) => {
  const own = methods.filter((method) => method.group === group).sort((a, b) => a.year - b.year);
  return `## ${group[0].toUpperCase()}${group.slice(1)}\n\n${table(head, own.map(row))}`;
});
const text = `<!-- Written by \`npm run docs:methods\` from the registry in lib/methods/. -->

# Methods

${methods.length} published methods, each one file in \`lib/methods/\`. Options are those a first try can start from; \`reduce\`
takes the inputs named under "reads", and the others of [\`SieveInputs\`](../lib/sieve-inputs.ts) where there are any: mask,
sizes, positions, layer. All follow the paper's intent by default, and \`reference: 'authors'\` their code where it
differs; the doc comment of each says where. None was copied from code: the last column is the licence of the authors'.

${sections.join('\n\n')}
`;

if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/methods.md is not what the registry says: npm run docs:methods');
  process.exit(1);
}
