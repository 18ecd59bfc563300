// What a contest is: jobs, what goes in, what must come out, and who can do them.

/** Scores that keys receive from all queries, softmax included: the sum over queries and heads. */
export interface AttentionScoresJob {
  readonly kind: 'attentionScores';
  readonly H: number;
  readonly Nq: number;
  readonly N: number;
  readonly D: number;
}

/** softmax(QK^T / sqrt(D)) V. */
export interface AttentionJob {
  readonly kind: 'attention';
  readonly H: number;
  readonly Nq: number;
  readonly N: number;
  readonly D: number;
}

/** Token Merging of one layer: match by the metric, then average the hidden states by size. */
export interface MatchAndMergeJob {
  readonly kind: 'matchAndMerge';
  readonly B: number;
  readonly N: number;
  readonly C: number;
  readonly r: number;
  /** Channels of the metric. */
  readonly M: number;
  /** Whether token 0 is kept, and the survivors stay in order. */
  readonly classToken: boolean;
}

/** The k best of N, sorted or as a set. */
export interface TopKJob {
  readonly kind: 'topK';
  readonly N: number;
  readonly k: number;
  readonly sorted: boolean;
}

export type Job = AttentionScoresJob | AttentionJob | MatchAndMergeJob | TopKJob;

/** The arrays that a job's call takes, by name: `q`, `k`, `v`; `x`, `metric`; `x`. */
export type Inputs = Readonly<Record<string, Float32Array>>;

/** The dims of those arrays. */
export function inputDims(job: Job): Readonly<Record<string, readonly number[]>> {
  switch (job.kind) {
    case 'attentionScores':
      return { q: [job.H, job.Nq, job.D], k: [job.H, job.N, job.D] };
    case 'attention':
      return { q: [job.H, job.Nq, job.D], k: [job.H, job.N, job.D], v: [job.H, job.N, job.D] };
    case 'matchAndMerge':
      return { metric: [job.B, job.N, job.M], x: [job.B, job.N, job.C] };
    case 'topK':
      return { x: [1, job.N] };
  }
}

/** What a job's call gives, by name: `scores`; `output`; `tokens`, `sizes`; `values`, `indices`. */
export type Outputs = Readonly<Record<string, ArrayLike<number | bigint>>>;

/** One contender's job, ready to be called. */
export interface Prepared {
  /** Calls it on the i-th inputs, and gives its outputs. */
  outputs(i: number): Promise<Outputs>;
  /** Calls it on the i-th inputs, and gives the milliseconds that took. */
  time(i: number): Promise<number>;
  release(): Promise<void>;
}

/** One who can do jobs. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Whether it can use several threads. */
  readonly threaded: boolean;
  /** Bytes of memory that it holds at once for a job besides the inputs; undefined when it has no way to do it. */
  bytes(job: Job): number | undefined;
  prepare(job: Job, inputs: readonly Inputs[], threads: number): Promise<Prepared>;
}

/** A call in this process, timed around. */
export function timedCall(
  call: (i: number) => Outputs | Promise<Outputs>,
  release: () => unknown = () => undefined,
): Prepared {
  return {
    outputs: async (i) => call(i),
    time: async (i) => {
      const start = performance.now();
      const outputs = call(i);
      if (outputs instanceof Promise) await outputs;
      return performance.now() - start;
    },
    release: async () => {
      await release();
    },
  };
}

/** Numbers of the three jobs that store a matrix of similarities: its elements. */
export function matrixElements(job: Job): number {
  if (job.kind === 'topK') return job.N;
  if (job.kind === 'matchAndMerge') return job.B * Math.ceil(job.N / 2) * Math.floor(job.N / 2);
  return job.H * job.Nq * job.N;
}
