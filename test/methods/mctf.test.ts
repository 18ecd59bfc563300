import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSieve, type MctfOptions, mctf, strategies } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { cosine } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs, tokensOf } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

const length = 14;
const inputs = {
  ...randomInputs({ batch: 1, length, keyHeads: 2, seed: 6 }),
  sizes: Float32Array.from({ length }, (_, i) => 1 + ((i * 5) % 4)),
};
const x = decode(inputs.hidden).data;
const token = (i: number) => x.subarray(i * 6, (i + 1) * 6);
const attention = attentionScores(decode(inputs.q!), decode(inputs.k!)).scores.data;

type Temperatures = Required<Pick<MctfOptions, 'tauSim' | 'tauInfo' | 'tauSize'>>;
const defaults: Temperatures = { tauSim: 1, tauInfo: 20, tauSize: 40 };

/** The whole matrix, by the paper's formula. */
function attractionOf({ tauSim, tauInfo, tauSize }: Temperatures) {
  const w = Array.from(attention, (a) => Math.min(...attention) / a);
  const s = Array.from(inputs.sizes, (size) => Math.min(...inputs.sizes) / size);
  const power = (value: number, tau: number) => (tau === 0 ? 1 : value ** (1 / tau));
  return (i: number, j: number) =>
    power((cosine(token(i), token(j)) + 1) / 2, tauSim) *
    power(w[i] * w[j], tauInfo) *
    power(s[i] * s[j], tauSize);
}

/** Slots, even places before odd ones; the authors' order sorts each by falling attraction. */
function expectedSlots(r: number, temperatures: Temperatures, kept: readonly number[], isAuthors = false) {
  const attraction = attractionOf(temperatures);
  const places = Array.from({ length }, (_, i) => i);
  const free = places.filter((i) => !kept.includes(i));
  const [even, odd] = [0, 1].map((parity) => free.filter((i) => i % 2 === parity));
  const slotOf = new Map(places.map((i) => [i, [i]]));
  const go = (sources: number[], destinations: number[], count: number) => {
    const edges = sources.map((source) => {
      const values = destinations.map((to) => attraction(source, to));
      const value = Math.max(...values);
      return { source, to: destinations[values.indexOf(value)], value };
    });
    edges.sort((a, b) => b.value - a.value);
    for (const { source, to } of edges.slice(0, count)) {
      slotOf.get(to)?.push(...(slotOf.get(source) ?? []));
      slotOf.delete(source);
    }
    return edges.slice(count).map(({ source }) => source);
  };
  const most = Math.min(r, Math.floor(free.length / 2));
  if (most === 0) return places.map((i) => [i]);
  const evenLeft = go(even, odd, Math.floor(most / 2));
  const oddLeft = go(odd, evenLeft, most - Math.floor(most / 2));
  const rank = (parity: number, byValue: number[], sorted: boolean) => [
    ...kept.filter((i) => i % 2 === parity),
    ...(sorted ? byValue : byValue.sort((a, b) => a - b)),
  ];
  const first = isAuthors && kept.length === 0 ? evenLeft : rank(0, evenLeft, false).sort((a, b) => a - b);
  const last = isAuthors ? rank(1, oddLeft, true) : rank(1, oddLeft, false).sort((a, b) => a - b);
  return [...first, ...last].map((i) => (slotOf.get(i) ?? []).sort((a, b) => a - b));
}

describe('mctf', () => {
  for (const temperatures of [
    defaults,
    { tauSim: 2, tauInfo: 1, tauSize: 1 },
    { tauSim: 0.5, tauInfo: 0, tauSize: 0 },
  ])
    for (const r of [0, 1, 2, 5, 7, 99])
      it(`sends ${r} tokens there and back at ${Object.values(temperatures)}`, () => {
        for (const kept of [[], [0], [0, 1], [3, 8]]) {
          const mask = Uint8Array.from({ length }, (_, i) => Number(kept.includes(i)));
          const given = { ...inputs, mask };
          const left = mctf({ r, ...temperatures }).reduceSync(given);
          assert.deepEqual(membersOf(left.map, 0), expectedSlots(r, temperatures, kept));
          assertConsistent(given, left);
          const theirs = mctf({ r, ...temperatures, reference: 'authors' }).reduceSync(given);
          assert.deepEqual(membersOf(theirs.map, 0), expectedSlots(r, temperatures, kept, true));
          assertConsistent(given, theirs);
        }
      });

  it('joins by attention times size', () => {
    const left = mctf({ r: 7 }).reduceSync(inputs);
    const found = tokensOf(left, 0);
    const slots = membersOf(left.map, 0);
    assert.ok(slots.some((members) => members.length > 2));
    slots.forEach((members, slot) => {
      const weights = members.map((i) => attention[i] * inputs.sizes[i]);
      const total = weights.reduce((a, b) => a + b);
      for (let c = 0; c < 6; c++) {
        const mean = members.reduce((sum, i, m) => sum + weights[m] * token(i)[c], 0) / total;
        assert.ok(Math.abs(found[slot * 6 + c] - mean) < 1e-5);
      }
    });
    assert.equal(
      left.sizes.data.reduce((a, b) => a + b),
      inputs.sizes.reduce((a, b) => a + b),
    );
  });

  it('leaves alone what says much and what is large', () => {
    const angles = [0, 1, 2, 3].map((a) => [Math.cos(a / 9), Math.sin(a / 9)]);
    const hidden = tensorOf('float32', angles.flat(), [1, 4, 2]);
    const merge = (scores: number[], sizes: Float32Array) =>
      membersOf(
        createSieve({
          budget: () => ({ count: () => 3 }),
          strategy: strategies.multiCriteriaMerge({ tauInfo: 1, tauSize: 1 }),
        }).reduceSync({ hidden, sizes, scores: tensorOf('float32', scores, [1, 4]) }).map,
        0,
      ).find((members) => members.length > 1);
    assert.deepEqual(merge([9, 9, 1, 1], new Float32Array(4).fill(1)), [2, 3]);
    assert.deepEqual(merge([1, 1, 9, 9], new Float32Array(4).fill(1)), [0, 1]);
    assert.deepEqual(merge([1, 1, 1, 1], Float32Array.of(1, 1, 5, 5)), [0, 1]);
    assert.deepEqual(merge([0, 0, 0, Number.NaN], Float32Array.of(5, 5, 0, 0)), [2, 3]);
  });

  it('names what is wrong', () => {
    const create = mctf as (options: unknown) => unknown;
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
    assert.throws(
      () => create({ r: 1, tauSim: 0 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.tauSim', 0),
    );
    assert.throws(
      () => create({ r: 1, tauInfo: -1 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.tauInfo', -1),
    );
    assert.throws(
      () => create({ r: 1, tauSize: '1' }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.tauSize', '1'),
    );
    const { q: _, ...withoutQ } = inputs;
    assert.throws(
      () => mctf({ r: 1 }).reduceSync(withoutQ),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.q'),
    );
  });
});
