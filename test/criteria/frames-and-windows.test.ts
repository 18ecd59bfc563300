import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, type Criterion, createSieve, criteria, type SieveInputs, strategies } from 'tokensieve';
import { isArgumentError } from '../support/assertions.js';
import { tensorOf } from '../support/tensors.js';

const scoresOf = (criterion: Criterion, inputs: SieveInputs) =>
  Array.from(
    createSieve({ criterion, budget: budgets.keep(1), strategy: strategies.prune() }).reduceSync(inputs)
      .scores!.data,
    (score) => Math.round(score * 1e6) / 1e6,
  );

/** Unit vectors at angles in degrees. */
const at = (...angles: number[]) =>
  tensorOf(
    'float32',
    angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]),
    [1, angles.length, 2],
  );

describe('criteria.frameChange', () => {
  const inputs = { hidden: at(0, 0, 0, 60, 90, 90), grid: [3, 1, 2] };

  it('is 1 minus the cosine with the frame before, 2 where there is none', () => {
    assert.deepEqual(scoresOf(criteria.frameChange(), inputs), [2, 2, 0, 0.5, 1, 0.133975]);
    const mask = Uint8Array.of(1, 0, 0, 0, 0, 1);
    // The frames are tokens 1 and 2, then 3 and 4.
    const within = criteria.frameChange({ grid: [2, 1, 2] });
    assert.deepEqual(scoresOf(within, { hidden: inputs.hidden, mask }), [0, 2, 2, 0.5, 1, 0]);
  });

  it('compares with any other frame, and names one that there is not', () => {
    const toFirst = criteria.frameChange({ against: (frame) => (frame === 0 ? undefined : 0) });
    assert.deepEqual(scoresOf(toFirst, inputs), [2, 2, 0, 0.5, 1, 1]);
    const toLast = criteria.frameChange({ against: (_, frames) => frames });
    assert.throws(
      () => scoresOf(toLast, inputs),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.against\\(0, 3\\)', 3),
    );
    assert.throws(
      () => criteria.frameChange({ against: 3 } as never),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.against', 3),
    );
  });
});

describe('criteria.cohesion', () => {
  const inputs = { hidden: at(0, 60, 0, 0, 60, 0), grid: [2, 3] };

  it('is the mean cosine of the pairs of a window, 0 for a token alone', () => {
    // Windows 0 1 3 4 and 2 5: of the pairs of 0, 60, 0 and 60 degrees, two have a cosine of 1 and four of 0.5.
    assert.deepEqual(
      scoresOf(criteria.cohesion(), inputs),
      [2 / 3, 2 / 3, 1, 2 / 3, 2 / 3, 1].map((x) => Math.round(x * 1e6) / 1e6),
    );
    assert.deepEqual(scoresOf(criteria.cohesion({ window: [1, 2] }), inputs), [0.5, 0.5, 0, 0.5, 0.5, 0]);
    const keys = { ...inputs, k: { ...at(0, 0, 0, 90, 90, 0), dims: [1, 1, 6, 2] } };
    assert.deepEqual(
      scoresOf(criteria.cohesion({ window: [2, 1], metric: 'keys' }), keys),
      [0, 0, 1, 0, 0, 1],
    );
    const twoFrames = { ...inputs, grid: [2, 1, 3] };
    assert.deepEqual(
      scoresOf(criteria.cohesion({ window: [1, 3] }), twoFrames),
      [0.666667, 0.666667, 0.666667, 0.666667, 0.666667, 0.666667],
    );
  });

  it('names what is wrong', () => {
    assert.throws(
      () => criteria.cohesion({ window: 0 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.window', 0),
    );
    assert.throws(
      () => scoresOf(criteria.cohesion(), { hidden: inputs.hidden }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'inputs.grid'),
    );
  });
});
