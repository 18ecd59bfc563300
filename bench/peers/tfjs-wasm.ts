// TensorFlow.js on its WebAssembly backend with SIMD; under Node that backend has one thread.
import { loadPeer, peerFile, peerVersion } from './packages.js';
import {
  type AttentionJob,
  type AttentionScoresJob,
  type Inputs,
  inputDims,
  type Job,
  type MatchAndMergeJob,
  type MergeTokensJob,
  matrixElements,
  type Outputs,
  type Peer,
  type Prepared,
} from './peer.js';

interface TfTensor {
  readonly shape: readonly number[];
  dataSync(): Float32Array | Int32Array;
  dispose(): void;
}
type Tf = Record<
  | 'tensor'
  | 'matMul'
  | 'transpose'
  | 'softmax'
  | 'sum'
  | 'mul'
  | 'add'
  | 'div'
  | 'neg'
  | 'square'
  | 'rsqrt'
  | 'max'
  | 'slice'
  | 'squeeze'
  | 'stridedSlice'
  | 'argMax'
  | 'gather'
  | 'expandDims'
  | 'scatterND'
  | 'concat'
  | 'stack'
  | 'cast'
  | 'ones',
  (...args: unknown[]) => TfTensor
> & {
  topk(x: TfTensor, k: number, sorted: boolean): { values: TfTensor; indices: TfTensor };
  tidy<T>(body: () => T): T;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
};

// Only matMul of two matrices reaches the backend's fast path, so heads are taken one by one: twice as fast as all
// at once.
function heads(
  tf: Tf,
  { q, k }: Record<string, TfTensor>,
  { H, Nq, N, D }: AttentionScoresJob | AttentionJob,
): TfTensor[] {
  const head = (x: TfTensor, h: number, rows: number): TfTensor =>
    tf.squeeze(tf.slice(x, [h, 0, 0], [1, rows, D]), [0]);
  return Array.from({ length: H }, (_, h) => {
    const logits = tf.matMul(head(q, h, Nq), tf.transpose(head(k, h, N)));
    return tf.softmax(tf.mul(logits, 1 / Math.sqrt(D)));
  });
}

function attentionScores(tf: Tf, tensors: Record<string, TfTensor>, job: AttentionScoresJob): TfTensor {
  return heads(tf, tensors, job)
    .map((probabilities) => tf.sum(probabilities, 0))
    .reduce((a, b) => tf.add(a, b));
}

function attention(tf: Tf, tensors: Record<string, TfTensor>, job: AttentionJob): TfTensor {
  const { N, D } = job;
  return tf.stack(
    heads(tf, tensors, job).map((probabilities, h) =>
      tf.matMul(probabilities, tf.squeeze(tf.slice(tensors.v, [h, 0, 0], [1, N, D]), [0])),
    ),
  );
}

function mergeItem(
  tf: Tf,
  metric: TfTensor,
  x: TfTensor,
  { N, C, r, M, classToken }: MatchAndMergeJob,
): [TfTensor, TfTensor] {
  const sources = Math.ceil(N / 2);
  const every = (value: TfTensor, start: number, channels: number): TfTensor =>
    tf.stridedSlice(value, [start, 0], [N, channels], [2, 1]);
  const unit = tf.mul(metric, tf.rsqrt(tf.sum(tf.square(metric), -1, true)));
  const similarity = tf.matMul(every(unit, 0, M), tf.transpose(every(unit, 1, M)));
  const bias = new Float32Array(sources);
  if (classToken) bias[0] = -3e38;
  const best = tf.add(tf.max(similarity, -1), tf.tensor(bias));
  const destination = tf.argMax(similarity, -1);
  const order = tf.topk(best, sources, true).indices;
  const merged = tf.slice(order, [0], [r]);
  const rest = tf.slice(order, [r], [sources - r]);
  const survivors = classToken
    ? tf.cast(tf.neg(tf.topk(tf.neg(rest), sources - r, true).values), 'int32')
    : rest;
  const target = tf.expandDims(tf.gather(destination, merged), -1);
  const merge = (value: TfTensor, channels: number): TfTensor => {
    const [from, into] = [every(value, 0, channels), every(value, 1, channels)];
    const sums = tf.scatterND(target, tf.gather(from, merged), [N - sources, channels]);
    return tf.concat([tf.gather(from, survivors), tf.add(into, sums)], 0);
  };
  const sizes = merge(tf.ones([N, 1]), 1);
  return [tf.div(merge(x, C), sizes), sizes];
}

function matchAndMerge(tf: Tf, { metric, x }: Record<string, TfTensor>, job: MatchAndMergeJob): TfTensor[] {
  const { B, N, C, M } = job;
  const items = Array.from({ length: B }, (_, b) =>
    mergeItem(
      tf,
      tf.squeeze(tf.slice(metric, [b, 0, 0], [1, N, M]), [0]),
      tf.squeeze(tf.slice(x, [b, 0, 0], [1, N, C]), [0]),
      job,
    ),
  );
  return [tf.stack(items.map(([tokens]) => tokens)), tf.stack(items.map(([, sizes]) => sizes))];
}

function mergeTokens(tf: Tf, { x, indices }: Record<string, TfTensor>, job: MergeTokensJob): TfTensor {
  const { N, M, C } = job;
  const places = tf.expandDims(indices, -1);
  const sizes = tf.scatterND(places, tf.ones([N, 1]), [M, 1]);
  return tf.div(tf.scatterND(places, x, [M, C]), sizes);
}

function call(tf: Tf, tensors: Record<string, TfTensor>, job: Job): Record<string, TfTensor> {
  switch (job.kind) {
    case 'attentionScores':
      return { scores: attentionScores(tf, tensors, job) };
    case 'attention':
      return { output: attention(tf, tensors, job) };
    case 'matchAndMerge': {
      const [tokens, sizes] = matchAndMerge(tf, tensors, job);
      return { tokens, sizes };
    }
    case 'topK': {
      const { values, indices } = tf.topk(tensors.x, job.k, job.sorted);
      return { values, indices };
    }
    case 'mergeTokens':
      return { tokens: mergeTokens(tf, tensors, job) };
    case 'gatherTokens':
    case 'restoreTokens':
      return { tokens: tf.gather(tensors.x, tensors.indices) };
  }
}

function prepare(tf: Tf, job: Job, inputs: readonly Inputs[]): Prepared {
  const dims = Object.entries(inputDims(job));
  const sets = inputs.map((input) =>
    Object.fromEntries(dims.map(([name, shape]) => [name, tf.tensor(input[name as keyof Inputs], shape)])),
  );
  // The backend computes at once; dataSync only copies out of its heap, and is not timed
  const timed = (i: number): { outputs: Record<string, TfTensor>; milliseconds: number } => {
    const start = performance.now();
    const outputs = tf.tidy(() => call(tf, sets[i], job));
    return { outputs, milliseconds: performance.now() - start };
  };
  const dispose = (outputs: Record<string, TfTensor>): void => {
    for (const output of Object.values(outputs)) output.dispose();
  };
  return {
    outputs: async (i) => {
      const { outputs } = timed(i);
      const read: Outputs = Object.fromEntries(
        Object.entries(outputs).map(([name, value]) => [name, value.dataSync().slice()]),
      );
      dispose(outputs);
      return read;
    },
    time: async (i) => {
      const { outputs, milliseconds } = timed(i);
      dispose(outputs);
      return milliseconds;
    },
    release: async () => {
      for (const set of sets) dispose(set);
    },
  };
}

export async function tfjsWasm(): Promise<Peer> {
  const tf = loadPeer<Tf>('@tensorflow/tfjs-core');
  const wasm = loadPeer<{ setWasmPaths(folder: string): void }>('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${peerFile('@tensorflow/tfjs-backend-wasm', 'dist')}/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs-backend-wasm did not start');
  await tf.ready();
  return {
    name: 'tfjs-wasm',
    version: peerVersion('@tensorflow/tfjs-backend-wasm'),
    threaded: false,
    // Logits, scaled logits and probabilities of all heads until the end of the call
    bytes: (job) => 3 * 4 * matrixElements(job),
    prepare: async (job, inputs) => prepare(tf, job, inputs),
  };
}
