import { rangeError, typeError } from '../errors.js';
import { featuresOf } from '../features.js';
import { freeTokens } from '../grid.js';
import { readOptions } from '../options.js';
import { byScore } from '../ranking.js';
import { type Steps, step } from '../steps.js';
import type { FloatTensor } from '../tensor.js';
import { freeAlone, freeCounts } from './among-free.js';
import { centredMap } from './maps.js';
import { nearestTokens, presence, raggedOf } from './nearest.js';
import { bestTokens, requiredScores, selectTokens } from './select.js';
import type { Decision, Strategy } from './strategy.js';

/** Options of {@link dbdpc}. */
export interface DbdpcOptions {
  /** The greatest distance of a token to the centre that it joins, 1 minus the cosine: from 0 to 2. */
  readonly cutoff: number;
  /** The distance at which a neighbour adds 1/e to a density; 2 by default. */
  readonly dc?: number;
  /** Tokens that the budget leaves out join within so many cutoffs; 1.5 by default, 0 to drop all but exact copies. */
  readonly coefPruned?: number;
}

/**
 * Distance-bounded density peak clustering, as in PACT (Dhouib et al. 2025, arXiv 2504.08966): of the free tokens those
 * are centres that have no denser centre within the cutoff, and every other one joins its nearest centre, none farther
 * than the cutoff. Distances are 1 minus the cosine of `metric`, or of the keys of all heads side by side; a density is
 * `sum over j of exp(-(d_ij / dc)^2)`, of equal ones the first token's is the greater.
 *
 * With a budget, which asks for scores, the tokens that it takes are clustered; the others join the nearest centre where
 * it is within `coefPruned` cutoffs, or are dropped. Without one all are clustered. Slots stand in the order of their
 * centres.
 *
 * @throws TypeError `ERR_TOKENSIEVE_TYPE` or RangeError `ERR_TOKENSIEVE_RANGE` naming the option
 */
export function dbdpc(options: DbdpcOptions): Strategy {
  const { cutoff, dc = 2, coefPruned = 1.5 } = readOptions(options);
  readNumber('options.cutoff', cutoff, 0, 2);
  readNumber('options.dc', dc, 1e-6, 1e6);
  readNumber('options.coefPruned', coefPruned, 0, Number.MAX_VALUE);
  return function* (decision) {
    const { tokens } = decision;
    const { batch, length, mask } = tokens;
    const taken = yield* takenTokens(decision);
    const features = yield* featuresOf(tokens, 'all-keys', 'dbdpc');
    const centres = yield* boundedPeaks(features, taken, { cutoff, dc });

    const into = new Int32Array(batch * length).fill(-1);
    const slots = centres.map((own, row) => {
      const stays = Uint8Array.from({ length }, (_, i) => Number(mask?.[row * length + i] === 1));
      for (const centre of own) stays[centre] = 1;
      return Int32Array.from(stays.keys()).filter((i) => stays[i] === 1);
    });
    slots.forEach((own, row) => {
      for (const token of own) into[row * length + token] = token;
    });
    const others = centres.map((_, row) =>
      freeTokens(tokens, row).filter((token) => into[row * length + token] === -1),
    );
    const nearest = yield* nearestTokens(features, raggedOf(others), raggedOf(centres));
    let at = 0;
    others.forEach((own, row) => {
      const isTaken = new Set(taken[row]);
      for (const token of own) {
        const isNear = distanceBy(nearest.similarity[at]) <= coefPruned * cutoff;
        if (isTaken.has(token) || isNear) into[row * length + token] = nearest.tokens[at];
        at++;
      }
    });
    return centredMap(tokens, raggedOf(slots), into);
  };
}

function readNumber(path: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number') throw typeError(path, 'a number', value);
  if (!(value >= least && value <= most)) throw rangeError(path, `a number from ${least} to ${most}`, value);
}

/** The free tokens of each row that the budget takes. */
function* takenTokens(decision: Decision): Steps<number[][]> {
  const { tokens, amount } = decision;
  if (amount === undefined) return tokens.rows.map((_, row) => [...freeTokens(tokens, row)]);
  const alone = freeAlone(tokens);
  const { indices, offsets } =
    'rule' in amount
      ? yield* selectTokens({ ...decision, tokens: alone })
      : yield* bestTokens(alone, requiredScores(decision), freeCounts(decision, 'dbdpc'));
  return tokens.rows.map((_, row) => [...indices.data.subarray(offsets[row], offsets[row + 1])]);
}

/**
 * The centres among some tokens of each row, ascending: by falling density, every token that no centre before it has
 * within the cutoff. A token that none of those before it has there is one at once, whichever they turn out to be; with
 * each round of such, what they reach is settled too, so that rounds are few and each is one product.
 */
function* boundedPeaks(
  features: FloatTensor,
  tokens: readonly number[][],
  { cutoff, dc }: Pick<Required<DbdpcOptions>, 'cutoff' | 'dc'>,
): Steps<number[][]> {
  let left = yield* byDensity(features, tokens, dc);
  const centres = tokens.map((): number[] => []);
  while (left.some((own) => own.length > 0)) {
    const lists = raggedOf(left);
    const { tokens: x } = yield* step.gatherRagged(features, lists, {});
    const width = x.dims[1];
    const there = presence(lists, width);
    const before = yield* step.similarityArgmax(x, x, { candidates: 'earlier', aMask: there, bMask: there });
    const isCentre = left.map((own, row) =>
      own.map((_, i) => !(distanceBy(before.values.data[row * width + i]) <= cutoff)),
    );
    const found = left.map((own, row) => own.filter((_, i) => isCentre[row][i]));
    found.forEach((own, row) => {
      centres[row].push(...own);
    });
    const rest = left.map((own, row) => own.filter((_, i) => !isCentre[row][i]));
    const reach = yield* nearestTokens(features, raggedOf(rest), raggedOf(found));
    let at = 0;
    left = rest.map((own) => own.filter(() => !(distanceBy(reach.similarity[at++]) <= cutoff)));
  }
  return centres.map((own) => own.sort((i, j) => i - j));
}

/** The same tokens, the densest first. */
function* byDensity(features: FloatTensor, tokens: readonly number[][], dc: number): Steps<number[][]> {
  const lists = raggedOf(tokens);
  if (lists.indices.data.length === 0) return tokens.map((own) => [...own]);
  const { tokens: x } = yield* step.gatherRagged(features, lists, {});
  const width = x.dims[1];
  // The mean of densities ranks as their sum; the Gaussian of similarityReduce halves its exponent.
  const density = yield* step.similarityReduce(x, {
    f: { gaussian: dc / Math.SQRT2 },
    mask: presence(lists, width),
  });
  return tokens.map((own, row) => {
    const densities = density.data.subarray(row * width, row * width + own.length);
    return [...own.keys()].sort(byScore(densities)).map((i) => own[i]);
  });
}

/** Infinite where there is nobody to be near to. */
const distanceBy = (similarity: number): number => Math.max(0, 1 - similarity);
