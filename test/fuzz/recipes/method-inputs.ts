// Tokens with everything that any method reads.
import type { FloatTensor, Method, PredictorWeights, SieveInputs } from 'tokensieve';
import type { Draw } from '../draw.js';

/** What tells the inputs of one method from those of another. */
export type MethodKind = Pick<Method, 'over' | 'classToken'>;

export const anyImage: MethodKind = { over: 'image', classToken: false };
export const anyVideo: MethodKind = { over: 'video', classToken: false };
export const anyPrompt: MethodKind = { over: 'prompt', classToken: false };

/** Free tokens that fill a grid among kept and dropped ones, of which many are alike or zero in some calls. */
export function methodInputs(draw: Draw, kind: MethodKind): SieveInputs {
  const batch = draw.batch();
  const grid = gridFor(draw, kind);
  const mask = maskOf(draw, kind, batch, grid);
  const length = mask.length / batch;
  const [heads, keyHeads] = draw.heads();
  const [channels, depth, shared] = [draw.channels(), draw.channels(), draw.channels()];
  const value = draw.pick([draw.normal, draw.normal, () => draw.integer(2), () => 0]);
  const floats = (...dims: number[]): FloatTensor => draw.numbers(draw.floatType(), dims, value);
  const isByToken = draw.chance(0.2);
  const byHead = (count: number, width: number): FloatTensor =>
    isByToken ? floats(batch, length, count, width) : floats(batch, count, length, width);
  const words = draw.between(1, 4);
  return {
    hidden: floats(batch, length, channels),
    q: byHead(heads, depth),
    k: byHead(keyHeads, depth),
    v: byHead(keyHeads, draw.channels()),
    shallowQ: byHead(heads, depth),
    shallowK: byHead(keyHeads, depth),
    layout: isByToken ? 'bnhd' : 'bhnd',
    metric: floats(batch, length, 5),
    gradients: floats(batch, length, channels),
    imageEmbeds: floats(batch, length, shared),
    textEmbeds: floats(batch, words, shared),
    predictor: predictorOf(draw, channels),
    scores: draw.numbers('float32', [batch, length], () => Math.abs(value())),
    positions: draw.int32(batch * length, () => draw.integer(1000)),
    layer: draw.integer(3),
    grid,
    mask,
    ...draw.some({
      sizes: () => draw.float32(batch * length, () => 1 + draw.integer(3)),
      textMask: () => draw.mask(batch, words),
    }),
  };
}

function gridFor(draw: Draw, { over }: MethodKind): number[] {
  const isLarge = draw.scale === 'large';
  const side = () => (isLarge ? draw.between(8, 12) : draw.between(1, 4));
  return over === 'video' ? [side(), side(), draw.between(1, 3)] : [side(), side()];
}

/** Kept ones before and behind the cells, or for a picture anywhere; dropped ones at either end. */
function maskOf(draw: Draw, { over, classToken }: MethodKind, batch: number, grid: number[]): Uint8Array {
  const cells = new Array<number>(grid.reduce((product, side) => product * side, 1)).fill(0);
  const [before, behind, padding] = [draw.integer(4), draw.integer(4), draw.integer(3)];
  const kept = (count: number) => new Array<number>(count).fill(1);
  const rows = Array.from({ length: batch }, () => {
    const own = over === 'image' ? cells.slice() : [...kept(before), ...cells, ...kept(behind)];
    if (over === 'image')
      for (let i = before; i > 0; i--) own.splice(draw.integer(own.length + 1), 0, ...kept(1));
    if (classToken) own.unshift(1);
    const dropped = new Array<number>(padding).fill(2);
    return draw.chance(0.5) ? [...own, ...dropped] : [...dropped, ...own];
  });
  const states = rows.flat();
  let next = 0;
  return draw.numbers('uint8', [states.length], () => states[next++]).data;
}

function predictorOf(draw: Draw, channels: number): PredictorWeights {
  const linear = (outputs: number, inputs: number) => ({
    weight: draw.anyFloats([outputs, inputs]),
    ...draw.some({ bias: () => draw.float32(outputs) }),
  });
  const width = draw.pick([2, 4, 6]);
  return {
    norm: { weight: draw.float32(channels), bias: draw.float32(channels) },
    input: linear(width, channels),
    output: [linear(3, width), linear(2, 3)],
  };
}
