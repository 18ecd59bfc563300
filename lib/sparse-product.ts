import { TokenSieveError } from './errors.js';
import type { MapFields } from './token-map-fields.js';

type Slots = Pick<MapFields, 'inputLength' | 'outputLengths' | 'offsets' | 'members' | 'weights'>;

/**
 * The slots of two maps applied one after another, in time and memory linear in the paths through both.
 *
 * Walking the tokens of a row upwards meets every member of a product slot in ascending order, and the paths
 * that share a member one after another.
 */
export function sparseProduct(
  first: Slots,
  next: Slots,
): Pick<MapFields, 'offsets' | 'members' | 'isPartition'> & { weights: Float32Array } {
  const { tokens, slots, pathWeights } = pathsThrough(first, next);
  const isRepeat = new Uint8Array(slots.length);
  const lastToken = new Int32Array(next.offsets.length - 1).fill(-1);
  const offsets = new Int32Array(next.offsets.length);
  let isPartition = true;
  for (let path = 0, previous = -1; path < slots.length; path++) {
    const slot = slots[path];
    if (lastToken[slot] === tokens[path]) {
      isRepeat[path] = 1;
      continue;
    }
    if (previous === tokens[path]) isPartition = false;
    previous = lastToken[slot] = tokens[path];
    offsets[slot + 1]++;
  }
  for (let slot = 1; slot < offsets.length; slot++) offsets[slot] += offsets[slot - 1];

  const members = new Int32Array(offsets[offsets.length - 1]);
  const weights = new Float32Array(members.length);
  const filled = offsets.slice(0, -1);
  for (let path = 0; path < slots.length; path++) {
    const slot = slots[path];
    if (isRepeat[path] === 1) {
      weights[filled[slot] - 1] += pathWeights[path];
    } else {
      members[filled[slot]] = tokens[path] % first.inputLength;
      weights[filled[slot]++] = pathWeights[path];
    }
  }
  return { offsets, members, weights, isPartition };
}

/** Every way from a token over a slot of the first map to one of the next, by ascending token of all rows. */
function pathsThrough(
  first: Slots,
  next: Slots,
): { tokens: Int32Array; slots: Int32Array; pathWeights: Float32Array } {
  const toMiddle = slotsOfTokens(first);
  const toOutput = slotsOfTokens(next);
  const middles = asTokens(toMiddle.slots, first.outputLengths, next.inputLength);
  let total = 0;
  for (const middle of middles) total += toOutput.starts[middle + 1] - toOutput.starts[middle];
  if (total > 0x7fffffff)
    throw new TokenSieveError('ERR_TOKENSIEVE_MEMORY', `composing would follow ${total} members`);

  const tokens = new Int32Array(total);
  const slots = new Int32Array(total);
  const pathWeights = new Float32Array(total);
  for (let token = 0, path = 0; token + 1 < toMiddle.starts.length; token++) {
    for (let a = toMiddle.starts[token]; a < toMiddle.starts[token + 1]; a++) {
      for (let b = toOutput.starts[middles[a]]; b < toOutput.starts[middles[a] + 1]; b++, path++) {
        tokens[path] = token;
        slots[path] = toOutput.slots[b];
        pathWeights[path] = toMiddle.weights[a] * toOutput.weights[b];
      }
    }
  }
  return { tokens, slots, pathWeights };
}

/** Slots of all rows as the input tokens, of all rows, that they are to the next map. */
function asTokens(slots: Int32Array, outputLengths: Int32Array, inputLength: number): Int32Array {
  const tokenOf: number[] = [];
  for (let row = 0; row < outputLengths.length; row++)
    for (let slot = 0; slot < outputLengths[row]; slot++) tokenOf.push(row * inputLength + slot);
  return slots.map((slot) => tokenOf[slot]);
}

/** The transpose: for each token of all rows, the slots (of all rows) that it goes to, and how heavily. */
function slotsOfTokens({ inputLength: N, outputLengths, offsets, members, weights }: Slots): {
  starts: Int32Array;
  slots: Int32Array;
  weights: Float32Array;
} {
  const tokens = new Int32Array(members.length);
  const owners = new Int32Array(members.length);
  const starts = new Int32Array(outputLengths.length * N + 1);
  for (let row = 0, slot = 0; row < outputLengths.length; row++) {
    for (const end = slot + outputLengths[row]; slot < end; slot++) {
      for (let m = offsets[slot]; m < offsets[slot + 1]; m++) {
        tokens[m] = row * N + members[m];
        owners[m] = slot;
        starts[tokens[m] + 1]++;
      }
    }
  }
  for (let token = 1; token < starts.length; token++) starts[token] += starts[token - 1];

  const filled = starts.slice(0, -1);
  const slots = new Int32Array(members.length);
  const slotWeights = new Float32Array(members.length);
  for (let m = 0; m < members.length; m++) {
    const at = filled[tokens[m]]++;
    slots[at] = owners[m];
    slotWeights[at] = weights === undefined ? 1 : weights[m];
  }
  return { starts, slots, weights: slotWeights };
}
