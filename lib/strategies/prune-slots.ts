// Pruning behind merging, in one map: what was merged is as important as its most important member.
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { Tensor } from '../tensor.js';
import type { TokenMap } from '../token-map.js';
import { prunedMap } from './maps.js';
import type { Plan } from './strategy.js';

/** Drops the slots of which no member scores above the threshold. */
export function* prunedSlots(
  tokens: Tokens,
  plan: Plan,
  scores: Tensor<'float32'>,
  above: number,
): Steps<Plan> {
  const { map, centres } = plan;
  const length = map.outputLengths.reduce((most, slots) => Math.max(most, slots), 0);
  if (length === 0) return plan;
  const slots = slotsOf(tokens, map, scores, length);
  const kept = yield* step.selectThreshold(slots.scores, { above }, { mask: slots.mask, min: 0 });
  const next = prunedMap({ ...slots, batch: tokens.batch, length }, kept.indices.data, kept.offsets);
  const stays = placesOf(map, kept);
  return { ...plan, map: map.compose(next), ...(centres && { centres: stays.map((slot) => centres[slot]) }) };
}

/** `[B,M]`: the greatest score of each slot's members, and the mask. */
function slotsOf(
  { batch, mask }: Tokens,
  { members, offsets, outputLengths, inputLength }: TokenMap,
  scores: Tensor<'float32'>,
  length: number,
): { readonly scores: Tensor<'float32'>; readonly mask: Uint8Array } {
  const data = new Float32Array(batch * length);
  const states = new Uint8Array(batch * length).fill(2);
  for (let row = 0, slot = 0; row < batch; row++)
    for (let at = row * length; at < row * length + outputLengths[row]; at++, slot++) {
      const places = members.subarray(offsets[slot], offsets[slot + 1]).map((i) => row * inputLength + i);
      data[at] = places.reduce((most, place) => Math.max(most, scores.data[place]), Number.NEGATIVE_INFINITY);
      states[at] = mask?.[places[0]] === 1 ? 1 : 0;
    }
  return { scores: { type: 'float32', data, dims: [batch, length] }, mask: states };
}

/** The slots that stay, all rows counted through. */
function placesOf(
  { outputLengths }: TokenMap,
  { indices, offsets }: { readonly indices: Tensor<'int32'>; readonly offsets: Int32Array },
): Int32Array {
  const all = indices.data.slice();
  for (let row = 0, first = 0; row < outputLengths.length; first += outputLengths[row++])
    for (let at = offsets[row]; at < offsets[row + 1]; at++) all[at] += first;
  return all;
}
