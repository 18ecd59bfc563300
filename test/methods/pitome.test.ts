import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, type PitomeOptions, pitome } from 'tokensieve';
import { argmax, byFalling, cosine, headMeans } from '../reference/plain.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

interface Worked {
  readonly margin?: number;
  readonly kernel?: 'elu' | 'gaussian';
  readonly split?: 'alternate' | 'halves' | 'parity';
}

/** Free tokens of one row: the energies, and for each merged token the one it goes into, by falling energy. */
function work(features: number[][], free: number[], r: number, options: Worked = {}) {
  const { margin = 0.9, kernel = 'elu', split = 'alternate' } = options;
  const d = 1 - margin;
  const elu = (s: number) => (s > margin ? s - margin : Math.exp(s - margin) - 1);
  const gaussian = (s: number) => Math.exp(-(((1 - s) / d) ** 2) / 2) / (d * Math.sqrt(2 * Math.PI));
  const f = kernel === 'elu' ? elu : gaussian;
  const energies = free.map(
    (i) => free.reduce((sum, j) => sum + f(cosine(features[i], features[j])), 0) / free.length,
  );
  const ranked = byFalling(energies).map((at) => free[at]);
  const dealt = split === 'parity' ? ranked : ranked.slice(0, 2 * r);
  const isSource = (rank: number) => (split === 'halves' ? rank < r : rank % 2 === 0);
  const sources = dealt.filter((_, rank) => isSource(rank));
  const destinations = dealt.filter((_, rank) => !isSource(rank));
  const best = sources.map((a) => {
    const similarities = destinations.map((b) => cosine(features[a], features[b]));
    return { a, b: destinations[argmax(similarities)], similarity: Math.max(...similarities) };
  });
  const merged = best.sort((x, y) => y.similarity - x.similarity).slice(0, r);
  return { energies, ranked, destinations, into: new Map(merged.map(({ a, b }) => [a, b])) };
}

/** The slots in the paper's order here, and in the authors'. */
function slots({ ranked, destinations, into }: ReturnType<typeof work>, kept: number[]) {
  const rest = ranked.filter((i) => !into.has(i) && !destinations.includes(i));
  const members = (b: number) => [b, ...ranked.filter((a) => into.get(a) === b)].sort((i, j) => i - j);
  const rising = (list: number[]) => [...list].sort((i, j) => i - j);
  return {
    paper: [...rising([...kept, ...rest]), ...rising(destinations)].map(members),
    authors: [...kept, ...rest, ...destinations].map(members),
  };
}

const variants: Worked[] = [
  {},
  { margin: 0.3 },
  { margin: -0.2 },
  { split: 'parity', margin: 0.3 },
  { split: 'halves', kernel: 'gaussian', margin: 0.2 },
];

describe('pitome', () => {
  for (const variant of variants)
    it(`merges as the paper says, ${JSON.stringify(variant)}`, () => {
      for (const [keep, r] of [
        [0.9, 2],
        [0.75, 5],
        [0.5, 10],
        [0.2, 10],
      ]) {
        const inputs = { ...randomInputs({ batch: 1, length: 22 }), mask: new Uint8Array(22) };
        inputs.mask[0] = inputs.mask[5] = 1;
        const free = [...inputs.mask.keys()].filter((i) => inputs.mask[i] === 0);
        const expected = work(headMeans(inputs.k!), free, r, variant);
        const options: PitomeOptions = { keep, ...variant };
        const left = pitome(options).reduceSync(inputs);
        assert.deepEqual(membersOf(left.map, 0), slots(expected, [0, 5]).paper);
        for (const [at, i] of free.entries())
          assert.ok(Math.abs(left.scores!.data[i] + expected.energies[at]) < 1e-5, `energy ${i}`);
        assertConsistent(inputs, left);
        const authors = pitome({ ...options, reference: 'authors' }).reduceSync(inputs);
        assert.deepEqual(membersOf(authors.map, 0), slots(expected, [0, 5]).authors);
        assertConsistent(inputs, authors);
      }
    });

  it('merges within the cluster, weighted by size, and leaves alone what stands apart', () => {
    // Four at angles of a plane, in degrees; the other two at right angles to it.
    const inPlane = (angle: number) => [
      Math.cos((angle * Math.PI) / 180),
      Math.sin((angle * Math.PI) / 180),
      0,
      0,
    ];
    const keys = [inPlane(0), inPlane(2), [0, 0, 1, 0], inPlane(4), [0, 0, 0, 1], inPlane(7)];
    const metric = tensorOf('float32', keys.flat(), [1, 6, 4]);
    const hidden = tensorOf('float32', [1, 2, 3, 4, 5, 6], [1, 6, 1]);
    const sizes = Float32Array.of(1, 3, 1, 1, 1, 1);
    const left = pitome({ count: 4 }).reduceSync({ hidden, metric, sizes });
    // By falling energy: 3, 1, 0, 5; so 3 and 0 merge, both into 1.
    assert.deepEqual(membersOf(left.map, 0), [[2], [4], [0, 1, 3], [5]]);
    assert.ok(Math.abs(decode(left.hidden).data[2] - (1 + 3 * 2 + 4) / 5) < 1e-6);
    assert.deepEqual([...left.sizes.data], [1, 1, 5, 1]);
  });

  it('ranks equal tokens by index', () => {
    const hidden = tensorOf('float32', new Array(12).fill(1), [1, 6, 2]);
    const { map } = pitome({ count: 4, metric: 'hidden' }).reduceSync({ hidden });
    assert.deepEqual(membersOf(map, 0), [[4], [5], [0, 1, 2], [3]]);
  });

  it('takes the margin of the layer, as it falls', () => {
    const margin = budgets.falling({ from: 0.9, by: 0.9, layers: 3 });
    assert.deepEqual(
      margin.map((m) => m.toFixed(6)),
      ['0.900000', '0.600000', '0.300000'],
    );
    const inputs = randomInputs();
    const sieve = pitome({ keep: 0.8, margin });
    const { scores } = sieve.reduceSync({ ...inputs, layer: 2 });
    assert.deepEqual(scores, pitome({ keep: 0.8, margin: margin[2] }).reduceSync(inputs).scores);
    assert.throws(
      () => sieve.reduceSync({ ...inputs, layer: 3 }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.margin at layer 3'),
    );
  });

  it('leaves a row of which nothing goes in place, whatever goes of others', () => {
    const inputs = randomInputs({ batch: 2, length: 9 });
    const mask = Uint8Array.from({ length: 18 }, (_, place) => (place < 9 ? 0 : place < 13 ? 2 : 0));
    mask[16] = mask[17] = 1;
    const { map } = pitome({ count: 3, reference: 'authors' }).reduceSync({ ...inputs, mask });
    assert.ok(map.outputLengths[0] < 9);
    assert.deepEqual(membersOf(map, 1), [[4], [5], [6], [7], [8]]);
  });

  it('names what is wrong', () => {
    const create = pitome as (options: unknown) => unknown;
    assert.throws(() => create({ keep: 1.5 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.keep', 1.5));
    for (const [name, value] of Object.entries({ margin: '1', kernel: 'relu', split: 2, metric: 'q' }))
      assert.throws(
        () => create({ keep: 0.5, [name]: value }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${name}`),
      );
    assert.throws(
      () => create({ keep: 0.5, kernel: 'gaussian', margin: 1 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.margin', 1),
    );
  });
});
