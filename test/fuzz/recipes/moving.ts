// Operations that move tokens, and the maps they go by.
import assert from 'node:assert/strict';
import { type FloatTensor, type MergedTokens, type Ragged, type Tensor, TokenMap } from 'tokensieve';
import { gatherChannels } from '../../reference/gather-channels.js';
import { gatherTokens } from '../../reference/gather-tokens.js';
import { mergeTokens } from '../../reference/merge-tokens.js';
import { restoreSum, restoreTokens } from '../../reference/restore-tokens.js';
import { assertWithin } from '../../support/assertions.js';
import { errorBudget } from '../../support/error-budget.js';
import { mapOf, randomOverlapping, randomPartition, slotsOf } from '../../support/maps.js';
import { decode, values } from '../../support/tensors.js';
import type { Draw } from '../draw.js';
import { type Recipes, recipe } from '../recipe.js';

/** A map over `batch` rows of `length` tokens: a partition or slots that share tokens. */
export function anyMap(draw: Draw, batch: number, length: number): TokenMap {
  const rows = Array.from({ length: batch }, () => {
    const slots = draw.between(1, length);
    return draw.chance(0.5)
      ? randomPartition(draw, length, slots, 0.2)
      : randomOverlapping(draw, length, slots, Math.min(4, length));
  });
  return mapOf(rows, length);
}

/** Row after row of ascending tokens, of which at least one has some. */
export function anyRagged(draw: Draw, batch: number, length: number): Ragged & { rows: number[][] } {
  const rows = Array.from({ length: batch }, () =>
    Array.from({ length }, (_, i) => i).filter(() => draw.chance(0.6)),
  );
  let end = 0;
  const ends = [0, ...rows.map((row) => (end += row.length))];
  const flat = rows.flat();
  let next = 0;
  const indices = draw.numbers('int32', [flat.length], () => flat[next++]);
  let row = 0;
  return { indices, offsets: draw.int32(ends.length, () => ends[row++]), rows };
}

/** The rows of a padded result, and zeros behind each. */
function paddedRows(rows: readonly (readonly number[][])[], channels: number): Float64Array {
  const longest = Math.max(0, ...rows.map((row) => row.length));
  const padded = new Float64Array(rows.length * longest * channels);
  rows.forEach((row, r) => {
    for (const [i, token] of row.entries()) padded.set(token, (r * longest + i) * channels);
  });
  return padded;
}

const gather = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const type = draw.pick(['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8']);
  const x = draw.numbers(type, [batch, length, channels], () => draw.integer(100));
  if (draw.chance(0.4)) {
    const { rows, ...ragged } = anyRagged(draw, batch, length);
    return {
      args: [x, ragged, { packed: false }],
      verify: (result) => {
        const { tokens } = result as { tokens: Tensor };
        assert.deepEqual(decode(tokens).data, paddedRows(gatherTokens(decode(x), rows), channels));
      },
    };
  }
  const kept = draw.between(0, length);
  const indexType = draw.pick(['int32', 'int64']);
  const indices = draw.numbers(indexType, [batch, kept], () => draw.integer(length));
  const out = draw.chance(0.5) ? { tokens: draw.numbers(type, [batch, kept, channels], () => 0) } : undefined;
  return {
    args: [x, indices, out ? { out } : {}],
    verify: (result) => {
      const list = Array.from(decode(indices).data);
      const rows = Array.from({ length: batch }, (_, row) => list.slice(row * kept, (row + 1) * kept));
      const expected = gatherTokens(decode(x), rows).flat(2);
      assert.deepEqual(Array.from(decode(result as Tensor).data), expected);
      if (out) assert.equal((result as Tensor).data, out.tokens.data);
    },
  };
});

const pick = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const type = draw.pick(['float32', 'float16', 'bfloat16', 'int32', 'int64', 'uint8']);
  const x = draw.numbers(type, [batch, length, channels], () => draw.integer(100));
  const count = draw.between(0, channels + 2);
  const lists = draw.pick([1, batch]);
  const indexType = draw.pick(['int32', 'int64']);
  const dims = lists === 1 && draw.chance(0.5) ? [count] : [lists, count];
  const indices = draw.numbers(indexType, dims, () => draw.integer(channels));
  const out = draw.chance(0.5) ? { tokens: draw.numbers(type, [batch, length, count], () => 0) } : undefined;
  return {
    args: [x, indices, out ? { out } : {}],
    verify: (result) => {
      const list = Array.from(decode(indices).data);
      const rows = Array.from({ length: batch }, (_, row) => {
        const own = lists === 1 ? 0 : row;
        return list.slice(own * count, (own + 1) * count);
      });
      assert.deepEqual(Array.from(decode(result as Tensor).data), gatherChannels(decode(x), rows));
    },
  };
});

const merge = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const x = draw.anyFloats([batch, length, channels]);
  const map = anyMap(draw, batch, length);
  const reduce = draw.pick(['mean', 'sum', 'max', 'norm']);
  const weights = draw.chance(0.5) ? draw.float32(batch * length, () => 0.5 + draw.uniform()) : undefined;
  const longest = Math.max(...map.outputLengths);
  const out = draw.chance(0.5)
    ? {
        tokens: draw.numbers(x.type, [batch, longest, channels], () => 0),
        sizes: draw.numbers('float32', [batch, longest], () => 0),
      }
    : undefined;
  return {
    args: [x, map, { reduce, ...(weights && { weights }), ...(out && { out }) }],
    verify: (result) => {
      const { tokens } = result as MergedTokens;
      const rows = slotsOf(map).map((slots, b) => {
        const row = values(decode(x).data.subarray(b * length * channels, (b + 1) * length * channels), [
          length,
          channels,
        ]);
        const sizes = weights?.subarray(b * length, (b + 1) * length);
        return mergeTokens(row, slots, { reduce, ...(sizes && { sizes }) });
      });
      const data = new Float64Array(batch * longest * channels);
      const tolerance = new Float64Array(data.length);
      rows.forEach((row, b) => {
        data.set(row.tokens, b * longest * channels);
        tolerance.set(
          row.magnitude.map((m) => m * errorBudget.mergeTokens.ofMagnitude),
          b * longest * channels,
        );
      });
      assertWithin(tokens, { data, dims: [batch, longest, channels] }, tolerance, 'tokens');
    },
  };
});

const restore = recipe((draw) => {
  const [batch, length, channels] = [draw.batch(), draw.tokens(), draw.channels()];
  const map = anyMap(draw, batch, length);
  const longest = Math.max(...map.outputLengths);
  const y = draw.anyFloats([batch, longest, channels]);
  const dropped = draw.pick([
    'zero' as const,
    'nearest' as const,
    draw.numbers(y.type, [batch, length, channels], draw.normal),
  ]);
  const { weights, residual } = draw.some({
    weights: () => draw.float32(batch * length),
    residual: () => draw.numbers(y.type, [batch, length, channels], draw.normal),
  });
  const out = draw.chance(0.5)
    ? { tokens: draw.numbers(y.type, [batch, length, channels], () => 0) }
    : undefined;
  const sum = { ...(weights && { weights }), ...(residual && { residual }) };
  return {
    args: [y, map, { dropped, ...sum, ...(out && { out }) }],
    verify: (result) => {
      const rowOf = (tensor: FloatTensor, tokens: number, b: number) =>
        values(decode(tensor).data.subarray(b * tokens * channels, (b + 1) * tokens * channels), [
          tokens,
          channels,
        ]);
      const expected = Array.from({ length: batch }, (_, b) => {
        const owners = map.assignment.subarray(b * length, (b + 1) * length);
        const filling = typeof dropped === 'string' ? dropped : rowOf(dropped, length, b);
        const own = {
          ...(weights && { weights: weights.subarray(b * length, (b + 1) * length) }),
          ...(residual && { residual: rowOf(residual, length, b) }),
        };
        return Array.from(restoreSum(restoreTokens(rowOf(y, longest, b), owners, filling), own, channels));
      });
      const data = expected.flat();
      if (weights === undefined && residual === undefined) {
        assert.deepEqual(Array.from(decode(result as Tensor).data), data);
      } else {
        assertWithin(result as Tensor, { data, dims: [batch, length, channels] }, () => 1e-5, 'sum');
      }
    },
  };
});

/** The fields of a map in arrays of the draw's memory. */
function fieldsOf(draw: Draw, map: TokenMap): Record<string, unknown> {
  const copy = (array: Int32Array) => {
    let next = 0;
    return draw.int32(array.length, () => array[next++]);
  };
  const { weights } = map;
  let next = 0;
  return {
    rowDims: [...map.rowDims],
    inputLength: map.inputLength,
    outputLengths: copy(map.outputLengths),
    offsets: copy(map.offsets),
    members: copy(map.members),
    ...(weights && { weights: draw.float32(weights.length, () => weights[next++]) }),
    ...draw.some({ assignment: () => copy(map.assignment), isPartition: () => map.isPartition }),
  };
}

const downloaded = recipe((draw) => {
  const map = anyMap(draw, draw.batch(), draw.tokens());
  return { receiver: map, args: [], verify: (result) => assert.equal(result, map) };
});

export const movingRecipes: Recipes = {
  gatherChannels: pick,
  gatherTokens: gather,
  mergeTokens: merge,
  restoreTokens: restore,
  TokenMap: recipe((draw) => {
    const map = anyMap(draw, draw.batch(), draw.tokens());
    return { args: [{ ...map }], isRefused: true };
  }),
  'TokenMap.from': recipe((draw) => {
    const map = anyMap(draw, draw.batch(), draw.tokens());
    return { args: [fieldsOf(draw, map)], verify: (result) => assert.deepEqual(result, map) };
  }),
  'TokenMap.fromKept': recipe((draw) => {
    const [batch, length] = [draw.batch(), draw.tokens()];
    const { rows, ...ragged } = anyRagged(draw, batch, length);
    return {
      args: [ragged, length],
      verify: (result) => {
        const map = result as TokenMap;
        assert.deepEqual(
          rows.map((_, row) => Array.from(map.kept(row))),
          rows,
        );
      },
    };
  }),
  'TokenMap.fromAssignment': recipe((draw) => {
    const [batch, length] = [draw.batch(), draw.tokens()];
    const map = mapOf(
      Array.from({ length: batch }, () => randomPartition(draw, length, draw.between(1, length), 0.2)),
      length,
    );
    let next = 0;
    const assignment = draw.numbers('int32', [batch, length], () => map.assignment[next++]);
    return {
      args: [
        assignment,
        draw.some({
          outputLengths: () => map.outputLengths.slice(),
          weights: () => draw.float32(batch * length, () => 1),
        }),
      ],
      verify: (result) => assert.deepEqual(result, map),
    };
  }),
  'TokenMap.prototype.kept': recipe((draw) => {
    const batch = draw.batch();
    const map = anyMap(draw, batch, draw.tokens());
    const row = draw.integer(batch);
    return {
      receiver: map,
      args: [row],
      verify: (result) => {
        const lowest = slotsOf(map)[row].map(({ members }) => members[0]);
        assert.deepEqual(Array.from(result as Int32Array), lowest);
      },
    };
  }),
  'TokenMap.prototype.sizes': recipe((draw) => {
    const [batch, length] = [draw.batch(), draw.tokens()];
    const map = anyMap(draw, batch, length);
    const weights = draw.numbers('float32', [batch, length], () => draw.integer(9));
    return {
      receiver: map,
      args: [weights],
      verify: (result) => {
        const expected = slotsOf(map).flatMap((slots, row) =>
          slots.map(({ members }) => members.reduce((sum, i) => sum + weights.data[row * length + i], 0)),
        );
        assert.deepEqual(Array.from(result as Float32Array), expected);
      },
    };
  }),
  // On the host there is nothing to download; test/cuda/ has maps on a device.
  'TokenMap.prototype.download': downloaded,
  'TokenMap.prototype.compose': recipe((draw) => {
    const [batch, length] = [draw.batch(), draw.tokens()];
    const first = mapOf(
      Array.from({ length: batch }, () => randomPartition(draw, length, Math.ceil(length / 2))),
      length,
    );
    const next = anyMap(draw, batch, Math.ceil(length / 2));
    return {
      receiver: first,
      args: [next],
      verify: (result) => assert.deepEqual(TokenMap.from({ ...(result as TokenMap) }), result),
    };
  }),
};
