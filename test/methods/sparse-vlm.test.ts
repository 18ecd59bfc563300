import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, criteria, type SparseVlmOptions, sparseVlm, strategies } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { densityPeaks } from '../reference/clustering.js';
import { densities, separations } from '../reference/knn-density.js';
import { isArgumentError } from '../support/assertions.js';
import { bestPlaces, placesOf, promptInputs } from '../support/prompts.js';
import { assertConsistent, membersOf, tokensOf } from '../support/reductions.js';
import { decode, tensorOf, values } from '../support/tensors.js';

type Prompt = ReturnType<typeof promptInputs>;

/** Text behind the picture whose share of the picture's softmax over that text is above the mean. */
function ratersOf({ hidden, mask }: Pick<Prompt, 'hidden' | 'mask'>): number[] {
  const channels = hidden.dims[2];
  const x = decode(hidden).data;
  const dot = (i: number, j: number) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += x[i * channels + c] * x[j * channels + c];
    return sum;
  };
  const picture = placesOf(mask, 0);
  const text = placesOf(mask, 1).filter((i) => i > Math.max(...picture));
  const shares = text.map(() => 0);
  for (const i of picture) {
    const logits = text.map((t) => dot(i, t));
    const greatest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - greatest));
    const sum = powers.reduce((a, b) => a + b, 0);
    powers.forEach((power, t) => {
      shares[t] += power / sum / picture.length;
    });
  }
  return text.filter((_, t) => shares[t] > shares.reduce((a, b) => a + b, 0) / shares.length);
}

/** `[H][N]`: the raters' causal attention, and its mean over the heads that turn most to the picture. */
function scoresOf({ q, k, mask }: Prompt, raters: number[], best?: number): number[] {
  const masking = {
    causal: true,
    mask,
    queryMask: mask,
    queries: Int32Array.from(raters),
    heads: 'none',
  } as const;
  const { scores } = attentionScores(decode(q), decode(k), masking);
  const heads = Array.from({ length: q.dims[1] }, (_, h) => [
    ...scores.data.subarray(h * mask.length, (h + 1) * mask.length),
  ]);
  const toPicture = (head: number[]) => placesOf(mask, 0).reduce((sum, i) => sum + head[i], 0);
  const chosen = [...heads].sort((a, b) => toPicture(b) - toPicture(a)).slice(0, best);
  return [...mask.keys()].map((i) => chosen.reduce((sum, head) => sum + head[i], 0) / chosen.length);
}

/** The members of each slot, by the formula. */
function expected(
  inputs: Prompt,
  count: number,
  { recycle = true, heads, reference = 'paper' }: Partial<SparseVlmOptions>,
): number[][] {
  const { hidden, mask } = inputs;
  const scores = scoresOf(inputs, ratersOf(inputs), heads);
  const picture = placesOf(mask, 0);
  const text = placesOf(mask, 1);
  const best = bestPlaces(picture, scores, count);
  const dropped = picture.filter((i) => !best.includes(i));
  const made: number[][] = [];
  if (recycle && dropped.length > 0) {
    const again = bestPlaces(dropped, scores, Math.floor((3 * dropped.length) / 10) + 1);
    const clusters = Math.floor(again.length / 10) + 1;
    const x = values(decode(hidden).data, hidden.dims.slice(1));
    const others = [...mask.keys()].map((i) => (again.includes(i) ? 0 : 2));
    const density = densities(x, { k: clusters, mask: others });
    const { separations: separation } = separations(x, density, { mask: others });
    const peaks = density.map((own, i) => own * separation[i]);
    const found = densityPeaks(x, again, { count: clusters, k: clusters, similarity: 'l2' });
    const centres = again.sort((i, j) => peaks[j] - peaks[i]).slice(0, clusters);
    if (reference === 'paper') centres.sort((i, j) => i - j);
    made.push(...centres.map((centre) => found.filter((members) => members.includes(centre)).flat()));
  }
  const one = (i: number) => [i];
  const before = text.filter((i) => i < picture[0]);
  return [...before.map(one), ...best.map(one), ...made, ...text.slice(before.length).map(one)];
}

describe('sparseVlm', () => {
  for (const padding of [
    [0, 0],
    [3, 0],
    [0, 3],
  ] as const)
    it(`keeps what the raters attend to and recycles, padded by ${padding}`, () => {
      const inputs = promptInputs({ spans: [3, 90, 9], padding, seed: 4 });
      assert.ok(ratersOf(inputs).length > 1 && ratersOf(inputs).length < 9);
      for (const count of [1, 10, 30, 89, 90])
        for (const options of [
          {},
          { reference: 'authors' },
          { recycle: false },
          { heads: 2 },
          { heads: 9, recycle: false },
        ] as const) {
          const left = sparseVlm({ count, ...options }).reduceSync(inputs);
          const slots =
            count === 90
              ? [...placesOf(inputs.mask, 1), ...placesOf(inputs.mask, 0)]
                  .sort((a, b) => a - b)
                  .map((i) => [i])
              : expected(inputs, count, options);
          assert.deepEqual(membersOf(left.map, 0), slots, `${count} ${JSON.stringify(options)}`);
          const kept = sparseVlm({ count, ...options, positions: 'kept' }).reduceSync(inputs);
          assertConsistent(inputs, kept);
          const places = 'recycle' in options ? slots.map(([first]) => first) : [...slots.keys()];
          assert.deepEqual([...left.positions.data], places);
        }
    });

  it('recycles rows of other lengths as it does each alone', () => {
    const inputs = promptInputs({ batch: 2, spans: [2, 60, 5] });
    inputs.mask.fill(2, 67 + 20, 67 + 62);
    const sieve = sparseVlm({ keep: 0.3 });
    const both = sieve.reduceSync(inputs);
    const cut = (tensor: Prompt['hidden'], row: number) => {
      const size = decode(tensor).data.length / 2;
      return {
        ...tensor,
        data: tensor.data.slice(row * size, (row + 1) * size),
        dims: [1, ...tensor.dims.slice(1)],
      } as Prompt['hidden'];
    };
    for (const row of [0, 1]) {
      const { hidden, q, k, mask } = inputs;
      const alone = sieve.reduceSync({
        hidden: cut(hidden, row),
        q: cut(q, row),
        k: cut(k, row),
        mask: mask.slice(67 * row, 67 * (row + 1)),
      });
      assert.deepEqual(membersOf(both.map, row), membersOf(alone.map, 0));
      assert.deepEqual(tokensOf(both, row), tokensOf(alone, 0));
    }
    // Of 60 tokens 18 stay and 13 of 42 become 2; of 18, 5 and 4 of 13 become 1.
    assert.deepEqual([...both.map.outputLengths], [7 + 18 + 2, 7 + 5 + 1]);
  });

  it('chooses raters by the embeddings that metric brings', () => {
    const inputs = promptInputs({ spans: [2, 30, 8] });
    const { hidden: metric } = promptInputs({ spans: [2, 30, 8], seed: 9 });
    const raters = ratersOf({ hidden: metric, mask: inputs.mask });
    assert.notDeepEqual(raters, ratersOf(inputs));
    const { scores } = sparseVlm({ count: 5 }).reduceSync({ ...inputs, metric });
    for (const [i, score] of scoresOf(inputs, raters).entries())
      assert.ok(Math.abs((scores?.data[i] ?? 0) - score) < 1e-6);
  });

  it('is rated by all the text where no word stands out, by all tokens without text, by the last row alone', () => {
    const inputs = promptInputs({ spans: [2, 30, 4] });
    const same = { ...inputs, metric: tensorOf('float32', new Array(36 * 2).fill(1), [1, 36, 2]) };
    const rated = (given: Prompt, raters: number[]) => {
      const { scores } = sparseVlm({ count: 5 }).reduceSync(given);
      for (const [i, score] of scoresOf(inputs, raters).entries())
        assert.ok(Math.abs((scores?.data[i] ?? 0) - score) < 1e-6, `${i}`);
    };
    rated(same, [32, 33, 34, 35]);
    rated({ ...inputs, mask: new Uint8Array(36) }, [...new Array(36).keys()]);
    const whole = decode(inputs.q).data;
    const last = [0, 1, 2, 3].flatMap((head) => [
      ...whole.subarray((head * 36 + 35) * 8, (head + 1) * 36 * 8),
    ]);
    rated({ ...inputs, q: tensorOf('float32', last, [1, 4, 1, 8]) }, [35]);
  });

  for (const [reference, options] of [
    ['paper', {}],
    ['paper', { base: 500, floor: 0.3 }],
    ['paper', { frequencies: Float32Array.of(1, 0.3, 0.01, 0) }],
    ['authors', {}],
  ] as const)
    it(`divides by what rotary embeddings leave at each distance, after the ${reference}, with ${JSON.stringify(options)}`, () => {
      const {
        base = 10_000,
        floor = 0.1,
        frequencies = [0, 1, 2, 3].map((f) => base ** (-f / 4)),
      } = options as {
        base?: number;
        floor?: number;
        frequencies?: ArrayLike<number>;
      };
      const factorAt = (distance: number) => {
        const cosines = Array.from(frequencies, (theta) => Math.cos(distance * theta)).reduce(
          (a, b) => a + b,
          0,
        );
        return reference === 'authors' ? Math.sqrt(8) / (2 * cosines) : 1 / Math.max(cosines / 4, floor);
      };
      const inputs = promptInputs({ spans: [2, 40, 6] });
      for (const stride of [1, 3, 90]) {
        const positions = Int32Array.from({ length: 48 }, (_, i) => 7 + stride * i);
        const distanceScale = Float64Array.from({ length: 47 * stride + 1 }, (_, d) => factorAt(d));
        const masking = { causal: true, mask: inputs.mask, queryMask: inputs.mask, distanceScale, positions };
        const { scores, tolerance } = attentionScores(decode(inputs.q), decode(inputs.k), {
          ...masking,
          queries: Int32Array.from(ratersOf(inputs)),
        });
        const sieve = sparseVlm({ count: 9, gravity: true, recycle: false, reference, ...options });
        const left = sieve.reduceSync({ ...inputs, positions });
        for (const [i, score] of scores.data.entries())
          assert.ok(
            Math.abs((left.scores?.data[i] ?? 0) - score) < 2 * tolerance[i] + 1e-7,
            `${stride}: ${i}`,
          );
        const long = sieve.reduceSync({ ...inputs, positions: BigInt64Array.from(positions, BigInt) });
        assert.deepEqual(long.scores, left.scores);
      }
    });

  it('keeps its numbers over the layers', () => {
    const sieve = sparseVlm({ count: budgets.atLayers([2, 6, 15], [300, 200, 110]) });
    const left = sieve.reduceSync({ ...promptInputs({ spans: [3, 576, 4], channels: 2 }), layer: 2 });
    // 83 of 276 dropped ones become 9.
    assert.equal(left.hidden.dims[1], 7 + 300 + 9);
  });

  it('names what is wrong', () => {
    const create = sparseVlm as (options: unknown) => unknown;
    for (const [options, code, path] of [
      [{}, 'ERR_TOKENSIEVE_TYPE', 'options'],
      [{ count: 5, recycle: 1 }, 'ERR_TOKENSIEVE_TYPE', 'options.recycle'],
      [{ count: 5, heads: 0 }, 'ERR_TOKENSIEVE_RANGE', 'options.heads'],
      [{ count: 5, heads: '2' }, 'ERR_TOKENSIEVE_TYPE', 'options.heads'],
      [{ count: 5, gravity: 1 }, 'ERR_TOKENSIEVE_TYPE', 'options.gravity'],
      [{ count: 5, gravity: true, base: -1 }, 'ERR_TOKENSIEVE_RANGE', 'options.base'],
      [{ count: 5, gravity: true, floor: 0 }, 'ERR_TOKENSIEVE_RANGE', 'options.floor'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(code, path));
    const inputs = promptInputs();
    const sections = tensorOf('int32', new Array(3 * 15).fill(1), [3, 1, 15]);
    assert.throws(
      () => sparseVlm({ count: 5, gravity: true }).reduceSync({ ...inputs, positions: sections }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.positions.dims'),
    );
    assert.throws(
      () => sparseVlm({ count: 5, gravity: true, frequencies: Float32Array.of(1) }).reduceSync(inputs),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.frequencies.dims'),
    );
    const recycle = strategies.pruneAndRecycle as (options: unknown) => unknown;
    assert.throws(() => recycle({ share: 2 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.share', 2));
    assert.throws(
      () => recycle({ clusters: 'x' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.clusters'),
    );
    assert.throws(
      () => criteria.raterAttention(3 as never),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options'),
    );
  });
});
