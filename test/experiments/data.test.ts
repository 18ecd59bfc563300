import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { drawBalanced, joinTexts, readSentences, tokenize } from '../../experiments/demo/data.js';
import { modelDirectory, packageDirectory, sentencesDirectory } from '../../experiments/packages.js';
import { unigramTokenizer } from '../../experiments/runner/sentencepiece.js';

const sentences = readSentences(sentencesDirectory());
const tokenizer = unigramTokenizer(
  JSON.parse(readFileSync(path.join(modelDirectory(), 'vocab.json'), 'utf8')),
);

describe('the labelled sentences', () => {
  it('are 3000, balanced within each source', () => {
    for (const source of ['amazon', 'imdb', 'yelp'])
      for (const label of [0, 1])
        assert.equal(sentences.filter((s) => s.source === source && s.label === label).length, 500);
  });

  it('are cut to the length the model takes', () => {
    const examples = tokenize(sentences, tokenizer, 20);
    assert.equal(examples.length, 3000);
    for (const { tokens } of examples) assert.ok(tokens.ids.length >= 1 && tokens.ids.length <= 20);
  });

  it('can be drawn in equal parts', () => {
    const drawn = drawBalanced(sentences, 7, 3);
    assert.equal(new Set(drawn).size, 42);
    for (const source of ['amazon', 'imdb', 'yelp'])
      assert.equal(drawn.filter((i) => sentences[i].source === source && sentences[i].label === 1).length, 7);
  });

  it('join to texts of one length, using no sentence twice', () => {
    const texts = joinTexts(sentences, tokenizer, 128, 1);
    assert.ok(texts.length > 350, `${texts.length} texts`);
    for (const { tokens } of texts) assert.equal(tokens.ids.length, 128);
    const characters = texts.reduce((sum, { text }) => sum + text.length, 0);
    const available = sentences.reduce((sum, { text }) => sum + text.length + 1, 0);
    assert.ok(characters <= available);
  });
});

it('a package that is not there is named, with what to do', () => {
  assert.throws(() => packageDirectory('no-such-package-at-all'), /no-such-package-at-all.*npm install/);
});
