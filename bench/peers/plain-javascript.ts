// What a careful programmer writes without any package: typed arrays, four sums at a time, one thread.
import {
  type AttentionJob,
  type AttentionScoresJob,
  type Inputs,
  type Job,
  type MatchAndMergeJob,
  type MergeTokensJob,
  type Outputs,
  type Peer,
  type TopKJob,
  timedCall,
} from './peer.js';

function dot(a: Float32Array, i: number, b: Float32Array, j: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let c = 0; c < length; c += 4) {
    s0 += a[i + c] * b[j + c];
    s1 += a[i + c + 1] * b[j + c + 1];
    s2 += a[i + c + 2] * b[j + c + 2];
    s3 += a[i + c + 3] * b[j + c + 3];
  }
  return s0 + s1 + s2 + s3;
}

/** One query's softmax over the keys of its head, into `row`. */
function softmaxRow(
  q: Float32Array,
  i: number,
  k: Float32Array,
  j: number,
  row: Float32Array,
  D: number,
): void {
  const scale = 1 / Math.sqrt(D);
  let greatest = -Infinity;
  for (let key = 0; key < row.length; key++) {
    row[key] = dot(q, i, k, j + key * D, D) * scale;
    if (row[key] > greatest) greatest = row[key];
  }
  let sum = 0;
  for (let key = 0; key < row.length; key++) {
    row[key] = Math.exp(row[key] - greatest);
    sum += row[key];
  }
  for (let key = 0; key < row.length; key++) row[key] /= sum;
}

function attentionScores({ q, k }: Inputs, { H, Nq, N, D }: AttentionScoresJob): Outputs {
  const scores = new Float32Array(N);
  const row = new Float32Array(N);
  for (let query = 0; query < H * Nq; query++) {
    softmaxRow(q, query * D, k, Math.floor(query / Nq) * N * D, row, D);
    for (let key = 0; key < N; key++) scores[key] += row[key];
  }
  return { scores };
}

function attention({ q, k, v }: Inputs, { H, Nq, N, D }: AttentionJob): Outputs {
  const output = new Float32Array(H * Nq * D);
  const row = new Float32Array(N);
  for (let query = 0; query < H * Nq; query++) {
    const head = Math.floor(query / Nq) * N * D;
    softmaxRow(q, query * D, k, head, row, D);
    for (let key = 0; key < N; key++)
      for (let c = 0; c < D; c++) output[query * D + c] += row[key] * v[head + key * D + c];
  }
  return { output };
}

/** Rows of unit length. */
function normalized(x: Float32Array, rows: number, length: number): Float32Array {
  const unit = new Float32Array(x.length);
  for (let row = 0; row < rows; row++) {
    const norm = Math.sqrt(dot(x, row * length, x, row * length, length));
    for (let c = row * length; c < (row + 1) * length; c++) unit[c] = x[c] / norm;
  }
  return unit;
}

/** For a source of an item: the greatest similarity, and the place of that destination. */
export type BestDestination = (item: number, source: number) => { similarity: number; place: number };

/** Merges the r best sources into their destinations: survivors first, then destinations, means by size. */
export function mergeMatched(x: Float32Array, job: MatchAndMergeJob, bestOf: BestDestination): Outputs {
  const { B, N, C, r } = job;
  const tokens = new Float32Array(B * (N - r) * C);
  const sizes = new Float32Array(B * (N - r)).fill(1);
  for (let b = 0; b < B; b++) {
    const item = x.subarray(b * N * C, (b + 1) * N * C);
    const out = tokens.subarray(b * (N - r) * C, (b + 1) * (N - r) * C);
    mergeItem(item, out, sizes.subarray(b * (N - r), (b + 1) * (N - r)), job, (source) => bestOf(b, source));
  }
  return { tokens, sizes };
}

function mergeItem(
  x: Float32Array,
  out: Float32Array,
  sizes: Float32Array,
  { N, C, r, classToken }: MatchAndMergeJob,
  bestOf: (source: number) => { similarity: number; place: number },
): void {
  const sources = Array.from({ length: Math.ceil(N / 2) }, (_, i) =>
    classToken && i === 0 ? { i, similarity: -Infinity, place: 0 } : { i, ...bestOf(i) },
  );
  sources.sort((a, b) => b.similarity - a.similarity || a.i - b.i);
  const survivors = sources.slice(r).map(({ i }) => i);
  if (classToken) survivors.sort((a, b) => a - b);
  survivors.forEach((i, slot) => {
    out.set(x.subarray(2 * i * C, (2 * i + 1) * C), slot * C);
  });
  for (let j = 0; 2 * j + 1 < N; j++)
    out.set(x.subarray((2 * j + 1) * C, (2 * j + 2) * C), (survivors.length + j) * C);
  for (const { i, place } of sources.slice(0, r)) {
    const slot = survivors.length + place;
    sizes[slot]++;
    for (let c = 0; c < C; c++) out[slot * C + c] += x[2 * i * C + c];
  }
  for (let slot = survivors.length; slot < N - r; slot++)
    if (sizes[slot] > 1) for (let c = slot * C; c < (slot + 1) * C; c++) out[c] /= sizes[slot];
}

function matchAndMerge({ metric, x }: Inputs, job: MatchAndMergeJob): Outputs {
  const { B, N, M } = job;
  const unit = normalized(metric, B * N, M);
  return mergeMatched(x, job, (item, source) => {
    const first = item * N * M;
    let similarity = -Infinity;
    let place = 0;
    for (let j = 0; 2 * j + 1 < N; j++) {
      const product = dot(unit, first + 2 * source * M, unit, first + (2 * j + 1) * M, M);
      if (product > similarity) {
        similarity = product;
        place = j;
      }
    }
    return { similarity, place };
  });
}

// Float32 bits made to sort as integers, with the index beneath them: one number sort, no comparison function.
function topK({ x }: Inputs, { N, k, sorted }: TopKJob): Outputs {
  const bits = new Uint32Array(x.buffer, x.byteOffset, N);
  const keys = new Float64Array(N);
  for (let i = 0; i < N; i++) {
    const rising = bits[i] >>> 31 ? ~bits[i] >>> 0 : (bits[i] | 0x8000_0000) >>> 0;
    keys[i] = i - rising * 2 ** 21;
  }
  keys.sort();
  const indices = Int32Array.from(keys.subarray(0, k), (key) => key - Math.floor(key / 2 ** 21) * 2 ** 21);
  if (!sorted) indices.sort();
  return { indices, values: Float32Array.from(indices, (i) => x[i]) };
}

function gatherTokens({ x, indices }: Inputs, C: number): Outputs {
  const tokens = new Float32Array(indices.length * C);
  indices.forEach((index, i) => {
    tokens.set(x.subarray(index * C, (index + 1) * C), i * C);
  });
  return { tokens };
}

function mergeTokens({ x, indices }: Inputs, { M, C }: MergeTokensJob): Outputs {
  const tokens = new Float32Array(M * C);
  const sizes = new Int32Array(M);
  indices.forEach((slot, i) => {
    sizes[slot]++;
    for (let c = 0; c < C; c++) tokens[slot * C + c] += x[i * C + c];
  });
  for (let slot = 0; slot < M; slot++)
    if (sizes[slot] > 1) for (let c = slot * C; c < (slot + 1) * C; c++) tokens[c] /= sizes[slot];
  return { tokens };
}

function call(job: Job, inputs: Inputs): Outputs {
  switch (job.kind) {
    case 'attentionScores':
      return attentionScores(inputs, job);
    case 'attention':
      return attention(inputs, job);
    case 'matchAndMerge':
      return matchAndMerge(inputs, job);
    case 'topK':
      return topK(inputs, job);
    case 'mergeTokens':
      return mergeTokens(inputs, job);
    case 'gatherTokens':
    case 'restoreTokens':
      return gatherTokens(inputs, job.C);
  }
}

export function plainJavaScript(): Peer {
  return {
    name: 'plain JavaScript',
    version: process.version,
    threaded: false,
    bytes: () => 0,
    prepare: async (job, inputs) => timedCall((i) => call(job, inputs[i])),
  };
}
