import { suite, test } from 'node:test';
import type { FloatTensor, Tensor } from 'tokensieve';
import { type Activation, matmul as reference } from '../reference/matmul.js';
import { assertSameBits, assertWithin } from '../support/assertions.js';
import { testContract, testMalformed, testRefusals } from '../support/contract.js';
import { capped, isOnDevice, place } from '../support/device.js';
import { errorBudget } from '../support/error-budget.js';
import { matmul, matmulSync } from '../support/operations.js';
import { seeded } from '../support/random.js';
import {
  decode,
  emptyTensor,
  floatTypes,
  randomTensor,
  tensorOf,
  values,
  viewOf,
} from '../support/tensors.js';

interface Options {
  readonly bias?: Float32Array;
  readonly activation?: Activation;
  readonly transposeB?: boolean;
}

/** a `[...,M,K]`, b `[K,N]` or `[...,K,N]`. */
function assertProduct(a: FloatTensor, b: FloatTensor, options: Options = {}): void {
  const [rows, inner] = a.dims.slice(-2);
  const leading = a.dims.slice(0, -2);
  const batch = leading.reduce((product, dim) => product * dim, 1);
  const bMatrix = b.dims.slice(-2);
  const bBatched = b.dims.length > 2;
  const { c, magnitude } = reference(
    values(decode(a).data, [batch, rows, inner]),
    values(decode(b).data, bBatched ? [batch, ...bMatrix] : bMatrix),
    options,
  );
  const columns = bMatrix[options.transposeB ? 0 : 1];
  const { ofMagnitude, activation } = errorBudget.matmul;
  assertWithin(
    matmulSync(a, b, options),
    { data: c, dims: [...leading, rows, columns] },
    (i) => magnitude[i] * ofMagnitude + (options.activation ? activation * Math.min(magnitude[i], 1) : 0),
    `${a.type} ${a.dims} x ${b.dims} ${JSON.stringify({ ...options, bias: undefined })}`,
  );
}

// Rows and columns about the microkernel tiles of 14 x 32 and 6 x 16, and the vectors of 16, 8 and 4; on a device
// about its tile of 64 x 64.
const rowCounts = isOnDevice ? [0, 1, 63, 65] : [0, 1, 2, 5, 6, 7, 13, 14, 15, 28, 29];
const columnCounts = isOnDevice ? [0, 1, 8, 64, 129] : [0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 65];
const activations: readonly Activation[] = ['gelu', 'geluTanh', 'relu', 'tanh'];

suite(`matmul (${place})`, () => {
  for (const type of floatTypes) {
    test(`sizes about every tile, ${type}`, () => {
      const random = seeded(1);
      for (const M of rowCounts) {
        for (const N of columnCounts) {
          for (const K of [1, 17, 64]) {
            for (const transposeB of [false, true]) {
              const a = randomTensor(random, type, [M, K], { offset: M % 3 });
              const b = randomTensor(random, type, transposeB ? [N, K] : [K, N], { offset: N % 5 });
              assertProduct(a, b, { transposeB });
            }
          }
        }
      }
    });

    test(`bias and activations, ${type}`, () => {
      const random = seeded(2);
      const bias = randomTensor(random, 'float32', [33]).data;
      const a = randomTensor(random, type, [15, 40], { deviation: 0.5 });
      const b = randomTensor(random, type, [40, 33]);
      assertProduct(a, b, { bias });
      for (const activation of activations) {
        assertProduct(a, b, { activation });
        assertProduct(a, b, { activation, bias });
      }
    });
  }

  test('activations far out and near zero', () => {
    const xs = [-1e30, -100, -20, -6, -5, -3, -1e-3, -1e-20, -0, 0, 1e-20, 0.1, 0.5, 1, 2, 4, 9, 50, 1e30];
    const one = tensorOf('float32', [1], [1, 1]);
    for (const activation of activations)
      for (const x of xs) assertProduct(tensorOf('float32', [x], [1, 1]), one, { activation });
  });

  test('inner lengths about every block, and none', () => {
    const random = seeded(3);
    const lengths = [0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 63, 127, 255, 256, 257, 511, 513, 1031, 2048];
    for (const K of capped(lengths)) {
      const bias = randomTensor(random, 'float32', [35]).data;
      const a = randomTensor(random, 'float32', [9, K]);
      assertProduct(a, randomTensor(random, 'float32', [K, 35]), { bias });
      assertProduct(a, randomTensor(random, 'float32', [35, K]), { transposeB: true });
    }
  });

  test('batches: of a alone, and of both', () => {
    const random = seeded(4);
    const a = randomTensor(random, 'float32', [3, 2, 7, 19]);
    assertProduct(a, randomTensor(random, 'float32', [19, 11]));
    assertProduct(a, randomTensor(random, 'float32', [3, 2, 19, 11]));
    assertProduct(a, randomTensor(random, 'float32', [3, 2, 11, 19]), { transposeB: true });
  });

  test('factors of different types: the product is of the type of a', () => {
    const random = seeded(10);
    for (const left of floatTypes) {
      for (const right of floatTypes) {
        assertProduct(randomTensor(random, left, [7, 19]), randomTensor(random, right, [19, 33]));
        assertProduct(randomTensor(random, left, [7, 19]), randomTensor(random, right, [33, 19]), {
          transposeB: true,
        });
      }
    }
  });

  for (const type of floatTypes) {
    test(`large products, ${type}`, () => {
      const random = seeded(5);
      const depth = isOnDevice ? 64 : 256;
      assertProduct(randomTensor(random, type, [197, depth]), randomTensor(random, type, [depth, 197]));
      assertProduct(randomTensor(random, type, [577, 40]), randomTensor(random, type, [72, 40]), {
        transposeB: true,
      });
    });
  }

  test('NaN and infinity spread only to their own row and column', () => {
    const a = randomTensor(seeded(6), 'float32', [15, 8]);
    const b = randomTensor(seeded(7), 'float32', [8, 33]);
    a.data[3 * 8 + 2] = Number.NaN;
    b.data[5 * 33 + 32] = Number.POSITIVE_INFINITY;
    assertProduct(a, b);
  });

  test('denormals are not flushed', () => {
    assertProduct(tensorOf('float32', [1e-42, 2e-42], [1, 2]), tensorOf('float32', [1, 1, 1, 1], [2, 2]));
    assertProduct(tensorOf('float16', [6e-8, 1e-7], [1, 2]), tensorOf('float16', [1, 1, 1, 1], [2, 2]));
  });

  test('a bias as a tensor', () => {
    const random = seeded(8);
    const [a, b] = [randomTensor(random, 'float32', [3, 4]), randomTensor(random, 'float32', [4, 5])];
    const bias = randomTensor(random, 'float32', [5]);
    assertSameBits(matmulSync(a, b, { bias }), matmulSync(a, b, { bias: bias.data }));
  });

  const roomFor = (dims: readonly number[]) => ({
    empty: () => ({ output: emptyTensor('float32', dims) }),
    tensors: ({ output }: { output: Tensor<'float32'> }) => [output],
  });
  suite('as every operation', () => {
    const random = seeded(9);
    const [rows, inner, columns] = isOnDevice ? [40, 61, 60] : [200, 301, 300];
    const a = randomTensor(random, 'float32', [rows, inner]);
    const b = randomTensor(random, 'float32', [inner, columns]);
    testContract({
      inputs: [a, b],
      run: ([a, b], extra) => matmul(a, b, { activation: 'gelu', ...extra }),
      runSync: ([a, b], extra) => matmulSync(a, b, { activation: 'gelu', ...extra }),
      tensors: (c) => [c],
      out: {
        ...roomFor([rows, columns]),
        overlapping: ([, b]) => ({ output: viewOf(b, 0, [rows, columns]) }),
      },
    });
  });

  const a = tensorOf('float32', [1, 2, 3, 4, 5, 6], [2, 3]);
  const b = tensorOf('float32', [1, 2, 3, 4, 5, 6], [3, 2]);
  testRefusals(
    [matmul, matmulSync],
    [
      { name: 'inner lengths that differ', args: [a, a, {}], code: 'ERR_TOKENSIEVE_SHAPE', path: 'a|b' },
      {
        name: 'a transposed b that no longer fits',
        args: [a, b, { transposeB: true }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'a|b',
      },
      {
        name: 'batches that differ',
        args: [tensorOf('float32', [1, 2], [2, 1, 1]), tensorOf('float32', [1, 2, 3], [3, 1, 1]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'a|b',
      },
      {
        name: 'integers',
        args: [tensorOf('int32', [1], [1, 1]), b, {}],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'a\\.type',
        value: 'int32',
      },
      {
        name: 'a vector for b',
        args: [a, tensorOf('float32', [1, 2, 3], [3]), {}],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'b',
      },
      {
        name: 'a bias of another length',
        args: [a, b, { bias: new Float32Array(3) }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.bias',
      },
      {
        name: 'a bias of another type',
        args: [a, b, { bias: new Float64Array(2) }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.bias',
        value: 'Float64Array',
      },
      {
        name: 'an unknown activation',
        args: [a, b, { activation: 'silu' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.activation',
        value: '"silu"',
      },
      {
        name: 'a word for transposeB',
        args: [a, b, { transposeB: 'yes' }],
        code: 'ERR_TOKENSIEVE_TYPE',
        path: 'options\\.transposeB',
        value: '"yes"',
      },
      {
        name: 'an out of another shape',
        args: [a, b, { out: { output: emptyTensor('float32', [2, 3]) } }],
        code: 'ERR_TOKENSIEVE_SHAPE',
        path: 'options\\.out',
      },
    ],
    roomFor([2, 2]),
  );

  testMalformed(
    [matmul, matmulSync],
    [a, b, { bias: new Float32Array(2), activation: 'relu', transposeB: false }],
  );
});
