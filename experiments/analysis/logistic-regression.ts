import { permutation } from './random.js';

/** n rows of d features, row after row. */
export interface Features {
  readonly data: Float32Array;
  readonly width: number;
}

/** Says "positive" where `weights . x + bias > 0`. */
export interface LinearClassifier {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** The log odds that a row is positive. */
export function logOdds({ weights, bias }: LinearClassifier, { data, width }: Features, row: number): number {
  let sum = bias;
  for (let c = 0; c < width; c++) sum += weights[c] * data[row * width + c];
  return sum;
}

/**
 * Logistic regression with a quadratic penalty: minimizes mean log loss + l2/2 |w|^2 over the given rows.
 *
 * The problem is convex, so Newton's method with conjugate gradients for each step reaches its one minimum
 * in a handful of steps (Lin, Weng and Keerthi 2008); products with the Hessian cost as much as a gradient,
 * and the Hessian itself is never formed.
 */
export function fitLogisticRegression(
  features: Features,
  labels: Uint8Array,
  rows: Int32Array,
  { l2, tolerance = 1e-6, maxSteps = 50 }: { l2: number; tolerance?: number; maxSteps?: number },
): LinearClassifier {
  const { data, width } = features;
  const size = width + 1;

  /** X w, the bias being the last entry of w. */
  const forward = (w: Float64Array): Float64Array =>
    Float64Array.from(rows, (row) => {
      let sum = w[width];
      for (let c = 0, at = row * width; c < width; c++) sum += w[c] * data[at + c];
      return sum;
    });
  /** X^T r / n + l2 w, without a penalty on the bias. */
  const backward = (r: Float64Array, w: Float64Array): Float64Array => {
    const sums = new Float64Array(size);
    for (let i = 0; i < rows.length; i++) {
      for (let c = 0, at = rows[i] * width; c < width; c++) sums[c] += r[i] * data[at + c];
      sums[width] += r[i];
    }
    return sums.map((sum, c) => sum / rows.length + (c < width ? l2 * w[c] : 0));
  };
  const loss = (w: Float64Array, z: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < rows.length; i++) sum += softplus(labels[rows[i]] === 1 ? -z[i] : z[i]);
    const slopes = w.subarray(0, width);
    return sum / rows.length + (l2 / 2) * dot(slopes, slopes);
  };

  let w: Float64Array = new Float64Array(size);
  let z = forward(w);
  let current = loss(w, z);
  for (let step = 0; step < maxSteps; step++) {
    const p = z.map(sigmoid);
    const gradient = backward(
      p.map((probability, i) => probability - labels[rows[i]]),
      w,
    );
    const steepness = Math.sqrt(dot(gradient, gradient));
    if (steepness <= tolerance) return { weights: w.slice(0, width), bias: w[width] };
    const curvature = (v: Float64Array) => {
      const scaled = forward(v).map((value, i) => value * p[i] * (1 - p[i]));
      return backward(scaled, v);
    };
    const direction = conjugateGradients(
      curvature,
      gradient,
      Math.min(0.1, Math.sqrt(steepness)) * steepness,
    );
    const slope = dot(gradient, direction);
    for (let length = 1; ; length /= 2) {
      const candidate = w.map((value, c) => value + length * direction[c]);
      const candidateZ = forward(candidate);
      const candidateLoss = loss(candidate, candidateZ);
      if (candidateLoss <= current + 1e-4 * length * slope) {
        w = candidate;
        z = candidateZ;
        current = candidateLoss;
        break;
      }
      if (length < 1e-10) throw new Error('the logistic regression found no step that lowers its loss');
    }
  }
  throw new Error(`the logistic regression did not converge in ${maxSteps} steps`);
}

/** Solves H x = -g to the given residual. */
function conjugateGradients(
  product: (v: Float64Array) => Float64Array,
  g: Float64Array,
  residual: number,
): Float64Array {
  const x = new Float64Array(g.length);
  const r = g.map((value) => -value);
  let p = r.slice();
  let rr = dot(r, r);
  for (let i = 0; i < g.length && Math.sqrt(rr) > residual; i++) {
    const hp = product(p);
    const alpha = rr / dot(p, hp);
    for (let c = 0; c < x.length; c++) {
      x[c] += alpha * p[c];
      r[c] -= alpha * hp[c];
    }
    const next = dot(r, r);
    const beta = next / rr;
    p = p.map((value, c) => r[c] + beta * value);
    rr = next;
  }
  return x;
}

/** Cross-validation: each row belongs to one fold, and its fold's classifier has not seen it. */
export interface CrossValidated {
  readonly fold: Int32Array;
  readonly classifiers: readonly LinearClassifier[];
}

/** Fits one classifier for each fold on the rows of the others; folds are drawn at random, of equal size. */
export function crossValidate(
  features: Features,
  labels: Uint8Array,
  { folds, l2, seed }: { folds: number; l2: number; seed: number },
): CrossValidated {
  const order = permutation(labels.length, seed);
  const fold = new Int32Array(labels.length);
  order.forEach((row, i) => {
    fold[row] = i % folds;
  });
  const classifiers = Array.from({ length: folds }, (_, held) =>
    fitLogisticRegression(
      features,
      labels,
      order.filter((row) => fold[row] !== held),
      { l2 },
    ),
  );
  return { fold, classifiers };
}

/** 1 where a row's held-out classifier names its label, else 0. */
export function heldOutCorrect(
  { fold, classifiers }: CrossValidated,
  features: Features,
  labels: Uint8Array,
): Uint8Array {
  return labels.map((label, row) =>
    Number(logOdds(classifiers[fold[row]], features, row) > 0 === (label === 1)),
  );
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : 1 - 1 / (1 + Math.exp(x));
}

/** log(1 + exp(x)) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
