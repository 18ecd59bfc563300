// npm run accuracy: what precision 'fast' changes, on the activations of the demo's model and on synthetic ones.
import { info } from 'tokensieve';

import { joinTexts, readSentences } from '../demo/data.js';
import { modelDirectory, sentencesDirectory } from '../packages.js';
import { loadUseLite } from '../runner/use-lite.js';
import { type Activations, kindNames, modelActivations, syntheticActivations } from './activations.js';
import { argmaxAccuracy, scoreAccuracy } from './measures.js';

const textTokens = 128;
const texts = 96;

function* all(): Generator<Activations> {
  const model = loadUseLite(modelDirectory());
  const joined = joinTexts(readSentences(sentencesDirectory()), model.tokenizer, textTokens, 1);
  yield* modelActivations(
    model,
    joined.slice(0, texts).map(({ tokens }) => tokens),
  );
  for (const name of kindNames) for (const deviation of [1, 3]) yield syntheticActivations(name, deviation);
}

const share = (x: number): string => x.toFixed(4);
const error = (x: number): string => x.toExponential(0);

const head = [
  'activations',
  'keys',
  'top N/4',
  'top N/10',
  'mass of N/4',
  'mean error',
  'worst',
  'argmax',
  'kept',
];
const rows: string[][] = [head];
for (const activations of all()) {
  const { same, kept } = argmaxAccuracy(activations.tokens);
  for (const packed of [false, true]) {
    const { quarter, tenth, mass, mean, worst } = scoreAccuracy(activations, packed);
    rows.push([
      packed ? '' : activations.name,
      packed ? 'packed' : 'as given',
      share(quarter),
      share(tenth),
      mass.toFixed(5),
      error(mean),
      error(worst),
      packed ? '' : share(same),
      packed ? '' : kept.toFixed(6),
    ]);
  }
}
const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
console.log(`precision 'fast' on ${info().cpu}, ${info().isa}, to exact:`);
for (const row of rows) {
  const cells = row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
  console.log(cells.join('  ').trimEnd());
}
