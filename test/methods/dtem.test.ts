import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dtem } from 'tokensieve';
import { bipartiteMatch } from '../reference/bipartite-match.js';
import { isArgumentError } from '../support/assertions.js';
import { seeded } from '../support/random.js';
import { assertConsistent, membersOf, randomInputs } from '../support/reductions.js';
import { decode, randomTensor } from '../support/tensors.js';

describe('dtem', () => {
  const inputs = {
    ...randomInputs({ batch: 1, length: 13 }),
    metric: randomTensor(seeded(4), 'float32', [1, 13, 3]),
    mask: Uint8Array.of(1, ...new Uint8Array(12)),
  };

  it('matches by the metric, whatever the keys are', () => {
    const { data } = decode(inputs.metric);
    for (const r of [0, 1, 3, 6, 99]) {
      const left = dtem({ r }).reduceSync(inputs);
      const expected = bipartiteMatch({ data, dims: [13, 3] }, { r, mask: inputs.mask });
      assert.deepEqual(membersOf(left.map, 0), expected);
      assertConsistent(inputs, left);
    }
  });

  it('lists survivors as the authors do where there is no class token', () => {
    const { mask: _, ...open } = inputs;
    const [theirs, here] = (['authors', 'paper'] as const).map((reference) =>
      membersOf(dtem({ r: 2, reference }).reduceSync(open).map, 0),
    );
    assert.notDeepEqual(theirs, here);
    assert.deepEqual([...theirs].sort(), [...here].sort());
  });

  it('names what is missing', () => {
    const { metric: _, ...without } = inputs;
    assert.throws(
      () => dtem({ r: 0 }).reduceSync(without),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.metric'),
    );
    const create = dtem as (options: unknown) => unknown;
    assert.throws(() => create({ r: 0.5 }), isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.r', 0.5));
    assert.throws(() => create({}), isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.r'));
  });
});
