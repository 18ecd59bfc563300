import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';
import { recipes } from './recipes/index.js';
import { everyTarget } from './targets.js';
import { watchedFuzz } from './watched.js';

suite('everything exported, called with whatever there is', () => {
  test('each export has a recipe, and each recipe an export', () => {
    const wanted = new Set(everyTarget().map(({ recipe }) => recipe));
    const known = new Set(Object.keys(recipes));
    assert.deepEqual(
      [...wanted].filter((name) => !known.has(name)),
      [],
      'exports without a recipe in test/fuzz/recipes/',
    );
    assert.deepEqual(
      [...known].filter((name) => !wanted.has(name)),
      [],
      'recipes of nothing',
    );
  });

  test('20 000 calls: coded errors or right results, nothing written outside, no crash, no hang', async (t) => {
    t.diagnostic(await watchedFuzz(1, 20_000));
  });

  test('memory that another thread writes meanwhile: nothing worse than a wrong result', (t) => {
    const script = path.join(__dirname, 'race.js');
    const options = { encoding: 'utf8', timeout: 300_000 } as const;
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [script, '--calls', '80'],
      options,
    );
    assert.deepEqual([status, signal, stderr], [0, null, '']);
    t.diagnostic(stdout.trim());
  });
});
