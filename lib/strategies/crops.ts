// Tokens of a picture in contiguous crops, and how differently the tokens of each are like each other.
import { freeTokens } from '../grid.js';
import type { Tokens } from '../sieve-inputs.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';

/** So many crops of a row's free tokens, one after another, the first ones longer by one where they are not even. */
export function cropsOf(tokens: Tokens, row: number, most: number): Int32Array[] {
  const free = freeTokens(tokens, row);
  const count = Math.min(most, free.length);
  const size = Math.floor(free.length / Math.max(1, count));
  const longer = free.length - size * count;
  return Array.from({ length: count }, (_, crop) => {
    const start = crop * size + Math.min(crop, longer);
    return free.subarray(start, start + size + Number(crop < longer));
  });
}

/**
 * For each token of each crop the variance of its cosines with the others of the crop: 0 for one that is alone.
 *
 * @param features `[B,N,D]`
 * @param withSelf counts a token's cosine with itself as a 0 among the others', in the sum of squares alone
 * @returns for each row and crop, a number for each token
 */
export function* cosineVariance(
  features: FloatTensor,
  crops: readonly (readonly Int32Array[])[],
  withSelf: boolean,
): Steps<Float64Array[][]> {
  const [batch, length, channels] = features.dims;
  const lengths = Int32Array.from(crops.flat(), (crop) => crop.length);
  const width = lengths.reduce((most, size) => Math.max(most, size), 0);
  if (width < 2) return crops.map((own) => own.map((crop) => new Float64Array(crop.length)));
  const places = new Int32Array(lengths.length * width);
  let at = 0;
  crops.forEach((own, row) => {
    for (const crop of own) {
      places.set(
        crop.map((token) => row * length + token),
        at,
      );
      at += width;
    }
  });
  const all = { ...features, dims: [1, batch * length, channels] };
  const laid = yield* step.gatherTokens(all, { type: 'int32', data: places, dims: [1, places.length] }, {});
  const cropped = { ...laid, dims: [lengths.length, width, channels] };
  const mean = yield* step.similarityReduce(cropped, { f: 'mean', self: false, lengths });
  const square = yield* step.similarityReduce(cropped, { f: 'square', self: false, lengths });
  let first = -width;
  return crops.map((own) =>
    own.map((crop) => {
      first += width;
      return Float64Array.from(crop, (_, i) => {
        const middle = mean.data[first + i];
        const difference = square.data[first + i] - middle ** 2;
        const spread = crop.length < 3 || difference < leastVariance ? 0 : difference;
        return crop.length < 2 ? 0 : spread + (withSelf ? middle ** 2 / (crop.length - 1) : 0);
      });
    }),
  );
}

/** Below it the difference of the mean square and the squared mean, both up to 1, is their rounding to float32. */
const leastVariance = 2 ** -22;

/** What a crop counts for by its tokens' attention and the {@link cosineVariance} of their cosines. */
export interface CropScoring {
  readonly alpha: number;
  readonly beta: number;
  /** Brings variances to attention's scale crop by crop, in place of over the row. */
  readonly isAuthors: boolean;
}

/** What each crop counts for; not negative, and 0 where that is no number. */
export function cropWeights(
  crops: readonly Int32Array[],
  attention: Float32Array,
  variances: readonly Float64Array[],
  { alpha, beta, isAuthors }: CropScoring,
): number[] {
  const attended = crops.map((crop) => meanOf(Array.from(crop, (i) => attention[i])));
  const all = meanOf(crops.flatMap((crop) => Array.from(crop, (i) => attention[i])));
  const spread = meanOf(variances.flatMap((own) => Array.from(own)));
  return crops.map((crop, at) => {
    const own = meanOf(variances[at]);
    // Attention times 1000, as the authors have it, beside which their 1e-6 is small.
    const scale = isAuthors ? (1e3 * attended[at]) / (own + 1e-6) : (1e3 * all) / spread;
    const varied = crop.length < 2 || own === 0 ? 0 : beta * scale * own;
    const attentive = isAuthors && crop.length < 2 ? attended[at] : alpha * 1e3 * attended[at];
    return Math.max(0, attentive + varied) || 0;
  });
}

const meanOf = (values: ArrayLike<number>): number =>
  values.length === 0 ? 0 : Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
