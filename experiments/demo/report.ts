import { type LinearClassifier, logOdds, sigmoid } from '../analysis/logistic-regression.js';
import type { Interval } from '../analysis/statistics.js';
import { attendFirst, finish, type UseLite } from '../runner/use-lite.js';
import { accuracyChart, type Point, type Series } from './chart.js';
import type { Example, Label } from './data.js';
import type { Evaluation, Result } from './evaluate.js';
import { pays } from './findings.js';
import { escapeHtml } from './html.js';
import type { Latency } from './latency.js';
import { type Method, type Reduction, unreduced } from './methods.js';
import { style } from './report-style.js';
import { columns, formatDifference, formatLatencyCell } from './table.js';
import { tokenStrip } from './token-strip.js';

/** One part of the demo: texts of a kind, and what was measured on them. */
export interface Part {
  readonly title: string;
  readonly texts: string;
  readonly evaluation: Evaluation;
  readonly findings: readonly string[];
}

/** A text to show, and the classifier that has not seen it. */
export interface ShownText {
  readonly example: Example;
  readonly classifier: LinearClassifier;
}

export interface Report {
  readonly model: UseLite;
  readonly methods: readonly Method[];
  readonly keeps: readonly number[];
  readonly parts: readonly Part[];
  readonly latencies: readonly Latency[];
  readonly latencyFindings: readonly string[];
  readonly shown: readonly ShownText[];
  readonly machine: string;
}

/** The whole page: no script, no font, no picture from elsewhere. */
export function renderReport(report: Report): string {
  const { parts, latencies, machine } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>TokenSieve: a sentence encoder on fewer tokens</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>A sentence encoder on fewer tokens</h1>
<p class="lead">The Universal Sentence Encoder Lite, a pretrained transformer of two layers, embeds reviews; a
logistic regression names their sentiment. After the first attention each method prunes or merges tokens, and the
rest of the model runs on what is left. Nothing is trained for it: the classifier was fitted to the unreduced
embeddings of other texts.</p>
<p class="machine">${escapeHtml(machine)}</p>
</header>
<main>
${sentencesSection(report)}
${parts.map(partSection).join('\n')}
${latencySection(latencies, report.latencyFindings)}
${notesSection(report.methods)}
</main>
</body>
</html>
`;
}

function sentencesSection(report: Report): string {
  const { keeps, shown } = report;
  const middle = keeps[Math.floor(keeps.length / 2)];
  const inputs = keeps.map(
    (keep) =>
      `<input type="radio" name="keep" id="${keepId(keep)}"${keep === middle ? ' checked' : ''}>` +
      `<label for="${keepId(keep)}">keep ${Math.round(100 * keep)} %</label>`,
  );
  return `<section class="sentences">
<h2>What each method does to a sentence</h2>
<p class="legend"><span class="strip"><span class="token" style="--score:0">low</span><span class="token word" style="--score:.5">middle</span><span class="token word" style="--score:1">high score</span></span>
<span class="strip"><span class="token gone" style="--score:.1">pruned</span></span>
<span class="strip"><span class="token merged group-0">merged<sub>1</sub></span><span class="token merged joined word group-0">together</span></span></p>
<div class="tabs">${inputs.join('')}
<div class="cards">${shown.map((text) => sentenceCard(report, text)).join('\n')}</div></div>
</section>`;
}

function sentenceCard({ model, methods, keeps }: Report, { example, classifier }: ShownText): string {
  const pieces = Array.from(example.tokens.ids, (token) => model.tokenizer.pieces[token]);
  const state = attendFirst(model, [example.tokens]);
  const verdictOn = (reduction: Reduction) =>
    verdict(
      logOdds(classifier, { data: finish(model, reduction).data, width: channels(model) }, 0),
      example.label,
    );
  const row = (method: Method, keep: number): string => {
    const reduction = method.reduce(state, keep, method.seeds[0]);
    const { map, scores } = reduction;
    if (map === undefined) throw new Error(`${method.name} gives no map`);
    const slots = Array.from({ length: map.outputLengths[0] }, (_, slot) =>
      Array.from(map.members.subarray(map.offsets[slot], map.offsets[slot + 1])),
    );
    const strip = tokenStrip({ pieces, slots, ...(scores && { scores: scores.data }) });
    return (
      `<tr><th scope="row" class="${method.key}">${escapeHtml(method.name)}</th>` +
      `<td>${strip}</td><td>${verdictOn(reduction)}</td></tr>`
    );
  };
  const tables = keeps.map(
    (keep) =>
      `<table class="strips at-${keepId(keep)}"><tbody>${methods.map((method) => row(method, keep)).join('\n')}</tbody></table>`,
  );
  const label = example.label === 1 ? 'positive' : 'negative';
  return `<article>
<h3>${escapeHtml(example.text)}</h3>
<p class="source">${example.source}, labelled ${label}; unreduced: ${verdictOn(unreduced.reduce(state, 1, 0))}</p>
${tables.join('\n')}
</article>`;
}

/** What the classifier says, and how sure it is. */
function verdict(odds: number, label: Label): string {
  const isRight = odds > 0 === (label === 1);
  const word = odds > 0 ? 'positive' : 'negative';
  return `<span class="verdict ${isRight ? 'right' : 'wrong'}">${word} ${sigmoid(Math.abs(odds)).toFixed(2)}</span>`;
}

const keepId = (keep: number) => `keep-${Math.round(100 * keep)}`;

const channels = (model: UseLite) => model.head.weight.dims[1];

function partSection({ title, texts, evaluation, findings }: Part): string {
  const { results, unreducedAccuracy } = evaluation;
  const [full] = results;
  const chart = accuracyChart(seriesOf(results, full), pointOf(full, unreducedAccuracy), title);
  return `<section>
<h2>${escapeHtml(title)}</h2>
<p>${escapeHtml(texts)}</p>
<figure>${chart}
<figcaption>Vertical bars: 95 % confidence interval of the difference to the unreduced model on the same texts. Points of one keep ratio are moved apart sideways. Grey: controls.</figcaption></figure>
<ul class="findings">${findings.map((finding) => `<li>${escapeHtml(finding)}</li>`).join('')}</ul>
<div class="scroll">${resultsTable(results)}</div>
</section>`;
}

function seriesOf(results: readonly Result[], full: Result): Series[] {
  const methods = [...new Set(results.map(({ method }) => method))].filter(
    (method) => method !== full.method,
  );
  return methods.map((method) => ({
    name: method.name,
    key: method.key,
    marker: method.marker,
    points: results
      .filter((result) => result.method === method)
      .map((result) => {
        const { low, high } = result.difference as Interval;
        return pointOf(result, {
          estimate: result.accuracy,
          low: full.accuracy + low,
          high: full.accuracy + high,
        });
      }),
  }));
}

function pointOf(result: Result, { estimate, low, high }: Interval): Point {
  const { method, keep, tokensAfter, difference } = result;
  const compared = difference ? `, ${formatDifference(difference)} points to unreduced` : '';
  return {
    tokens: tokensAfter,
    estimate: 100 * estimate,
    low: 100 * low,
    high: 100 * high,
    label: `${method.name}, keep ${keep}: ${(100 * estimate).toFixed(1)} %${compared}`,
  };
}

function resultsTable(results: readonly Result[]): string {
  const head = columns.map(
    ({ title, align }) => `<th scope="col" class="${align}">${escapeHtml(title)}</th>`,
  );
  const rows = results.map((result, i) => {
    const cells = columns.map(({ align, cell }, c) => {
      const text = escapeHtml(cell(result));
      return c === 0
        ? `<th scope="row" class="${align} ${result.method.key}">${text}</th>`
        : `<td class="${align}">${text}</td>`;
    });
    const first = i > 0 && result.keep !== results[i - 1].keep;
    return `<tr${first ? ' class="first"' : ''}>${cells.join('')}</tr>`;
  });
  return `<table class="results"><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

function latencySection(latencies: readonly Latency[], findings: readonly string[]): string {
  const methods = [...new Set(latencies.map(({ method }) => method))];
  const lengths = [...new Set(latencies.map(({ tokens }) => tokens))];
  const cell = (method: Method, tokens: number): string => {
    const found = latencies.find((latency) => latency.method === method && latency.tokens === tokens);
    if (found === undefined) throw new Error(`${method.name} was not timed at ${tokens} tokens`);
    const tone = method === unreduced ? '' : pays(found.speedup) ? '' : ' costs';
    return `<td class="right${tone}">${escapeHtml(formatLatencyCell(found))}</td>`;
  };
  const rows = methods.map(
    (method) =>
      `<tr><th scope="row" class="left ${method.key}">${escapeHtml(method.name)}</th>${lengths.map((tokens) => cell(method, tokens)).join('')}</tr>`,
  );
  return `<section>
<h2>One text at a time: where reduction starts to pay</h2>
<p>The time of a single text by its length, keeping half of the tokens: speed against the unreduced model and, in
brackets, the share of the time spent in the reduction.</p>
<div class="scroll"><table class="results"><thead><tr><th class="left">tokens</th>${lengths.map((tokens) => `<th class="right">${tokens}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>
<ul class="findings">${findings.map((finding) => `<li>${escapeHtml(finding)}</li>`).join('')}</ul>
</section>`;
}

function notesSection(methods: readonly Method[]): string {
  return `<section class="notes">
<h2>How to read this</h2>
<dl>${methods.map(({ name, key, about }) => `<dt class="${key}">${escapeHtml(name)}</dt><dd>${escapeHtml(about)}</dd>`).join('\n')}</dl>
<p>Accuracy is held out: five folds, the classifier of a text having seen neither it nor any reduced embedding. The
interval of a difference is that of Bonett and Price for paired proportions. Cosine is that to the unreduced embedding.
FLOPs count matrix products, a multiply-add as two, those of the reduction included. Time is per text in batches of one
length, the methods taking turns; "reducing" is the part of it between the first attention and its feed-forward layer.</p>
</section>`;
}
