import assert from 'node:assert/strict';
import { types } from 'node:util';
import { type Device, errorCodes, info, type Tensor } from 'tokensieve';
import { type Recipes, recipe } from '../recipe.js';
import { choosingRecipes } from './choosing.js';
import { methodPartRecipes } from './method-parts.js';
import { methodRecipes } from './methods.js';
import { movingRecipes } from './moving.js';
import { partRecipes } from './parts.js';
import { rowRecipes } from './rows.js';
import { scoringRecipes } from './scoring.js';

const libraryRecipes: Recipes = {
  info: recipe(() => ({ args: [], verify: (result) => assert.deepEqual(result, info()) })),
  setNumThreads: recipe((draw) => {
    const threads = draw.between(1, 4);
    return { args: [threads], verify: () => assert.equal(info().threads, threads) };
  }),
  allocate: recipe((draw) => {
    const [type, dims] = [
      draw.pick(['float32', 'float16', 'int64', 'uint8'] as const),
      [draw.batch(), draw.tokens()],
    ];
    return {
      args: [type, dims],
      verify: (result) => {
        assert.ok((result as Tensor).data.buffer instanceof SharedArrayBuffer);
        assert.deepEqual((result as Tensor).dims, dims);
      },
    };
  }),
  openDevice: recipe((draw) => ({
    args: ['cuda', draw.some({ index: () => 0 })],
    isRefused: !info().cuda.available,
    verify: (result) => (result as Device).dispose(),
  })),
  nativeApi: recipe(() => ({ args: [], verify: (result) => assert.ok(types.isExternal(result)) })),
  TokenSieveError: recipe((draw) => {
    const code = draw.pick(Object.keys(errorCodes));
    return {
      args: [code, 'a message'],
      verify: (result) => assert.equal((result as { code: string }).code, code),
    };
  }, false),
};

/** How to call everything that the package exports. */
export const recipes: Recipes = {
  ...libraryRecipes,
  ...choosingRecipes,
  ...methodPartRecipes,
  ...methodRecipes,
  ...movingRecipes,
  ...partRecipes,
  ...rowRecipes,
  ...scoringRecipes,
};
