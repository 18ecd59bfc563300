import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const header = readFileSync(path.join(root, 'native', 'include', 'tokensieve.h'), 'utf8').replaceAll(
  /\/\*[\s\S]*?\*\//g,
  '',
);

describe('tokensieve.h', () => {
  const declared = [...header.matchAll(/^[a-z][\w* ]*[ *]tsv_(\w+)\([^;{]*\);/gm)].map(([, name]) => name);
  const listed = [...header.matchAll(/^ {2}ENTRY\([\w* ]+, (\w+), \(.*\)\)/gm)].map(([, name]) => name);

  it('lists every function that it declares in the table, but for the one that gives the table', () => {
    assert.ok(declared.includes('attention_scores') && declared.includes('version'));
    assert.deepEqual(new Set([...listed, 'get_api']), new Set(declared));
    assert.equal(new Set(listed).size, listed.length);
  });

  it('begins the table with the version, which tells even a table of another interface', () => {
    assert.equal(listed[0], 'version');
  });
});
