// What goes into a job: normal deviates, and indices as its operation would meet them.
import { normal } from '../case.js';
import { chosen } from '../gather-tokens.js';
import { mergingMap } from '../token-maps.js';
import { type Inputs, inputDims, type Job } from './peer.js';

export function makeInputs(job: Job, seed: number): Inputs {
  const arrays = Object.entries(inputDims(job)).map(([name, dims]) => [
    name,
    name === 'indices' ? indicesOf(job, seed) : normal(dims).data,
  ]);
  return Object.fromEntries(arrays) as Inputs;
}

function indicesOf(job: Job, seed: number): Int32Array {
  switch (job.kind) {
    case 'gatherTokens':
      return chosen(1, job.N, job.K, seed);
    case 'mergeTokens':
    case 'restoreTokens':
      return mergingMap({ B: 1, N: job.N, C: job.C, r: job.N - job.M }, seed).assignment;
    default:
      throw new Error(`${job.kind} takes no indices`);
  }
}
