import { TokenSieveError } from './errors.js';
import type { MapFields } from './token-map-fields.js';

type Slots = Pick<MapFields, 'inputLength' | 'outputLengths' | 'offsets' | 'members' | 'weights'>;

/**
 * The slots of two maps applied one after another, in time linear in the paths through both.
 *
 * Both are turned to lists of slots per token; walking the tokens of a row upwards then meets every member of
 * a product slot in ascending order, with the paths that share one next to each other.
 */
export function sparseProduct(
  first: Slots,
  next: Slots,
): Pick<MapFields, 'offsets' | 'members' | 'isPartition'> & { weights: Float32Array } {
  const toMiddle = slotsOfTokens(first);
  const toOutput = slotsOfTokens(next);
  const offsets = new Int32Array(next.offsets.length);
  const lastToken = new Int32Array(next.offsets.length - 1).fill(-1);
  let isPartition = true;
  let previous = -1;
  let total = 0;
  walk((token, slot) => {
    if (lastToken[slot] === token) return;
    lastToken[slot] = token;
    if (previous === token) isPartition = false;
    previous = token;
    offsets[slot + 1]++;
    total++;
  });
  if (total > 0x7fffffff)
    throw new TokenSieveError('ERR_TOKENSIEVE_MEMORY', `a composed map would have ${total} members`);
  for (let slot = 1; slot < offsets.length; slot++) offsets[slot] += offsets[slot - 1];

  const members = new Int32Array(total);
  const weights = new Float32Array(total);
  const filled = offsets.slice(0, -1);
  walk((token, slot, weight) => {
    const last = filled[slot] - 1;
    const inRow = token % first.inputLength;
    if (last >= offsets[slot] && members[last] === inRow) {
      weights[last] += weight;
    } else {
      members[filled[slot]] = inRow;
      weights[filled[slot]++] = weight;
    }
  });
  return { offsets, members, weights, isPartition };

  function walk(visit: (token: number, slot: number, weight: number) => void): void {
    const rows = first.outputLengths.length;
    for (let row = 0, middle = 0; row < rows; middle += first.outputLengths[row++]) {
      for (let i = 0, token = row * first.inputLength; i < first.inputLength; i++, token++) {
        for (let a = toMiddle.offsets[token]; a < toMiddle.offsets[token + 1]; a++) {
          const between = row * next.inputLength + toMiddle.slots[a] - middle;
          for (let b = toOutput.offsets[between]; b < toOutput.offsets[between + 1]; b++)
            visit(token, toOutput.slots[b], toMiddle.weights[a] * toOutput.weights[b]);
        }
      }
    }
  }
}

/** The transpose: for each token of each row, the slots (of all rows) that it goes to, and how heavily. */
function slotsOfTokens({ inputLength: N, outputLengths, offsets, members, weights }: Slots): {
  offsets: Int32Array;
  slots: Int32Array;
  weights: Float32Array;
} {
  const starts = new Int32Array(outputLengths.length * N + 1);
  forEachMember((token) => starts[token + 1]++);
  for (let token = 1; token < starts.length; token++) starts[token] += starts[token - 1];

  const filled = starts.slice(0, -1);
  const slots = new Int32Array(members.length);
  const slotWeights = new Float32Array(members.length);
  forEachMember((token, slot, member) => {
    slots[filled[token]] = slot;
    slotWeights[filled[token]++] = weights === undefined ? 1 : weights[member];
  });
  return { offsets: starts, slots, weights: slotWeights };

  function forEachMember(visit: (token: number, slot: number, member: number) => void): void {
    for (let row = 0, slot = 0; row < outputLengths.length; row++) {
      for (const end = slot + outputLengths[row]; slot < end; slot++) {
        for (let m = offsets[slot]; m < offsets[slot + 1]; m++) visit(row * N + members[m], slot, m);
      }
    }
  }
}
