import {
  type CrossValidated,
  crossValidate,
  type Features,
  heldOutCorrect,
} from '../analysis/logistic-regression.js';
import { type Interval, mean, pairedDifference, proportion } from '../analysis/statistics.js';
import type { UseLite } from '../runner/use-lite.js';
import type { Example } from './data.js';
import { modelFlops } from './flops.js';
import { type Measured, measure, type Run } from './measure.js';
import { type Method, unreduced } from './methods.js';
import type { Progress } from './progress.js';

/** One line of the table: a method at a keep ratio, averaged over its seeds. */
export interface Result {
  readonly method: Method;
  readonly keep: number;
  /** Tokens a text before and after the reduction, on average. */
  readonly tokensBefore: number;
  readonly tokensAfter: number;
  readonly accuracy: number;
  /** Least and greatest accuracy among the seeds, where there are several. */
  readonly range?: readonly [number, number];
  /** Accuracy less that of the unreduced model, on the same texts; none for the unreduced model itself. */
  readonly difference?: Interval;
  /** Cosine to the unreduced embedding, on average. */
  readonly cosine: number;
  /** For a text, on average. */
  readonly flops: number;
  readonly milliseconds: number;
  /** How much faster than the unreduced model. */
  readonly speedup: number;
  /** Part of the time spent in the reduction. */
  readonly reducingShare: number;
}

export interface Evaluation {
  readonly results: readonly Result[];
  /** Accuracy of the unreduced model, whose result is the first. */
  readonly unreducedAccuracy: Interval;
  /** The texts that were judged, and the classifiers that judged them. */
  readonly texts: readonly Example[];
  readonly fitted: CrossValidated;
}

const folds = 5;
/** Weak: what matters is that all methods are judged by the same head. */
const l2 = 2e-4;
const seed = 1;

/**
 * Judges each method and keep ratio by a logistic regression that was fitted to unreduced embeddings of other
 * texts (five folds): the reduction is training-free, and so is everything behind it.
 *
 * @param examples texts that the classifiers are fitted to
 * @param judged indices of those that every method embeds and is judged by
 */
export function evaluate(
  model: UseLite,
  examples: readonly Example[],
  judged: Int32Array,
  methods: readonly Method[],
  keeps: readonly number[],
  progress: Progress,
): Evaluation {
  const width = model.head.weight.dims[1];
  const features = ({ embeddings }: Measured): Features => ({ data: embeddings, width });
  const unreducedRun: Run = { method: unreduced, keep: 1, seed: 0 };
  const [toFit] = measure(model, examples, [unreducedRun], progress('embedding unreduced', examples.length));
  const { fold, classifiers } = crossValidate(features(toFit), labelsOf(examples), { folds, l2, seed });

  const texts = Array.from(judged, (i) => examples[i]);
  const labels = labelsOf(texts);
  const fitted: CrossValidated = { fold: judged.map((i) => fold[i]), classifiers };
  const runs = keeps.flatMap((keep) =>
    methods.flatMap((method) => method.seeds.map((seed): Run => ({ method, keep, seed }))),
  );
  const [full, ...reduced] = measure(
    model,
    texts,
    [unreducedRun, ...runs],
    progress(`embedding in ${runs.length} ways`, texts.length),
  );
  const correctInFull = heldOutCorrect(fitted, features(full), labels);

  const summarize = (ofSeeds: readonly Measured[]): Result => {
    const [{ method, keep, tokens }] = ofSeeds;
    const correct = ofSeeds.map((run) => heldOutCorrect(fitted, features(run), labels));
    const accuracies = correct.map(mean);
    const total = mean(ofSeeds.map((run) => run.total));
    const flops = texts.map((example, i) => {
      const before = example.tokens.ids.length;
      return modelFlops(model, before, tokens[i]) + method.flops(model.blocks[0], before, tokens[i]);
    });
    return {
      method,
      keep,
      tokensBefore: mean(texts.map((example) => example.tokens.ids.length)),
      tokensAfter: mean(tokens),
      accuracy: mean(accuracies),
      ...(ofSeeds.length > 1 && { range: [Math.min(...accuracies), Math.max(...accuracies)] as const }),
      ...(method !== unreduced && { difference: pairedDifference(averageOver(correct), correctInFull) }),
      cosine: mean(ofSeeds.map((run) => meanCosine(run.embeddings, full.embeddings, texts.length))),
      flops: mean(flops),
      milliseconds: total / texts.length,
      speedup: full.total / total,
      reducingShare: mean(ofSeeds.map((run) => run.reducing)) / total,
    };
  };

  const groups = keeps.flatMap((keep) =>
    methods.map((method) => reduced.filter((run) => run.method === method && run.keep === keep)),
  );
  return {
    results: [[full], ...groups].map(summarize),
    unreducedAccuracy: proportion(correctInFull),
    texts,
    fitted,
  };
}

function labelsOf(examples: readonly Example[]): Uint8Array {
  return Uint8Array.from(examples, ({ label }) => label);
}

/** Item by item, the average over the seeds. */
function averageOver(correct: readonly Uint8Array[]): Float64Array {
  return Float64Array.from(correct[0], (_, i) => mean(correct.map((run) => run[i])));
}

/** Rows have unit length, so that their cosine is their product. */
function meanCosine(a: Float32Array, b: Float32Array, rows: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum / rows;
}
