import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, createSieve, pact, strategies } from 'tokensieve';
import { dbdpc } from '../reference/dbdpc.js';
import { isArgumentError } from '../support/assertions.js';
import { bestPlaces, placesOf, promptInputs } from '../support/prompts.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { decode, tensorOf, type Values, values } from '../support/tensors.js';

type Prompt = ReturnType<typeof promptInputs>;

/** Keys about some middles, so that there are clusters. */
function clusteredPrompt(padding: readonly [number, number], seed = 3): Prompt {
  const inputs = promptInputs({ spans: [2, 60, 5], padding, seed });
  const random = seeded(seed);
  const middles = Array.from({ length: 9 * 8 }, () => random.normal());
  const length = inputs.mask.length;
  const middleOf = Array.from({ length }, () => random.integer(9));
  const numbers = Array.from({ length: 2 * length * 8 }, (_, at) => {
    const i = Math.floor(at / 8) % length;
    return middles[middleOf[i] * 8 + (at % 8)] + 0.35 * random.normal();
  });
  return { ...inputs, k: tensorOf('float32', numbers, [1, 2, length, 8]) };
}

/** `[N, Hkv*D]`. */
function keysOf({ k }: Prompt): Values {
  const [, heads, length, channels] = k.dims;
  const { data } = decode(k);
  const side = Float64Array.from({ length: data.length }, (_, at) => {
    const [i, head, c] = [
      Math.floor(at / (heads * channels)),
      Math.floor(at / channels) % heads,
      at % channels,
    ];
    return data[(head * length + i) * channels + c];
  });
  return values(side, [length, heads * channels]);
}

/** The attention of the mean of the picture's queries over its keys, times the norm of the state. */
function scoresOf({ hidden, q, k, mask }: Prompt): number[] {
  const [, heads, length, depth] = q.dims;
  const [queries, keys, x] = [decode(q).data, decode(k).data, decode(hidden).data];
  const group = heads / k.dims[1];
  const picture = placesOf(mask, 0);
  const scores = new Array<number>(length).fill(0);
  for (let head = 0; head < heads; head++) {
    const mean = Array.from(
      { length: depth },
      (_, c) =>
        picture.reduce((sum, i) => sum + queries[(head * length + i) * depth + c], 0) / picture.length,
    );
    const logits = picture.map(
      (i) =>
        mean.reduce((sum, m, c) => sum + m * keys[(Math.floor(head / group) * length + i) * depth + c], 0) /
        Math.sqrt(depth),
    );
    const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const total = powers.reduce((a, b) => a + b, 0);
    picture.forEach((i, at) => {
      scores[i] += powers[at] / total / heads;
    });
  }
  const channels = hidden.dims[2];
  return scores.map((score, i) => score * Math.hypot(...x.subarray(i * channels, (i + 1) * channels)));
}

/** The slots by the formula, and whom each stands for. */
function expected(inputs: Prompt, taken: number[], options: { cutoff: number; coefPruned?: number }) {
  const picture = placesOf(inputs.mask, 0);
  const pruned = picture.filter((i) => !taken.includes(i));
  const { centres, members } = dbdpc(keysOf(inputs), { taken, pruned, ...options });
  const slots = [
    ...placesOf(inputs.mask, 1).map((i) => ({ place: i, members: [i] })),
    ...centres.map((place, at) => ({ place, members: [...members[at]] })),
  ].sort((a, b) => a.place - b.place);
  return { slots: slots.map((slot) => slot.members), places: slots.map(({ place }) => place) };
}

describe('pact', () => {
  for (const padding of [
    [0, 0],
    [3, 0],
    [0, 3],
  ] as const)
    it(`clusters what the mean query attends to and takes in what is near, padded by ${padding}`, () => {
      for (const seed of [3, 4, 5]) {
        const inputs = clusteredPrompt(padding, seed);
        const picture = placesOf(inputs.mask, 0);
        const sizesSeen = new Set<number>();
        for (const keep of [0.05, 0.55, 1])
          for (const rule of [
            { cutoff: 0.21 },
            { cutoff: 0.05, coefPruned: 3 },
            { cutoff: 0.5, coefPruned: 0 },
          ]) {
            const taken = bestPlaces(picture, scoresOf(inputs), Math.floor(60 * keep + 1e-9));
            const left = pact({ keep, ...rule }).reduceSync(inputs);
            const { slots, places } = expected(inputs, taken, rule);
            assert.deepEqual(membersOf(left.map, 0), slots, JSON.stringify({ keep, ...rule }));
            assert.deepEqual([...left.positions.data], places);
            assertConsistent(inputs, pact({ keep, ...rule, positions: 'kept' }).reduceSync(inputs));
            for (const size of left.sizes.data) sizesSeen.add(size);
          }
        assert.ok(sizesSeen.size > 3, 'clusters of several sizes');
      }
    });

  it('takes what is above Q1 + alpha (Q3 - Q1)', () => {
    const inputs = clusteredPrompt([0, 0]);
    const picture = placesOf(inputs.mask, 0);
    const scores = scoresOf(inputs);
    const sorted = picture.map((i) => scores[i]).sort((a, b) => a - b);
    const quantile = (p: number) => {
      const at = p * (sorted.length - 1);
      const low = Math.floor(at);
      return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
    };
    for (const alpha of [0, 0.5, 1, 3]) {
      const least = quantile(0.25) + alpha * (quantile(0.75) - quantile(0.25));
      const above = picture.filter((i) => scores[i] > least);
      const taken = above.length > 0 ? above : bestPlaces(picture, scores, 1);
      const left = pact({ alpha, cutoff: 0.2 }).reduceSync(inputs);
      assert.deepEqual(
        membersOf(left.map, 0),
        expected(inputs, taken, { cutoff: 0.2 }).slots,
        `alpha ${alpha}`,
      );
    }
    const atFour = pact({ alpha: budgets.atLayers([4], 0.5), cutoff: 0.2 });
    assert.equal(atFour.reduceSync({ ...inputs, layer: 3 }).hidden.dims[1], 67);
  });

  it('makes a centre of what no denser centre reaches, along a chain of tokens', () => {
    // Angles in degrees, of which each reaches its neighbours alone. The middle is densest, its neighbours join it, the
    // next ones out are centres though denser tokens are near, for those are settled.
    const angles = [0, 30, 62, 90, 118, 150, 180];
    const metric = angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]);
    const inputs = {
      hidden: tensorOf('float32', [1, 2, 3, 4, 5, 6, 8], [7, 1]),
      metric: tensorOf('float32', metric, [7, 2]),
    };
    const cutoff = 1 - Math.cos((33 * Math.PI) / 180);
    const left = createSieve({ strategy: strategies.dbdpc({ cutoff, dc: 0.2 }) }).reduceSync(inputs);
    assert.deepEqual(membersOf(left.map, 0), [
      [0, 1],
      [2, 3, 4],
      [5, 6],
    ]);
    assert.deepEqual([...decode(left.hidden).data], [1.5, 4, 7]);
    assert.deepEqual([...left.sizes.data], [2, 3, 2]);
  });

  it('goes round after round down a long chain', () => {
    const random = seeded(8);
    const angles = Array.from({ length: 100 }, () => random.uniform() * 3);
    const metric = angles.flatMap((a) => [Math.cos(a), Math.sin(a)]);
    const inputs = {
      hidden: tensorOf('float32', angles, [100, 1]),
      metric: tensorOf('float32', metric, [100, 2]),
    };
    for (const cutoff of [1e-4, 1.2e-3, 0.01, 0.3]) {
      const left = createSieve({ strategy: strategies.dbdpc({ cutoff, dc: 0.1 }) }).reduceSync(inputs);
      const x = decode(inputs.metric);
      const { members } = dbdpc(x, { taken: [...angles.keys()], pruned: [], cutoff, dc: 0.1 });
      assert.deepEqual(membersOf(left.map, 0), members);
    }
  });

  it('clusters within 0.21 by default', () => {
    const inputs = promptInputs({ spans: [2, 60, 3], channels: 4 });
    assert.deepEqual(
      pact({ keep: 0.5 }).reduceSync(inputs),
      pact({ keep: 0.5, cutoff: 0.21 }).reduceSync(inputs),
    );
  });

  it('names what is wrong', () => {
    const create = pact as (options: unknown) => unknown;
    for (const [options, code, path] of [
      [{ cutoff: 0.2 }, 'ERR_TOKENSIEVE_TYPE', 'options'],
      [{ keep: 0.5, cutoff: 3 }, 'ERR_TOKENSIEVE_RANGE', 'options.cutoff'],
      [{ keep: 0.5, cutoff: 0.2, coefPruned: -1 }, 'ERR_TOKENSIEVE_RANGE', 'options.coefPruned'],
      [{ keep: 0.5, cutoff: 0.2, alpha: 0.5 }, 'ERR_TOKENSIEVE_TYPE', 'options.keep'],
      [{ alpha: Number.NaN, cutoff: 0.2 }, 'ERR_TOKENSIEVE_RANGE', 'options.alpha'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(code, path));
    const cluster = strategies.dbdpc as (options: unknown) => unknown;
    assert.throws(
      () => cluster({ cutoff: 0.1, dc: 0 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.dc', 0),
    );
  });
});
