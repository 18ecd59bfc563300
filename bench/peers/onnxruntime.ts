// onnxruntime-node: each job as one graph of ONNX operators, in one session.
import { OnnxGraph } from './onnx-graph.js';
import { loadPeer, peerVersion } from './packages.js';
import {
  type AttentionJob,
  type AttentionScoresJob,
  type Inputs,
  inputDims,
  type Job,
  type MatchAndMergeJob,
  type MergeTokensJob,
  matrixElements,
  type Peer,
  type TopKJob,
  timedCall,
} from './peer.js';

interface OrtTensor {
  readonly data: Float32Array | BigInt64Array;
}
interface Ort {
  readonly Tensor: new (
    type: 'float32' | 'int64',
    data: Float32Array | BigInt64Array,
    dims: readonly number[],
  ) => OrtTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
}
interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

function probabilities(graph: OnnxGraph, { H, Nq, N, D }: AttentionScoresJob | AttentionJob): string {
  const q = graph.input('q', [H, Nq, D]);
  const k = graph.input('k', [H, N, D]);
  const products = graph.node('MatMul', [q, graph.node('Transpose', [k], { perm: [0, 2, 1] })]);
  const logits = graph.node('Mul', [products, graph.float32([1 / Math.sqrt(D)], [])]);
  return graph.node('Softmax', [logits], { axis: -1 });
}

function attentionScoresGraph(graph: OnnxGraph, job: AttentionScoresJob): void {
  const sums = graph.node('ReduceSum', [probabilities(graph, job), graph.int64([0, 1])], { keepdims: 0 });
  graph.output(sums, 'scores', [job.N]);
}

function attentionGraph(graph: OnnxGraph, job: AttentionJob): void {
  const v = graph.input('v', [job.H, job.N, job.D]);
  graph.output(graph.node('MatMul', [probabilities(graph, job), v]), 'output', [job.H, job.Nq, job.D]);
}

function topKGraph(graph: OnnxGraph, { N, k, sorted }: TopKJob): void {
  const x = graph.input('x', [1, N]);
  const attributes = { axis: -1, largest: 1, sorted: Number(sorted) };
  const [values, indices] = graph.nodes('TopK', [x, graph.int64([k])], attributes, 2);
  graph.output(values, 'values', [1, k]);
  graph.output(indices, 'indices', [1, k], 'int64');
}

/** Token Merging (Bolya et al., 2023) in ONNX operators: alternate tokens, the r best pairs, mean by size. */
function matchAndMergeGraph(graph: OnnxGraph, job: MatchAndMergeJob): void {
  const { B, N, C, r, M, classToken } = job;
  const sources = Math.ceil(N / 2);
  const survivors = sources - r;
  const metric = graph.input('metric', [B, N, M]);
  const x = graph.input('x', [B, N, C]);
  const [zero, one, two, last, end] = [[0], [1], [2], [-1], [2 ** 30]].map((list) => graph.int64(list));
  const every = (value: string, start: string): string => graph.node('Slice', [value, start, end, one, two]);
  const unit = graph.node('Div', [metric, graph.node('ReduceL2', [metric, last], { keepdims: 1 })]);
  const [a, b] = [every(unit, zero), every(unit, one)];
  const similarity = graph.node('MatMul', [a, graph.node('Transpose', [b], { perm: [0, 2, 1] })]);
  const best = graph.node('ReduceMax', [similarity, last], { keepdims: 0 });
  const destination = graph.node('ArgMax', [similarity], { axis: -1, keepdims: 0 });
  const bias = Array.from({ length: sources }, (_, i) => (classToken && i === 0 ? -Infinity : 0));
  const candidates = graph.node('Add', [best, graph.float32(bias, [1, sources])]);
  const all = graph.int64([sources]);
  const [, order] = graph.nodes('TopK', [candidates, all], { axis: -1, largest: 1, sorted: 1 }, 2);
  const merged = graph.node('Slice', [order, zero, graph.int64([r]), one]);
  const rest = graph.node('Slice', [order, graph.int64([r]), end, one]);
  const count = graph.int64([survivors]);
  const ascending = { axis: -1, largest: 0, sorted: 1 };
  const kept = classToken ? graph.nodes('TopK', [rest, count], ascending, 2)[0] : rest;
  const target = graph.node('GatherElements', [destination, merged], { axis: 1 });

  const merge = (value: string, channels: number): string => {
    const [from, into] = [every(value, zero), every(value, one)];
    const rowsOf = (index: string, rows: number): string =>
      graph.node('Expand', [graph.node('Unsqueeze', [index, last]), graph.int64([B, rows, channels])]);
    const sources = graph.node('GatherElements', [from, rowsOf(merged, r)], { axis: 1 });
    const sums = graph.node('ScatterElements', [into, rowsOf(target, r), sources], {
      axis: 1,
      reduction: 'add',
    });
    const left = graph.node('GatherElements', [from, rowsOf(kept, survivors)], { axis: 1 });
    return graph.node('Concat', [left, sums], { axis: 1 });
  };
  // One image: Gather and ScatterND move whole rows, which is several times faster than by element
  const mergeOne = (value: string): string => {
    const [from, into] = [every(value, zero), every(value, one)].map((side) =>
      graph.node('Squeeze', [side, zero]),
    );
    const index = (list: string): string => graph.node('Squeeze', [list, zero]);
    const sources = graph.node('Gather', [from, index(merged)], { axis: 0 });
    const places = graph.node('Unsqueeze', [index(target), last]);
    const sums = graph.node('ScatterND', [into, places, sources], { reduction: 'add' });
    const left = graph.node('Gather', [from, index(kept)], { axis: 0 });
    return graph.node('Unsqueeze', [graph.node('Concat', [left, sums], { axis: 0 }), zero]);
  };
  const ones = graph.float32(new Array(B * N).fill(1), [B, N, 1]);
  const sums = B === 1 ? mergeOne(x) : merge(x, C);
  const sizes = B === 1 ? mergeOne(ones) : merge(ones, 1);
  graph.output(graph.node('Div', [sums, sizes]), 'tokens', [B, N - r, C]);
  graph.output(sizes, 'sizes', [B, N - r, 1]);
}

/** Rows of x by index, of which restoring is a case. */
function gatherGraph(graph: OnnxGraph, rows: number, places: number, C: number): void {
  const x = graph.input('x', [rows, C]);
  const indices = graph.input('indices', [places], 'int64');
  graph.output(graph.node('Gather', [x, indices], { axis: 0 }), 'tokens', [places, C]);
}

function mergeTokensGraph(graph: OnnxGraph, { N, M, C }: MergeTokensJob): void {
  const places = graph.node('Unsqueeze', [graph.input('indices', [N], 'int64'), graph.int64([-1])]);
  const sums = (rows: string, channels: number): string => {
    const zeros = graph.node('ConstantOfShape', [graph.int64([M, channels])]);
    return graph.node('ScatterND', [zeros, places, rows], { reduction: 'add' });
  };
  const sizes = sums(graph.float32(new Array(N).fill(1), [N, 1]), 1);
  const tokens = graph.node('Div', [sums(graph.input('x', [N, C]), C), sizes]);
  graph.output(tokens, 'tokens', [M, C]);
}

function addJob(graph: OnnxGraph, job: Job): void {
  if (job.kind === 'attentionScores') attentionScoresGraph(graph, job);
  else if (job.kind === 'attention') attentionGraph(graph, job);
  else if (job.kind === 'matchAndMerge') matchAndMergeGraph(graph, job);
  else if (job.kind === 'topK') topKGraph(graph, job);
  else if (job.kind === 'mergeTokens') mergeTokensGraph(graph, job);
  else if (job.kind === 'gatherTokens') gatherGraph(graph, job.N, job.K, job.C);
  else gatherGraph(graph, job.M, job.N, job.C);
}

function graphOf(job: Job): Uint8Array {
  const graph = new OnnxGraph();
  addJob(graph, job);
  return graph.encode();
}

export function onnxruntime(): Peer {
  const ort = loadPeer<Ort>('onnxruntime-node');
  return {
    name: 'onnxruntime-node',
    version: peerVersion('onnxruntime-node'),
    threaded: true,
    bytes: (job) => 2 * 4 * matrixElements(job),
    prepare: async (job, inputs, threads) => {
      const session = await ort.InferenceSession.create(graphOf(job), {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
      });
      const dims = Object.entries(inputDims(job));
      const tensorOf = (data: Float32Array | Int32Array, shape: readonly number[]): OrtTensor =>
        data instanceof Float32Array
          ? new ort.Tensor('float32', data, shape)
          : new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape);
      const feeds = inputs.map((input: Inputs) =>
        Object.fromEntries(dims.map(([name, shape]) => [name, tensorOf(input[name as keyof Inputs], shape)])),
      );
      return timedCall(
        async (i) => {
          const outputs = await session.run(feeds[i]);
          return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
        },
        () => session.release(),
      );
    },
  };
}
