import assert from 'node:assert/strict';
import { errorCodes, info } from 'tokensieve';
import { type Recipes, recipe } from '../recipe.js';
import { movingRecipes } from './moving.js';
import { partRecipes } from './parts.js';
import { scoringRecipes } from './scoring.js';

const libraryRecipes: Recipes = {
  info: recipe(() => ({ args: [], verify: (result) => assert.deepEqual(result, info()) })),
  setNumThreads: recipe((draw) => {
    const threads = draw.between(1, 4);
    return { args: [threads], verify: () => assert.equal(info().threads, threads) };
  }),
  TokenSieveError: recipe((draw) => {
    const code = draw.pick(Object.keys(errorCodes));
    return {
      args: [code, 'a message'],
      verify: (result) => assert.equal((result as { code: string }).code, code),
    };
  }, false),
};

/** How to call everything that the package exports. */
export const recipes: Recipes = { ...libraryRecipes, ...movingRecipes, ...partRecipes, ...scoringRecipes };
