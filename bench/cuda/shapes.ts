// What is run of every operation on a device: shapes that its kernels were made for, and small ones that an emulated device
// gets through. A kernel that none of them reaches has no row in docs/cuda-kernels.md, and that is an error.
import {
  attentionScoresSync,
  attentionSync,
  bipartiteMatchSync,
  channelMomentsSync,
  type Device,
  type DeviceTensor,
  dppGreedySync,
  type FloatType,
  farthestPointSync,
  gatherChannelsSync,
  gatherTokensSync,
  knnDensitySync,
  layerNormSync,
  matmulSync,
  mergeTokensSync,
  pairedSimilaritySync,
  poolScoresSync,
  restoreTokensSync,
  rotateKeysSync,
  sampleCdfSync,
  selectThresholdSync,
  similarityArgmaxSync,
  similarityReduceSync,
  type Tensor,
  TokenMap,
  tokenNormsSync,
  topKSync,
} from 'tokensieve';
import { normal, normalOf, toType } from '../case.js';

/** B items of N tokens of C channels; attention's of H heads of D. */
export interface Size {
  readonly B: number;
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly D: number;
}

/** An operation to run. */
export interface Job {
  readonly operation: string;
  /** What the operation is given. */
  readonly shape: string;
  /** Flops of the formula; 0 where nothing is computed, only compared or moved. */
  readonly flops: number;
  /** Bytes of inputs and outputs, each counted once. */
  readonly bytes: number;
  /** Whether tensor cores can do the flops. */
  readonly isMatrix: boolean;
  /** Puts inputs on the device, and returns the call. */
  readonly prepare: (device: Device) => () => unknown;
}

/** A real size: a vision encoder's, batched to fill a device. */
export const realSize: Size = { B: 32, N: 577, C: 1024, H: 16, D: 64 };
/** The same proportions where every instruction is emulated. */
export const emulatedSize: Size = { B: 1, N: 197, C: 192, H: 1, D: 64 };

/** A row that one block would be long at. */
const longRow = 100_000;
/** Keys of a decoding step. */
const longKeys = 2048;

const floatTypes: readonly FloatType[] = ['float32', 'float16', 'bfloat16'];

/** The first `count` tokens of every item. */
function keptPlaces(items: number, count: number): Tensor<'int32'> {
  return {
    type: 'int32',
    data: Int32Array.from({ length: items * count }, (_, i) => i % count),
    dims: [items, count],
  };
}

export function jobs({ B, N, C, H, D }: Size): Job[] {
  const heads = (device: Device, type: FloatType, queries = N): DeviceTensor<FloatType> =>
    device.upload(normalOf(type, [B, H, queries, D]));
  const tokens = (device: Device, type: FloatType): DeviceTensor<FloatType> =>
    device.upload(normalOf(type, [B, N, C]));
  const scores = (device: Device, type: FloatType = 'float32'): DeviceTensor<FloatType> =>
    device.upload(normalOf(type, [B, N]));
  const positive = <T extends FloatType>(device: Device, type: T): DeviceTensor<T> =>
    device.upload(toType(type, normal([B, N]).data.map(Math.exp), [B, N]));
  const half = Math.floor(N / 2);
  const attentionShape = `${B} x ${H} x ${N}² x ${D}`;
  const tokenShape = `${B} x ${N} x ${C}`;
  const rowShape = `${B} x ${N}`;
  return floatTypes.flatMap((type): Job[] => {
    const element = type === 'float32' ? 4 : 2;
    const row = B * N * element;
    const tokenBytes = row * C;
    const headBytes = row * H * D;
    const product = 2 * B * N * N;
    const of = (
      operation: string,
      shape: string,
      flops: number,
      bytes: number,
      prepare: Job['prepare'],
    ): Job => ({
      operation,
      shape: `${shape} ${type}`,
      flops,
      bytes,
      isMatrix: type !== 'float32' && flops >= product * Math.min(C, H * D),
      prepare,
    });
    return [
      of('attentionScores', attentionShape, 2 * product * H * D, 2 * headBytes, (device) => {
        const [q, k] = [heads(device, type), heads(device, type)];
        return () => attentionScoresSync(q, k);
      }),
      of('attentionScores, lse given', attentionShape, product * H * D, 2 * headBytes, (device) => {
        const [q, k] = [heads(device, type), heads(device, type)];
        const { lse } = attentionScoresSync(q, k);
        return () => attentionScoresSync(q, k, { lse });
      }),
      of(
        'attentionScores, last 8 queries, values, pooled',
        attentionShape,
        4 * B * 8 * N * H * D,
        2 * headBytes,
        (device) => {
          const [q, k, values] = [heads(device, type), heads(device, type), heads(device, type)];
          const options = { queries: { last: 8 }, values, pool: { kernel: 5 }, entropy: true } as const;
          return () => attentionScoresSync(q, k, options);
        },
      ),
      of('attention, with scores', attentionShape, 3 * product * H * D, 4 * headBytes, (device) => {
        const [q, k, v] = [heads(device, type), heads(device, type), heads(device, type)];
        return () => attentionSync(q, k, v, { scores: true });
      }),
      of('topK', `${rowShape}, k = ${half}`, 0, row, (device) => {
        const x = scores(device, type);
        return () => topKSync(x, half);
      }),
      of('topK by value', `${rowShape}, k = ${half}`, 0, row, (device) => {
        const x = scores(device, type);
        return () => topKSync(x, half, { order: 'value' });
      }),
      of('selectThreshold, quantile', rowShape, 0, row, (device) => {
        const x = scores(device, type);
        return () => selectThresholdSync(x, { quantile: 0.5 });
      }),
      of('selectThreshold, mass', rowShape, 0, row, (device) => {
        const x = positive(device, type);
        return () => selectThresholdSync(x, { mass: 0.9 });
      }),
      of('sampleCdf', `${rowShape}, ${half} points`, 0, row, (device) => {
        const x = positive(device, type);
        return () => sampleCdfSync(x, half);
      }),
      of('gatherTokens', `${tokenShape}, half of them`, 0, tokenBytes, (device) => {
        const x = tokens(device, type);
        const { indices } = topKSync(scores(device, type), half);
        return () => gatherTokensSync(x, indices);
      }),
      of('bipartiteMatch', tokenShape, (product / 4) * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => bipartiteMatchSync(x, { r: Math.floor(N / 4) });
      }),
      of('mergeTokens', tokenShape, B * N * C, (7 / 4) * tokenBytes, (device) => {
        const x = tokens(device, type);
        const map = bipartiteMatchSync(x, { r: Math.floor(N / 4) });
        return () => mergeTokensSync(x, map);
      }),
      of('restoreTokens', tokenShape, 0, (7 / 4) * tokenBytes, (device) => {
        const x = tokens(device, type);
        const map = bipartiteMatchSync(x, { r: Math.floor(N / 4) });
        const merged = mergeTokensSync(x, map);
        return () => restoreTokensSync(merged.tokens, map);
      }),
      of('restoreTokens, weighted', tokenShape, 2 * B * N * C, (11 / 4) * tokenBytes, (device) => {
        const [x, weights] = [tokens(device, type), positive(device, 'float32')];
        const map = bipartiteMatchSync(x, { r: Math.floor(N / 4) });
        const merged = mergeTokensSync(x, map);
        return () => restoreTokensSync(merged.tokens, map, { weights, residual: x });
      }),
      of('layerNorm', tokenShape, 9 * B * N * C, 2 * tokenBytes, (device) => {
        const x = tokens(device, type);
        const [weight, bias] = [device.upload(normal([C])), device.upload(normal([C]))];
        return () => layerNormSync(x, { weight, bias });
      }),
      of('channelMoments', tokenShape, 6 * B * N * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => channelMomentsSync(x);
      }),
      of('gatherChannels', `${tokenShape}, half of them`, 0, (3 / 2) * tokenBytes, (device) => {
        const x = tokens(device, type);
        const indices = Int32Array.from({ length: C / 2 }, (_, i) => 2 * i);
        const list = device.upload({ type: 'int32', data: indices, dims: [C / 2] });
        return () => gatherChannelsSync(x, list);
      }),
      of('tokenNorms', tokenShape, 2 * B * N * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => tokenNormsSync(x);
      }),
      of('pairedSimilarity', tokenShape, 6 * B * N * C, 2 * tokenBytes, (device) => {
        const [a, b] = [tokens(device, type), tokens(device, type)];
        return () => pairedSimilaritySync(a, b);
      }),
      of('similarityArgmax', tokenShape, product * C, 2 * tokenBytes, (device) => {
        const [a, b] = [tokens(device, type), tokens(device, type)];
        return () => similarityArgmaxSync(a, b);
      }),
      of('similarityArgmax, k = 4', tokenShape, product * C, 2 * tokenBytes, (device) => {
        const [a, b] = [tokens(device, type), tokens(device, type)];
        return () => similarityArgmaxSync(a, b, { k: 4, metric: 'l2' });
      }),
      of('similarityArgmax, earlier', tokenShape, (product / 2) * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => similarityArgmaxSync(x, x, { candidates: 'earlier' });
      }),
      of('similarityArgmax, k = 4 of others', tokenShape, product * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => similarityArgmaxSync(x, x, { k: 4, candidates: 'others' });
      }),
      of('similarityReduce', tokenShape, product * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => similarityReduceSync(x, { f: 'mean' });
      }),
      of('knnDensity', tokenShape, product * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => knnDensitySync(x, { k: 5 });
      }),
      of('farthestPoint', `${tokenShape}, 16 of them`, 16 * 2 * B * N * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => farthestPointSync(x, { count: 16, start: 'isolated' });
      }),
      of('dppGreedy', `${tokenShape}, 16 of them`, 16 * 2 * B * N * C, tokenBytes, (device) => {
        const [x, relevance] = [tokens(device, type), positive(device, 'float32')];
        return () => dppGreedySync(x, relevance, { count: 16 });
      }),
      of('similarityReduce, elu', tokenShape, product * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => similarityReduceSync(x, { f: { elu: 0.5 } });
      }),
      of('similarityReduce, square', tokenShape, product * C, tokenBytes, (device) => {
        const x = tokens(device, type);
        return () => similarityReduceSync(x, { f: 'square' });
      }),
      of('similarityArgmax, k = 4, cosine', tokenShape, product * C, 2 * tokenBytes, (device) => {
        const [a, b] = [tokens(device, type), tokens(device, type)];
        return () => similarityArgmaxSync(a, b, { k: 4 });
      }),
      of('knnDensity, cosine, mask on the device', tokenShape, product * C, tokenBytes, (device) => {
        const [x, mask] = [tokens(device, type), device.empty('uint8', [B, N])];
        return () => knnDensitySync(x, { k: 5, metric: 'cosine', mask });
      }),
      of('bipartiteMatch, mask on the device', tokenShape, (product / 4) * C, tokenBytes, (device) => {
        const [x, mask] = [tokens(device, type), device.empty('uint8', [B, N])];
        return () => bipartiteMatchSync(x, { r: Math.floor(N / 4), mask });
      }),
      of(
        'farthestPoint, mask on the device',
        `${tokenShape}, 4 of them`,
        8 * B * N * C,
        tokenBytes,
        (device) => {
          const [x, mask] = [tokens(device, type), device.empty('uint8', [B, N])];
          return () => farthestPointSync(x, { count: 4, start: 0, mask });
        },
      ),
      of('mergeTokens, norm', tokenShape, B * N * C, (7 / 4) * tokenBytes, (device) => {
        const x = tokens(device, type);
        const map = bipartiteMatchSync(x, { r: Math.floor(N / 4) });
        return () => mergeTokensSync(x, map, { reduce: 'norm' });
      }),
      of('selectThreshold, gatherTokens, restoreTokens', tokenShape, 0, 3 * tokenBytes, (device) => {
        const [x, importance] = [tokens(device, type), scores(device, type)];
        const map = TokenMap.fromKept(keptPlaces(B, half), N);
        const kept = mergeTokensSync(x, map).tokens;
        return () => [
          gatherTokensSync(x, selectThresholdSync(importance, { quantile: 0.5 })),
          restoreTokensSync(kept, map, { dropped: 'nearest' }),
        ];
      }),
      of('topK of a long row', `1 x ${longRow}, k = ${half}`, 0, longRow * element, (device) => {
        const x = device.upload(normalOf(type, [1, longRow]));
        return () => topKSync(x, half);
      }),
      of('rotateKeys, frequencies on the device', attentionShape, 0, 2 * headBytes, (device) => {
        const k = heads(device, type);
        const from = Int32Array.from({ length: N }, (_, i) => i);
        const turns = Float32Array.from({ length: D / 2 }, (_, i) => 0.9 ** i);
        const frequencies = device.upload({ type: 'float32', data: turns, dims: [D / 2] });
        return () => rotateKeysSync(k, from, from.toReversed(), { frequencies });
      }),
      of('matmul, mixed types', `${B} x ${N} x ${C} x ${C}`, 2 * B * N * C * C, 2 * tokenBytes, (device) => {
        const a = tokens(device, type);
        const b = device.upload(normalOf(type === 'float32' ? 'float16' : 'float32', [1, C, C]));
        return () => matmulSync(a, b);
      }),
      ...[128, 256].map((depth) =>
        of(
          'attentionScores',
          `${B} x ${H} x ${N}² x ${depth}`,
          2 * product * H * depth,
          2 * row * H * depth,
          (device) => {
            const one = (): DeviceTensor<FloatType> => device.upload(normalOf(type, [B, H, N, depth]));
            const [q, k] = [one(), one()];
            return () => attentionScoresSync(q, k);
          },
        ),
      ),
      ...[128, 256].map((depth) =>
        of(
          'attention, observed scores',
          `${B} x ${H} x ${N}² x ${depth}`,
          3 * product * H * depth,
          4 * row * H * depth,
          (device) => {
            const one = (): DeviceTensor<FloatType> => device.upload(normalOf(type, [B, H, N, depth]));
            const [q, k, v] = [one(), one(), one()];
            return () => attentionSync(q, k, v, { causal: true, reduce: 'observed', scores: true });
          },
        ),
      ),
      ...[D, 128, 256].flatMap((depth) => {
        const shape = `${B} x ${H} x ${N}² x ${depth}`;
        const one = (device: Device): DeviceTensor<FloatType> =>
          device.upload(normalOf(type, [B, H, N, depth]));
        const distances = (device: Device) => ({
          distanceScale: device.upload(normal([half])),
          positions: device.upload(keptPlaces(B, N)),
        });
        return [
          of(
            'attentionScores, by distance',
            shape,
            2 * product * H * depth,
            2 * row * H * depth,
            (device) => {
              const [q, k, options] = [one(device), one(device), distances(device)];
              return () => attentionScoresSync(q, k, options);
            },
          ),
          of('attention, by distance', shape, 2 * product * H * depth, 4 * row * H * depth, (device) => {
            const [q, k, v, options] = [one(device), one(device), one(device), distances(device)];
            return () => attentionSync(q, k, v, options);
          }),
        ];
      }),
      of(
        'attention, 1 query',
        `${B} x ${H} x 1 x ${longKeys} x ${D}`,
        4 * B * H * longKeys * D,
        2 * B * H * longKeys * D * element,
        (device) => {
          const q = heads(device, type, 1);
          const [k, v] = [heads(device, type, longKeys), heads(device, type, longKeys)];
          return () => attentionSync(q, k, v);
        },
      ),
      of('rotateKeys', attentionShape, 0, 2 * headBytes, (device) => {
        const k = heads(device, type);
        const from = Int32Array.from({ length: N }, (_, i) => i);
        return () => rotateKeysSync(k, from, from.toReversed());
      }),
      of('poolScores', rowShape, 0, row + 4 * B * N, (device) => {
        const x = scores(device, type);
        return () => poolScoresSync(x, { kernel: 5, mode: 'avg' });
      }),
      of('matmul', `${B} x ${N} x ${C} x ${C}`, 2 * B * N * C * C, 2 * tokenBytes, (device) => {
        const a = tokens(device, type);
        const b = device.upload(normalOf(type, [1, C, C]));
        return () => matmulSync(a, b, { activation: 'gelu' });
      }),
    ];
  });
}
