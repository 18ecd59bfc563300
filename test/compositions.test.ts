// The programs of docs/compositions.md, as they stand there: each prints what stands behind its arrows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

const root = path.dirname(require.resolve('tokensieve/package.json'));
const page = readFileSync(path.join(root, 'docs', 'compositions.md'), 'utf8');

describe('docs/compositions.md', () => {
  const [preamble, ...others] = page.split(/^## /m);
  const start = programsOf(preamble).join('');
  for (const section of others)
    for (const [i, program] of programsOf(section).entries())
      it(`prints what it says: ${section.split('\n')[0]} (${i + 1})`, () => {
        const options = { cwd: root, encoding: 'utf8', timeout: 60_000 } as const;
        const args = ['--input-type=module', '-e', start + program];
        const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
        assert.deepEqual([status, stderr], [0, '']);
        const expected = [...program.matchAll(/\/\/ -> (.*)$/gm)].flatMap(([, said]) =>
          said.split(', then '),
        );
        assert.ok(expected.length > 0);
        assert.deepEqual(stdout.trimEnd().split('\n'), expected);
      });
});

function programsOf(text: string): string[] {
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, program]) => program);
}
