// Whether two contenders give the same: checked before either is timed.
import type { Inputs, Job, Outputs } from './peer.js';

/** Undefined when they agree within float32's error, else what differs. */
export function difference(job: Job, inputs: Inputs, ours: Outputs, theirs: Outputs): string | undefined {
  switch (job.kind) {
    case 'attentionScores':
      return farthest('scores', ours, theirs);
    case 'attention':
      return farthest('output', ours, theirs);
    case 'matchAndMerge':
      return differentRows(ours, theirs, job.C);
    case 'topK':
      return differentSelection(inputs.x, ours, theirs);
    case 'mergeTokens':
    case 'gatherTokens':
    case 'restoreTokens':
      return farthest('tokens', ours, theirs);
  }
}

/** Sums of many exponentials, or of rows: a ten thousandth of the greatest value is far from any wrong formula. */
function farthest(name: string, ours: Outputs, theirs: Outputs): string | undefined {
  const [a, b] = [ours[name], theirs[name]];
  if (a.length !== b.length) return `${name}: ${b.length} values, not ${a.length}`;
  let [most, greatest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(Number(a[i]) - Number(b[i])));
    greatest = Math.max(greatest, Math.abs(Number(a[i])));
  }
  return most <= 1e-4 * greatest
    ? undefined
    : `${name} differ by up to ${most.toPrecision(2)} of ${greatest.toPrecision(2)}`;
}

/** Pairs whose similarities differ by a rounding may merge elsewhere: one row in a hundred may differ. */
function differentRows(ours: Outputs, theirs: Outputs, C: number): string | undefined {
  const [a, b] = [ours.tokens, theirs.tokens];
  if (a.length !== b.length) return `tokens: ${b.length} values, not ${a.length}`;
  let rows = 0;
  for (let row = 0; row < a.length; row += C) {
    let c = 0;
    while (c < C && Math.abs(Number(a[row + c]) - Number(b[row + c])) < 1e-4) c++;
    if (c < C) rows++;
  }
  return rows * C * 100 <= a.length ? undefined : `${rows} of ${a.length / C} merged tokens differ`;
}

/** The same values, each at an index that holds it; among equal ones another index may be chosen. */
function differentSelection(x: Float32Array, ours: Outputs, theirs: Outputs): string | undefined {
  const valuesOf = ({ values }: Outputs): Float32Array =>
    Float32Array.from(values as ArrayLike<number>).sort();
  const [a, b] = [valuesOf(ours), valuesOf(theirs)];
  if (a.length !== b.length || a.some((value, i) => value !== b[i])) return 'values differ';
  const { values, indices } = theirs;
  for (let i = 0; i < indices.length; i++)
    if (x[Number(indices[i])] !== Number(values[i])) return `indices[${i}] has another value`;
  return undefined;
}
