import { readFileSync } from 'node:fs';
import path from 'node:path';
import { permutation } from '../analysis/random.js';
import type { Tokenizer, Tokens } from '../runner/sentencepiece.js';

export type Label = 0 | 1;

/** A text of known sentiment: 1 positive, 0 negative. */
export interface LabelledText {
  readonly text: string;
  readonly label: Label;
  readonly source: string;
}

export interface Example extends LabelledText {
  readonly tokens: Tokens;
}

const sources = ['amazon', 'imdb', 'yelp'] as const;

/**
 * The Sentiment Labelled Sentences (Kotzias et al. 2015): 1000 sentences each from product, film and
 * restaurant reviews, half of them positive, as npm's `sentiment` carries them in its test fixtures.
 */
export function readSentences(packageDirectory: string): LabelledText[] {
  return sources.flatMap((source) => {
    const file = path.join(packageDirectory, 'test', 'fixtures', `${source}.json`);
    const items = JSON.parse(readFileSync(file, 'utf8')) as { text: string; class: Label | null }[];
    // Each file ends with an empty item of no class.
    return items
      .filter((item): item is { text: string; class: Label } => item.class !== null)
      .map((item) => ({ text: item.text.trim(), label: item.class, source }));
  });
}

/** Tokenized, cut to `maxTokens`; a text without a token cannot be embedded and is left out. */
export function tokenize(texts: readonly LabelledText[], tokenizer: Tokenizer, maxTokens: number): Example[] {
  return texts
    .map((text) => ({ ...text, tokens: cut(tokenizer.encode(text.text), maxTokens) }))
    .filter(({ tokens }) => tokens.ids.length > 0);
}

/**
 * Longer texts of exactly `length` tokens: sentences of one source and one label, in random order, joined
 * until there are enough tokens. Each sentence is used once; a rest too short for a text is left out.
 */
export function joinTexts(
  sentences: readonly LabelledText[],
  tokenizer: Tokenizer,
  length: number,
  seed: number,
): Example[] {
  const shuffled = Array.from(permutation(sentences.length, seed), (i) => sentences[i]);
  const joined: Example[] = [];
  for (const source of sources) {
    for (const label of [0, 1] as const) {
      let text = '';
      for (const sentence of shuffled.filter((s) => s.source === source && s.label === label)) {
        text = text === '' ? sentence.text : `${text} ${sentence.text}`;
        const tokens = tokenizer.encode(text);
        if (tokens.ids.length < length) continue;
        joined.push({ text, label, source, tokens: cut(tokens, length) });
        text = '';
      }
    }
  }
  return joined;
}

/** Indices of so many texts of each source and label, drawn at random. */
export function drawBalanced(texts: readonly LabelledText[], each: number, seed: number): Int32Array {
  const order = permutation(texts.length, seed);
  const kinds = sources.flatMap((source) => ([0, 1] as const).map((label) => ({ source, label })));
  const drawn = kinds.flatMap(({ source, label }) =>
    Array.from(order)
      .filter((i) => texts[i].source === source && texts[i].label === label)
      .slice(0, each),
  );
  return Int32Array.from(drawn).sort();
}

function cut({ ids, positions }: Tokens, length: number): Tokens {
  return { ids: ids.subarray(0, length), positions: positions.subarray(0, length) };
}
