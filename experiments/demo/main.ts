import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { info } from 'tokensieve';
import { permutation } from '../analysis/random.js';
import { MissingPackageError, modelDirectory, sentencesDirectory } from '../packages.js';
import { loadUseLite, type UseLite } from '../runner/use-lite.js';
import { drawBalanced, type Example, joinTexts, readSentences, tokenize } from './data.js';
import { evaluate } from './evaluate.js';
import { describeAccuracy, describeLatency, describeTime } from './findings.js';
import { measureLatency } from './latency.js';
import { attentionPrune, methods, toMe, unreduced } from './methods.js';
import { showProgress } from './progress.js';
import { type Part, renderReport, type ShownText } from './report.js';
import { formatLatency, formatTable } from './table.js';

const keeps = [0.75, 0.5, 0.25];
const seed = 1;
/** Sentences of each source and label that every method embeds: 900 in all, enough to tell methods apart. */
const judgedOfEachKind = 150;
/** As many as the model takes. */
const longTokens = 128;
const latencyLengths = [8, 16, 32, 64, longTokens];
const latencyKeep = 0.5;

function main(): void {
  const model = loadUseLite(modelDirectory());
  const sentences = readSentences(sentencesDirectory());
  const { cpu, isa, threads } = info();
  const machine = `${cpu}, ${isa}, ${threads} threads, Node ${process.versions.node}`;
  print(`Universal Sentence Encoder Lite on ${machine}`);

  const short = tokenize(sentences, model.tokenizer, model.maxTokens);
  const shortJudged = drawBalanced(short, judgedOfEachKind, seed);
  const first = runPart(
    model,
    'Single sentences',
    `${shortJudged.length} of ${short.length} sentences from reviews of products, films and restaurants, half of them positive.`,
    short,
    shortJudged,
  );
  const long = joinTexts(sentences, model.tokenizer, longTokens, seed);
  const second = runPart(
    model,
    `Texts of ${longTokens} tokens`,
    `${long.length} texts of exactly ${longTokens} tokens, each joined of sentences of one source and one label.`,
    long,
    Int32Array.from(long.keys()),
  );

  print(`\nOne text at a time, keep ${latencyKeep}: speed (and the share spent reducing)\n`);
  const compared = [unreduced, attentionPrune, toMe];
  const latencies = measureLatency(model, long, latencyLengths, compared, latencyKeep);
  const latencyFindings = describeLatency(latencies);
  print(formatLatency(latencies));
  print(`\n${latencyFindings.join('\n')}`);

  const file = path.join('demo', 'report.html');
  mkdirSync(path.dirname(file), { recursive: true });
  const parts = [first, second];
  const shown = chooseShown(first);
  const page = renderReport({ model, methods, keeps, parts, latencies, latencyFindings, shown, machine });
  writeFileSync(file, page);
  print(`\nThe report: ${pathToFileURL(file)}`);
}

function runPart(
  model: UseLite,
  title: string,
  texts: string,
  examples: readonly Example[],
  judged: Int32Array,
): Part {
  print(`\n${title}: ${texts}`);
  const evaluation = evaluate(model, examples, judged, methods, keeps, showProgress);
  const findings = [...describeAccuracy(evaluation), ...describeTime(evaluation)];
  print(`\n${formatTable(evaluation.results)}\n\n${findings.join('\n')}`);
  return { title, texts, evaluation, findings };
}

/** One sentence of each source and label, of a length that shows well on a line. */
function chooseShown({ evaluation: { texts, fitted } }: Part): ShownText[] {
  const order = Array.from(permutation(texts.length, seed));
  const kinds = ['amazon', 'imdb', 'yelp'].flatMap((source) => [0, 1].map((label) => ({ source, label })));
  return kinds.map(({ source, label }) => {
    const chosen = order.find((i) => {
      const { tokens, ...example } = texts[i];
      const length = tokens.ids.length;
      return example.source === source && example.label === label && length >= 14 && length <= 20;
    });
    if (chosen === undefined) throw new Error(`no ${source} sentence has a length to show`);
    return { example: texts[chosen], classifier: fitted.classifiers[fitted.fold[chosen]] };
  });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof MissingPackageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
