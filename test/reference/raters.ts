// The words of a prompt that rate its picture (Zhang et al. 2024, arXiv 2410.04417), and their attention.
import type { PromptInputs } from '../support/prompts.js';
import { placesOf } from '../support/prompts.js';
import { decode } from '../support/tensors.js';
import { attentionScores } from './attention-scores.js';

/** Text behind the picture whose share of the picture's softmax over that text is above the mean. */
export function ratersOf({ hidden, mask }: Pick<PromptInputs, 'hidden' | 'mask'>): number[] {
  const channels = hidden.dims[2];
  const x = decode(hidden).data;
  const dot = (i: number, j: number) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += x[i * channels + c] * x[j * channels + c];
    return sum;
  };
  const picture = placesOf(mask, 0);
  const text = placesOf(mask, 1).filter((i) => i > Math.max(...picture));
  const shares = text.map(() => 0);
  for (const i of picture) {
    const logits = text.map((t) => dot(i, t));
    const greatest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - greatest));
    const sum = powers.reduce((a, b) => a + b, 0);
    powers.forEach((power, t) => {
      shares[t] += power / sum / picture.length;
    });
  }
  return text.filter((_, t) => shares[t] > shares.reduce((a, b) => a + b, 0) / shares.length);
}

/** `[H][N]`: the raters' causal attention, and its mean over the heads that turn most to the picture. */
export function scoresOf({ q, k, mask }: PromptInputs, raters: number[], best?: number): number[] {
  const masking = {
    causal: true,
    mask,
    queryMask: mask,
    queries: Int32Array.from(raters),
    heads: 'none',
  } as const;
  const { scores } = attentionScores(decode(q), decode(k), masking);
  const heads = Array.from({ length: q.dims[1] }, (_, h) => [
    ...scores.data.subarray(h * mask.length, (h + 1) * mask.length),
  ]);
  const toPicture = (head: number[]) => placesOf(mask, 0).reduce((sum, i) => sum + head[i], 0);
  const chosen = [...heads].sort((a, b) => toPicture(b) - toPicture(a)).slice(0, best);
  return [...mask.keys()].map((i) => chosen.reduce((sum, head) => sum + head[i], 0) / chosen.length);
}
