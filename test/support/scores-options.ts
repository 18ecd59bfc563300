import type { FloatTensor } from 'tokensieve';
import type { AttentionScoresOptions } from '../reference/attention-scores.js';

/** Options that mean the same to the operation and to its reference; values are given apart. */
export type ScoresOptions = Omit<
  AttentionScoresOptions,
  | 'values'
  | 'mask'
  | 'queryMask'
  | 'lengths'
  | 'bias'
  | 'lse'
  | 'distanceScale'
  | 'positions'
  | 'queryPositions'
> & {
  readonly mask?: Uint8Array;
  readonly queryMask?: Uint8Array;
  readonly lengths?: Int32Array;
  readonly bias?: Float32Array;
  readonly lse?: Float32Array;
  readonly distanceScale?: Float32Array;
  readonly positions?: Int32Array | BigInt64Array;
  readonly queryPositions?: Int32Array | BigInt64Array;
  readonly values?: FloatTensor;
};
