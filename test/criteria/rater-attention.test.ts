import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { budgets, createSieve, criteria, type SieveInputs, strategies } from 'tokensieve';
import { attentionScores } from '../reference/attention-scores.js';
import { ratersOf, scoresOf } from '../reference/raters.js';
import { isArgumentError } from '../support/assertions.js';
import { type PromptInputs, promptInputs } from '../support/prompts.js';
import { decode, tensorOf } from '../support/tensors.js';

function score(inputs: SieveInputs, options: criteria.RaterAttentionOptions = {}): Float64Array {
  const criterion = criteria.raterAttention(options);
  const sieve = createSieve({ criterion, budget: budgets.count(5), strategy: strategies.prune() });
  const { scores } = sieve.reduceSync(inputs);
  assert.ok(scores);
  return decode(scores).data;
}

describe('raterAttention', () => {
  it('chooses raters by the embeddings that metric brings', () => {
    const inputs = promptInputs({ spans: [2, 30, 8] });
    const { hidden: metric } = promptInputs({ spans: [2, 30, 8], seed: 9 });
    const raters = ratersOf({ hidden: metric, mask: inputs.mask });
    assert.notDeepEqual(raters, ratersOf(inputs));
    const scores = score({ ...inputs, metric });
    for (const [i, expected] of scoresOf(inputs, raters).entries())
      assert.ok(Math.abs(scores[i] - expected) < 1e-6);
  });

  it('is rated by all the text where no word stands out, by all tokens without text, by the last row alone', () => {
    const inputs = promptInputs({ spans: [2, 30, 4] });
    const same = { ...inputs, metric: tensorOf('float32', new Array(36 * 2).fill(1), [1, 36, 2]) };
    const rated = (given: PromptInputs, raters: number[]) => {
      const scores = score(given);
      for (const [i, expected] of scoresOf(inputs, raters).entries())
        assert.ok(Math.abs(scores[i] - expected) < 1e-6, `${i}`);
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
        const corrected = { gravity: true, reference, ...options };
        const found = score({ ...inputs, positions }, corrected);
        for (const [i, expected] of scores.data.entries())
          assert.ok(Math.abs(found[i] - expected) < 2 * tolerance[i] + 1e-7, `${stride}: ${i}`);
        const long = { ...inputs, positions: BigInt64Array.from(positions, BigInt) };
        assert.deepEqual(score(long, corrected), found);
      }
    });

  it('names what is wrong', () => {
    const create = criteria.raterAttention as (options: unknown) => unknown;
    for (const [options, code, path] of [
      [3, 'ERR_TOKENSIEVE_TYPE', 'options'],
      [{ heads: 0 }, 'ERR_TOKENSIEVE_RANGE', 'options.heads'],
      [{ heads: '2' }, 'ERR_TOKENSIEVE_TYPE', 'options.heads'],
      [{ gravity: 1 }, 'ERR_TOKENSIEVE_TYPE', 'options.gravity'],
      [{ gravity: true, base: -1 }, 'ERR_TOKENSIEVE_RANGE', 'options.base'],
      [{ gravity: true, floor: 0 }, 'ERR_TOKENSIEVE_RANGE', 'options.floor'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(code, path));
    const inputs = promptInputs();
    const sections = tensorOf('int32', new Array(3 * 15).fill(1), [3, 1, 15]);
    assert.throws(
      () => score({ ...inputs, positions: sections }, { gravity: true }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'inputs.positions.dims'),
    );
    assert.throws(
      () => score(inputs, { gravity: true, frequencies: Float32Array.of(1) }),
      isArgumentError('ERR_TOKENSIEVE_SHAPE', 'options.frequencies.dims'),
    );
  });
});
