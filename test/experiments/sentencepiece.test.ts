import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unigramTokenizer } from '../../experiments/runner/sentencepiece.js';

const control: [string, number][] = ['<unk>', '<s>', '</s>', 'a', 'b', 'c'].map((piece) => [piece, 0]);
const tokenizer = unigramTokenizer([
  ...control,
  ['\u2581to', -1],
  ['ken', -2],
  ['\u2581', -3],
  ['t', -3.5],
  ['!', null],
  ['o', -4.5],
  ['ke', -5],
  ['n', -5],
  ['to', -6],
]);
const pieces = (text: string) => Array.from(tokenizer.encode(text).ids, (id) => tokenizer.pieces[id]);

describe('unigramTokenizer', () => {
  it('takes the most probable segmentation, not the longest piece first', () => {
    assert.deepEqual(pieces('token'), ['\u2581to', 'ken']);
    assert.deepEqual(pieces('kento'), ['\u2581', 'ken', 'to']);
  });

  it('never spells a control symbol', () => {
    assert.deepEqual(pieces('a'), ['\u2581']);
  });

  it('normalizes compatibility forms and white space', () => {
    assert.deepEqual(pieces('  \uff54\uff4f\t\n ken '), ['\u2581to', '\u2581', 'ken']);
  });

  it('gives a piece without probability one between its neighbours', () => {
    assert.deepEqual(pieces('to!'), ['\u2581to', '!']);
  });

  it('counts a run of unknown characters as one place without a token', () => {
    const { ids, positions } = tokenizer.encode('to\u2603\u{1f600}n');
    assert.deepEqual(
      Array.from(ids, (id) => tokenizer.pieces[id]),
      ['\u2581to', 'n'],
    );
    assert.deepEqual([...positions], [0, 2]);
  });

  it('has no token for an empty text', () => {
    assert.equal(tokenizer.encode('').ids.length, 0);
    assert.equal(tokenizer.encode(' \n').ids.length, 0);
  });
});
