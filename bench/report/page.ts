// bench/report.html, made from a result alone: nothing is measured here.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { escapeHtml } from '../../experiments/demo/html.js';
import type { Proof } from '../proof/result.js';
import { verdicts } from '../proof/tables.js';
import { goalText, outcome, valueText } from '../targets.js';
import { breakEvenChart } from './break-even-chart.js';
import { growthChart } from './growth-chart.js';
import { peersChart } from './peers-chart.js';
import { bandwidthChart, rooflineChart } from './roofline.js';
import { style } from './style.js';

/** Writes the page; gives its path. */
export function writePage(proof: Proof): string {
  const file = path.join(path.dirname(require.resolve('tokensieve/package.json')), 'bench', 'report.html');
  writeFileSync(file, renderPage(proof));
  return file;
}

/** The whole page: no script, no font, no picture from elsewhere. Parts that were not measured are left out. */
export function renderPage(proof: Proof): string {
  const { cpu, isa, date, load, versions, peers, threads } = proof;
  const listed = Object.entries({ ...versions, ...peers }).map(([name, version]) => `${name} ${version}`);
  const sections = [
    section('Targets', [targetsTable(proof)]),
    section('Roofline', [rooflineChart(proof.cases), bandwidthChart(proof.cases)]),
    section(
      'Against the peers',
      threads.map((count) => peersChart(proof, count)),
    ),
    section('Growth with the number of tokens', [growthChart(proof.growth)]),
    section('From where on reducing pays', proof.breakEven.map(breakEvenChart)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>TokenSieve: benchmarks on ${escapeHtml(cpu)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>What the kernels reach</h1>
<p class="lead">Measured in one run: against the limits of the processor, taken by kernels of the same instruction set
between the rounds, against other packages that did the same jobs in turns, and against this package itself.</p>
<p class="machine">${escapeHtml(`${cpu}, ${isa}, ${date.slice(0, 10)}, load average ${load.toFixed(1)} before. ${listed.join(', ')}.`)}</p>
</header>
<main>
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function section(title: string, parts: readonly string[]): string {
  const there = parts.filter((part) => part !== '');
  return there.length === 0 ? '' : `<section>\n<h2>${title}</h2>\n${there.join('\n')}\n</section>`;
}

function targetsTable(proof: Proof): string {
  const judged = verdicts(proof);
  if (judged.length === 0) return '';
  const rows = judged.map(({ row, verdict }) => {
    const { target } = verdict;
    const note = verdict.met ? '' : (target.note ?? '');
    const texts = [row, target.figure, goalText(target), valueText(verdict)].map(
      (text) => `<td>${escapeHtml(text)}</td>`,
    );
    return `<tr>${texts.join('')}<td class="${outcome(verdict)}">${outcome(verdict)}</td><td class="note">${escapeHtml(note)}</td></tr>`;
  });
  const met = judged.filter(({ verdict }) => verdict.met).length;
  return `<p>${met} of ${judged.length} targets met.</p>
<div class="scroll"><table><thead><tr><th>row</th><th>figure</th><th>target</th><th>reached</th><th></th><th></th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}
