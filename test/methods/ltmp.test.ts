import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LtmpOptions, ltmp } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { bipartiteMatch } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { decode, tensorOf } from '../support/tensors.js';

const length = 17;
const inputs = {
  ...randomInputs({ batch: 1, length, heads: 4, keyHeads: 1 }),
  sizes: Float32Array.from({ length }, (_, i) => 1 + (i % 3)),
};
const q = decode(inputs.q!);
const k = decode(inputs.k!);
const importance = attentionScores(q, k, { bias: Float64Array.from(inputs.sizes, Math.log) }).scores.data;

/** Merge by threshold, then keep the slots of which a member is important enough, and the class token. */
function expectedSlots({
  mergeThreshold,
  pruneThreshold,
}: {
  mergeThreshold: number;
  pruneThreshold: number;
}) {
  const mask = Uint8Array.of(1, ...new Uint8Array(length - 1));
  const merged = bipartiteMatch(
    { data: k.data, dims: [length, k.dims[3]] },
    { threshold: mergeThreshold, mask },
  );
  return merged.filter((own) => own[0] === 0 || Math.max(...own.map((i) => importance[i])) > pruneThreshold);
}

describe('ltmp', () => {
  const sorted = [...importance].sort((a, b) => a - b);

  for (const mergeThreshold of [-1, 0.3, 0.6, 2])
    for (const pruneThreshold of [0, sorted[3] + 1e-7, sorted[9] + 1e-7, 1])
      it(`merges above ${mergeThreshold}, then keeps what is above ${pruneThreshold}`, () => {
        const options = { mergeThreshold, pruneThreshold };
        for (const reference of ['paper', 'authors'] as const) {
          const left = ltmp({ ...options, reference }).reduceSync(inputs);
          assert.deepEqual(membersOf(left.map, 0), expectedSlots(options));
          assertConsistent(inputs, left);
        }
      });

  it('merges what is above the threshold, not at it', () => {
    const metric = tensorOf('float32', [0, 0, 0, 1, 1, 0, 1, 0], [1, 4, 2]);
    const four = { ...randomInputs({ batch: 1, length: 4 }), metric };
    const slots = (mergeThreshold: number) => membersOf(ltmp({ mergeThreshold }).reduceSync(four).map, 0);
    for (const threshold of [1, 2, 1e300]) assert.deepEqual(slots(threshold), [[0], [1], [2], [3]]);
    for (const threshold of [1 - 1e-6, 0, -1, -1e300]) assert.deepEqual(slots(threshold), [[0], [1], [2, 3]]);
    const apart = { ...four, metric: tensorOf('float32', [0, 0, 0, 1, 1, 0, 0, 1], [1, 4, 2]) };
    const left = (mergeThreshold: number) => ltmp({ mergeThreshold }).reduceSync(apart).map.outputLengths[0];
    assert.deepEqual([-1e-9, 0, -0].map(left), [3, 4, 4]);
  });

  it('leaves out the step whose threshold is left out', () => {
    const merged = ltmp({ mergeThreshold: 0.3 }).reduceSync(inputs);
    assert.deepEqual(membersOf(merged.map, 0), expectedSlots({ mergeThreshold: 0.3, pruneThreshold: -1 }));
    const pruneThreshold = sorted[9] + 1e-7;
    const pruned = ltmp({ pruneThreshold }).reduceSync(inputs);
    assert.deepEqual(membersOf(pruned.map, 0), expectedSlots({ mergeThreshold: 2, pruneThreshold }));
  });

  it('leaves of each row what it has, where its destinations stood', () => {
    const three = { ...randomInputs({ batch: 3, length }), lengths: Int32Array.of(17, 9, 1) };
    const options = { mergeThreshold: 0.5, pruneThreshold: 0.06, positions: 'centre' } as const;
    const left = ltmp(options).reduceSync(three);
    assert.ok(new Set(left.map.outputLengths).size > 1);
    assert.deepEqual(left.lengths, left.map.outputLengths);
    const M = left.sizes.dims[1];
    for (let row = 0; row < 3; row++)
      membersOf(left.map, row).forEach((members, i) => {
        const destination = members.find((token) => token % 2 === 1) ?? members[0];
        assert.equal(Number(left.positions.data[row * M + i]), destination);
        if (i === 0) assert.deepEqual(members, [0]);
      });
  });

  it('goes by the thresholds of a layer, and leaves a step out where there is none', () => {
    const at = (layer: number) =>
      ltmp({ mergeThreshold: [0.3, 2], pruneThreshold: [0, sorted[9] + 1e-7] }).reduceSync({
        ...inputs,
        layer,
      });
    assert.deepEqual(membersOf(at(0).map, 0), expectedSlots({ mergeThreshold: 0.3, pruneThreshold: 0 }));
    assert.deepEqual(
      membersOf(at(1).map, 0),
      expectedSlots({ mergeThreshold: 2, pruneThreshold: sorted[9] + 1e-7 }),
    );
    assert.equal(at(2).hidden.dims[1], length);
  });

  it('names what is wrong', () => {
    const create = ltmp as (options: unknown) => unknown;
    for (const name of ['mergeThreshold', 'pruneThreshold'])
      assert.throws(
        () => create({ [name]: '1' }),
        isArgumentError('ERR_TOKENSIEVE_TYPE', `options.${name}`, '1'),
      );
    assert.throws(
      () => create({ mergeThreshold: Number.NaN, pruneThreshold: 0 } satisfies LtmpOptions),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.mergeThreshold'),
    );
    assert.throws(
      () => ltmp({ mergeThreshold: [1], pruneThreshold: 0 }).reduceSync(inputs),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.layer'),
    );
  });
});
