// simsimd has no operation of these jobs; its cosine of two vectors, called for every pair, does the matching of one
// of them. What follows it is that of plain JavaScript.
import { loadPeer, peerVersion } from './packages.js';
import { type Inputs, type MatchAndMergeJob, type Outputs, type Peer, timedCall } from './peer.js';
import { mergeMatched } from './plain-javascript.js';

interface SimSimd {
  /** 1 - the cosine. */
  cosine(a: Float32Array, b: Float32Array): number;
}

function matchAndMerge(simsimd: SimSimd, { metric, x }: Inputs, job: MatchAndMergeJob): Outputs {
  const { N, M } = job;
  return mergeMatched(x, job, (item, source) => {
    const row = (i: number): Float32Array => metric.subarray((item * N + i) * M, (item * N + i + 1) * M);
    let best = { similarity: -Infinity, place: 0 };
    for (let j = 0; 2 * j + 1 < N; j++) {
      const similarity = 1 - simsimd.cosine(row(2 * source), row(2 * j + 1));
      if (similarity > best.similarity) best = { similarity, place: j };
    }
    return best;
  });
}

export function simSimd(): Peer {
  const simsimd = loadPeer<SimSimd>('simsimd');
  return {
    name: 'simsimd',
    version: peerVersion('simsimd'),
    threaded: false,
    bytes: (job) => (job.kind === 'matchAndMerge' ? 0 : undefined),
    prepare: async (job, inputs) =>
      timedCall((i) => matchAndMerge(simsimd, inputs[i], job as MatchAndMergeJob)),
  };
}
