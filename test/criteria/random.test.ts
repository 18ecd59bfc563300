import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { criteria } from 'tokensieve';
import { ask } from '../support/ask.js';
import { isArgumentError } from '../support/assertions.js';
import { randomInputs } from '../support/reductions.js';

describe('criteria.random', () => {
  const inputs = randomInputs({ length: 500, batch: 2 });
  const scores = (options: { seed?: number }, layer?: number) =>
    ask(criteria.random(options), { ...inputs, ...(layer !== undefined && { layer }) }).data;

  it('depends on seed, layer and row alone', () => {
    assert.deepEqual(scores({ seed: 3 }), scores({ seed: 3 }));
    assert.notDeepEqual(scores({ seed: 3 }), scores({ seed: 4 }));
    assert.notDeepEqual(scores({ seed: 3 }, 1), scores({ seed: 3 }, 2));
    const all = scores({ seed: 3 });
    assert.notDeepEqual(all.slice(0, 500), all.slice(500));
  });

  it('is uniform, and unrelated from seed to seed', () => {
    const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
    const draws = Array.from({ length: 20 }, (_, seed) => scores({ seed }));
    for (const draw of draws) {
      assert.ok(draw.every((x) => x >= 0 && x < 1));
      assert.ok(Math.abs(mean(draw) - 0.5) < 0.05);
      for (const other of draws) {
        const covariance = mean(draw.map((x, i) => (x - 0.5) * (other[i] - 0.5)));
        assert.ok(other === draw || Math.abs(covariance * 12) < 0.16);
      }
    }
  });

  it('names a seed that is none', () => {
    assert.throws(
      () => criteria.random({ seed: 0.5 }),
      isArgumentError('ERR_TOKENSIEVE_RANGE', 'options.seed', 0.5),
    );
    assert.throws(
      () => criteria.random({ seed: '1' as never }),
      isArgumentError('ERR_TOKENSIEVE_TYPE', 'options.seed'),
    );
  });
});
