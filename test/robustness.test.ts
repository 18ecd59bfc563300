// What the fuzz has found, one by one: arguments that once crashed, hung, or came back without a code.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  attentionSync,
  createSieve,
  criteria,
  gatherTokensSync,
  matmulSync,
  mergeTokensSync,
  selectThreshold,
  strategies,
  type Tensor,
  TokenMap,
  tokenNorms,
  tokenNormsSync,
  topKSync,
} from 'tokensieve';
import { tensorOf } from './support/tensors.js';

const coded = (code: string) => (error: Error & { code?: string }) => {
  assert.equal(error.code, `ERR_TOKENSIEVE_${code}`, error.stack);
  return true;
};

function transferAway({ buffer }: NodeJS.TypedArray): void {
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

suite('typed arrays', () => {
  test('of another realm are taken as they are', () => {
    const data = runInNewContext('Float32Array.of(3, 4)') as Float32Array;
    assert.deepEqual([...tokenNormsSync({ type: 'float32', data, dims: [1, 2] }).data], [5]);
    const mask = runInNewContext('Uint8Array.of(2, 0)') as Uint8Array;
    const { indices } = topKSync(tensorOf('float32', [2, 1], [2]), 1, { mask });
    assert.deepEqual([...indices.data], [1]);
  });

  test('with a length, a class or a prototype that is not theirs are read as what they are', () => {
    class Longer extends Float32Array {
      override get length(): number {
        return 1_000_000;
      }
    }
    const data = new Longer(4);
    assert.throws(() => tokenNormsSync({ type: 'float32', data, dims: [1_000_000, 1] }), coded('SHAPE'));
    const bytes = new Uint8Array(4);
    Object.setPrototypeOf(bytes, Float32Array.prototype);
    const posing = { type: 'float32', data: bytes as unknown as Float32Array, dims: [4] } as const;
    assert.throws(() => tokenNormsSync(posing), coded('TYPE'));
  });

  test('whose memory goes while other arguments are read are refused', async () => {
    const x = tensorOf('float32', [1, 2, 3, 4], [2, 2]);
    const options = {
      get p(): 2 {
        transferAway(x.data);
        return 2;
      },
    };
    assert.throws(() => tokenNormsSync(x, options), coded('DETACHED'));
    await assert.rejects(tokenNorms(x, options), coded('SHAPE'));
  });
});

test('of two outputs, of which one is transferred away meanwhile, neither is written', async () => {
  const out = { indices: tensorOf('int32', [7, 7, 7], [3]), offsets: Int32Array.of(7, 7) };
  const promise = selectThreshold(tensorOf('float32', [1, 2, 3], [3]), { above: 0 }, { out });
  transferAway(out.offsets);
  await assert.rejects(promise, coded('DETACHED'));
  assert.deepEqual([...out.indices.data], [7, 7, 7]);
});

suite('dims', () => {
  const empty = (dims: number[]): Tensor<'float32'> => ({ type: 'float32', data: new Float32Array(0), dims });

  test('of billions of holes, or that never end, are not gone through', () => {
    const holes: number[] = [];
    holes.length = 2 ** 32 - 1;
    assert.throws(
      () => tokenNormsSync({ type: 'float32', data: new Float32Array(1), dims: holes }),
      coded('SHAPE'),
    );
    const endless = [2, 2];
    endless[Symbol.iterator] = function* () {
      for (;;) yield 1;
    };
    const norms = tokenNormsSync({ type: 'float32', data: new Float32Array(4), dims: endless });
    assert.deepEqual(norms.dims, [2]);
    assert.throws(() => topKSync(tensorOf('float32', [1], [1]), 1, { segments: holes }), coded('SHAPE'));
    assert.throws(() => criteria.combineByRank(holes as never), coded('SHAPE'));
    assert.throws(() => criteria.predictor({ layers: holes as never }), coded('SHAPE'));
  });

  test('that say there are billions of empty rows are refused', () => {
    assert.throws(() => topKSync(empty([2 ** 31 - 1, 0]), 0), coded('SHAPE'));
    const sieve = createSieve({ strategy: strategies.bipartiteMerge() });
    assert.throws(() => sieve.reduceSync({ hidden: empty([2 ** 40, 0, 3]) }), coded('SHAPE'));
  });

  test('of a result that no memory could hold are refused', () => {
    assert.throws(() => matmulSync(empty([2 ** 24, 0]), empty([0, 2 ** 24])), coded('MEMORY'));
    assert.throws(() => gatherTokensSync(empty([0, 2 ** 24]), new Int32Array(2 ** 20)), coded('MEMORY'));
  });

  test('of -0 are 0', () => {
    const { indices } = topKSync(tensorOf('float32', [1], [1]), -0);
    assert.deepEqual(indices.dims, [0]);
    assert.deepEqual(tokenNormsSync(empty([-0, 2])).dims, [0]);
  });

  test('that change between two reads are read once', () => {
    const q = tensorOf('float32', [1, 2], [1, 2]);
    let reads = 0;
    const fickle = {
      ...q,
      get dims(): number[] {
        return reads++ === 0 ? [1, 2] : (null as never);
      },
    };
    assert.deepEqual(attentionSync(fickle, q, q).output.dims, [1, 2]);
  });
});

suite('maps', () => {
  test('of more tokens than memory should be spent on are refused', () => {
    assert.throws(() => TokenMap.fromKept(Int32Array.of(0), 2 ** 31 - 1), coded('SHAPE'));
  });

  test('are made by their class alone', () => {
    const map = TokenMap.fromKept(Int32Array.of(0, 1), 2);
    const forged = Object.assign(Object.create(TokenMap.prototype), map) as TokenMap;
    assert.throws(() => mergeTokensSync(tensorOf('float32', [1, 2], [2, 1]), forged), coded('TYPE'));
    assert.throws(() => map.compose(forged), coded('TYPE'));
    assert.throws(() => Reflect.construct(TokenMap, [map]), coded('TYPE'));
  });

  test('whose arrays were written to are found out', () => {
    const make = () => TokenMap.fromKept(Int32Array.of(0, 1, 2), 3);
    const x = tensorOf('float32', [1, 2, 3], [3, 1]);
    for (const name of ['outputLengths', 'offsets', 'members'] as const) {
      for (const value of [-1, 2 ** 31 - 1]) {
        const map = make();
        map[name][0] = value;
        const isCoded = (error: Error & { code?: string }) =>
          /^ERR_TOKENSIEVE_(RANGE|SHAPE)$/.test(error.code ?? '');
        assert.throws(() => map.kept(0), isCoded);
        assert.throws(() => map.sizes(), isCoded);
        assert.throws(() => map.compose(make()), isCoded);
        assert.throws(() => make().compose(map), isCoded);
        assert.throws(() => mergeTokensSync(x, map), isCoded);
      }
    }
  });
});

test('a signal that is one by its prototype alone is refused', async () => {
  const signal = Object.create(AbortSignal.prototype) as AbortSignal;
  await assert.rejects(tokenNorms(tensorOf('float32', [1], [1]), { signal }), coded('TYPE'));
});

suite('parts of a sieve that give what they should not', () => {
  const hidden = tensorOf('float32', [1, 2, 3], [3, 1]);
  const strategy = strategies.prune();

  test('are named', () => {
    for (const wrong of [null, 1, {}, { count: 3 }, { rule: null }]) {
      const sieve = createSieve({ budget: (() => wrong) as never, criterion: criteria.random(), strategy });
      assert.throws(() => sieve.reduceSync({ hidden }), coded('TYPE'));
    }
    for (const wrong of [undefined, null, 1, {}, { map: {} }, { distilled: 1 }]) {
      const sieve = createSieve({ strategy: (() => wrong) as never });
      assert.throws(() => sieve.reduceSync({ hidden }), coded('TYPE'));
    }
  });
});
