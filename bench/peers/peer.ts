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

/** K of N rows, by ascending indices. */
export interface GatherTokensJob {
  readonly kind: 'gatherTokens';
  readonly N: number;
  readonly K: number;
  readonly C: number;
}

/** N rows into the means of M slots, by the slot of each. */
export interface MergeTokensJob {
  readonly kind: 'mergeTokens';
  readonly N: number;
  readonly M: number;
  readonly C: number;
}

/** N rows out of those of M slots, by the slot of each. */
export interface RestoreTokensJob {
  readonly kind: 'restoreTokens';
  readonly N: number;
  readonly M: number;
  readonly C: number;
}

export type Job =
  | AttentionScoresJob
  | AttentionJob
  | MatchAndMergeJob
  | TopKJob
  | GatherTokensJob
  | MergeTokensJob
  | RestoreTokensJob;

/** The arrays that a job's call takes; those that {@link inputDims} names for its kind are there. */
export interface Inputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly x: Float32Array;
  readonly metric: Float32Array;
  readonly indices: Int32Array;
}

/** The dims of those arrays. */
export function inputDims(job: Job): Readonly<Partial<Record<keyof Inputs, readonly number[]>>> {
  switch (job.kind) {
    case 'attentionScores':
      return { q: [job.H, job.Nq, job.D], k: [job.H, job.N, job.D] };
    case 'attention':
      return { q: [job.H, job.Nq, job.D], k: [job.H, job.N, job.D], v: [job.H, job.N, job.D] };
    case 'matchAndMerge':
      return { metric: [job.B, job.N, job.M], x: [job.B, job.N, job.C] };
    case 'topK':
      return { x: [1, job.N] };
    case 'gatherTokens':
      return { x: [job.N, job.C], indices: [job.K] };
    case 'mergeTokens':
      return { x: [job.N, job.C], indices: [job.N] };
    case 'restoreTokens':
      return { x: [job.M, job.C], indices: [job.N] };
  }
}

/** What a job's call gives, by name: `scores`; `output`; `tokens`, `sizes`; `values`, `indices`; `tokens`. */
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
  /** Ends what it keeps running between jobs. */
  close?(): Promise<void>;
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

/** Elements of the greatest matrix that a job goes through: similarities, where it has any, else its rows. */
export function matrixElements(job: Job): number {
  switch (job.kind) {
    case 'attentionScores':
    case 'attention':
      return job.H * job.Nq * job.N;
    case 'matchAndMerge':
      return job.B * Math.ceil(job.N / 2) * Math.floor(job.N / 2);
    case 'topK':
      return job.N;
    case 'gatherTokens':
    case 'mergeTokens':
    case 'restoreTokens':
      return job.N * job.C;
  }
}
