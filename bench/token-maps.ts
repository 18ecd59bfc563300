// Maps as token merging makes them, for the operations that move tokens by one.
import { TokenMap } from 'tokensieve';
import { seeded } from '../test/support/random.js';

/** B images of N tokens with C channels, r of them merged away. */
export interface MergingShape {
  readonly B: number;
  readonly N: number;
  readonly C: number;
  readonly r: number;
}

export const mergingShapes: readonly MergingShape[] = [
  { B: 1, N: 197, C: 768, r: 16 },
  { B: 8, N: 197, C: 768, r: 16 },
  { B: 1, N: 577, C: 1024, r: 100 },
  { B: 1, N: 2880, C: 4096, r: 1440 },
  // Stable Diffusion's first block
  { B: 1, N: 4096, C: 320, r: 2048 },
];

export const mergingName = ({ B, N, C, r }: MergingShape): string => `${B} x ${N} x ${C}, ${r} merged`;

/** r of the even tokens go each to an odd one by chance; the other even tokens come first, then the odd ones. */
export function mergingMap({ B, N, r }: MergingShape, seed: number): TokenMap {
  const random = seeded(seed);
  const sources = Math.ceil(N / 2);
  const destinations = N - sources;
  const assignment = new Int32Array(B * N);
  for (let row = 0; row < B; row++) {
    for (let i = 0, merged = 0; i < sources; i++) {
      const merges = random.integer(sources - i) < r - merged;
      assignment[row * N + 2 * i] = merges ? sources - r + random.integer(destinations) : i - merged;
      if (merges) merged++;
    }
    for (let i = 0; i < destinations; i++) assignment[row * N + 2 * i + 1] = sources - r + i;
  }
  return TokenMap.fromAssignment(assignment, { rowDims: [B] });
}
