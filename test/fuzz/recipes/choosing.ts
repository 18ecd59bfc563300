// Operations that choose tokens one after another.
import assert from 'node:assert/strict';
import type { Tensor } from 'tokensieve';
import type { Draw } from '../draw.js';
import { type Recipes, recipe } from '../recipe.js';

/** Tokens, how many to choose, and what is asked of any choice. */
function choosing(draw: Draw) {
  const [batch, length] = [draw.batch(), draw.tokens()];
  const mask = draw.chance(0.4) ? draw.mask(batch, length) : undefined;
  const statesOf = (row: number) => Array.from({ length }, (_, i) => mask?.[row * length + i] ?? 0);
  const numbers = Array.from({ length: batch }, (_, row) => {
    const states = statesOf(row);
    return {
      kept: states.filter((state) => state === 1).length,
      present: states.filter((state) => state !== 2).length,
    };
  });
  const least = Math.max(...numbers.map(({ kept }) => kept));
  const most = Math.min(...numbers.map(({ present }) => present));
  const count = least <= most ? draw.between(least, most) : least;
  const out = draw.chance(0.5) ? { indices: draw.numbers('int32', [batch, count], () => 0) } : undefined;
  return {
    batch,
    length,
    x: draw.anyFloats([batch, length, draw.channels()]),
    options: { count, ...(mask && { mask }), ...(out && { out }) },
    isRefused: least > most,
    verify: (result: unknown) => {
      const { data, dims } = result as Tensor<'int32'>;
      assert.deepEqual(dims, [batch, count]);
      for (let row = 0; row < batch; row++) {
        const states = statesOf(row);
        const chosen = Array.from(data.subarray(row * count, (row + 1) * count));
        assert.equal(new Set(chosen).size, count, 'none twice');
        assert.ok(chosen.every((i) => i in states && states[i] !== 2));
        const kept = states.flatMap((state, i) => (state === 1 ? [i] : []));
        assert.deepEqual(chosen.slice(0, kept.length), kept, 'kept tokens first');
      }
    },
  };
}

const farthest = recipe((draw) => {
  const { x, options, isRefused, verify } = choosing(draw);
  const how = draw.some({
    metric: () => draw.pick(['cosine', 'l2']),
    start: () => 'isolated' as const,
  });
  return { args: [x, { ...options, ...how }], isRefused, verify };
});

const greedy = recipe((draw) => {
  const { x, batch, length, options, isRefused, verify } = choosing(draw);
  const relevance = draw.numbers('float32', [batch, length], draw.uniform);
  return { args: [x, draw.chance(0.5) ? relevance : relevance.data, options], isRefused, verify };
});

export const choosingRecipes: Recipes = { dppGreedy: greedy, farthestPoint: farthest };
