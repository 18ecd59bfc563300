import assert from 'node:assert/strict';
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
});
