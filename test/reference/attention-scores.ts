// How much attention each key receives, from the whole attention matrix of each head.
import { count, type Values } from '../support/tensors.js';
import {
  type AttentionMasking,
  type AttentionShape,
  attentionRow,
  attentionShape,
  isQuery,
} from './attention-probabilities.js';
import { type Pooling, poolScores } from './pool-scores.js';
import { tokenNorms } from './token-norms.js';

export type Reduce = 'sum' | 'mean' | 'max';

export interface AttentionScoresOptions extends AttentionMasking {
  readonly queries?: 'all' | 'first' | 'last' | { readonly last: number } | Int32Array;
  readonly keys?: { readonly first: number } | { readonly last: number };
  readonly reduce?: Reduce | 'observed';
  readonly values?: Values;
  readonly pool?: Pooling;
  readonly heads?: Reduce | 'none' | 'group' | { readonly group: Reduce };
  /** `[B,H,chosen queries]` */
  readonly lse?: ArrayLike<number>;
}

export interface AttentionScores {
  readonly scores: Values;
  /** Absolute error that each score is allowed. */
  readonly tolerance: Float64Array;
  readonly lse: Values;
  readonly entropy: Values;
  /** Relative error allowed to the probabilities behind each lse and entropy. */
  readonly rowError: Float64Array;
}

/** q `[B,H,Nq,D]`, k `[B,Hkv,N,D]`. */
export function attentionScores(q: Values, k: Values, options: AttentionScoresOptions = {}): AttentionScores {
  const shape = attentionShape(q, k);
  const { batch, heads, keyHeads, keys } = shape;
  const chosen = chosenQueries(options.queries, shape.queries);
  const [firstKey, endKey] = scoredKeys(options.keys, keys);
  const perHead: Float64Array[] = [];
  const perHeadTolerance: Float64Array[] = [];
  const lse = new Float64Array(batch * heads * chosen.length);
  const entropy = new Float64Array(lse.length);
  const rowError = new Float64Array(lse.length);

  for (let b = 0; b < batch; b++) {
    const counted = chosen.filter((i) => isQuery(shape, options, b, i)).length;
    for (let h = 0; h < heads; h++) {
      const rows = chosen.map((i, place) => {
        const index = (b * heads + h) * chosen.length + place;
        const row = attentionRow(q, k, options, [b, h, i], options.lse?.[index]);
        lse[index] = options.lse?.[index] ?? row.logSumExp;
        entropy[index] = row.entropy;
        rowError[index] = row.relativeError;
        return row;
      });
      const norms = valueNorms(options.values, b, Math.floor(h / (heads / keyHeads)));
      const finish = (entry: (query: number, key: number) => number): Float64Array => {
        const column = (j: number) => {
          const entries = rows.map((_, query) => entry(query, j));
          const seenBy = rows.filter((row) => row.seen[j]).length;
          return reduceEntries(entries, options.reduce ?? 'mean', counted, seenBy) * (norms?.[j] ?? 1);
        };
        const scored = Float64Array.from({ length: endKey - firstKey }, (_, j) => column(firstKey + j));
        return options.pool === undefined ? scored : poolScores(scored, options.pool);
      };
      perHead.push(finish((query, j) => rows[query].probabilities[j]));
      perHeadTolerance.push(finish((query, j) => rows[query].probabilities[j] * rows[query].relativeError));
    }
  }
  const reduced = { batch, heads, keyHeads, keys: endKey - firstKey };
  const scores = reduceHeads(perHead, reduced, options.heads ?? 'mean');
  const tolerance = reduceHeads(perHeadTolerance, reduced, options.heads ?? 'mean').data;
  const rowDims = [batch, heads, chosen.length];
  return {
    scores,
    tolerance,
    lse: { data: lse, dims: rowDims },
    entropy: { data: entropy, dims: rowDims },
    rowError,
  };
}

export function chosenQueries(queries: AttentionScoresOptions['queries'], length: number): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (queries === undefined || queries === 'all') return all;
  if (queries === 'first') return all.slice(0, 1);
  if (queries === 'last') return all.slice(-1);
  return queries instanceof Int32Array ? Array.from(queries) : all.slice(length - queries.last);
}

function scoredKeys(keys: AttentionScoresOptions['keys'], length: number): [number, number] {
  if (keys === undefined) return [0, length];
  return 'first' in keys ? [0, keys.first] : [length - keys.last, length];
}

function valueNorms(values: Values | undefined, b: number, keyHead: number): Float64Array | undefined {
  if (values === undefined) return undefined;
  const keys = values.dims[2];
  return tokenNorms(values).subarray((b * values.dims[1] + keyHead) * keys);
}

function reduceEntries(
  entries: readonly number[],
  reduce: Reduce | 'observed',
  counted: number,
  seenBy: number,
): number {
  if (reduce === 'max') return entries.reduce((a, x) => Math.max(a, x), 0);
  const sum = entries.reduce((a, x) => a + x, 0);
  if (reduce === 'sum') return sum;
  const divisor = reduce === 'mean' ? counted : seenBy;
  return divisor === 0 ? 0 : sum / divisor;
}

function reduceHeads(
  perHead: readonly Float64Array[],
  { batch, heads, keyHeads, keys }: Pick<AttentionShape, 'batch' | 'heads' | 'keyHeads' | 'keys'>,
  mode: NonNullable<AttentionScoresOptions['heads']>,
): Values {
  const groups = mode === 'none' ? heads : mode === 'group' || typeof mode === 'object' ? keyHeads : 1;
  const reduce = mode === 'none' || mode === 'group' ? 'mean' : typeof mode === 'object' ? mode.group : mode;
  const size = heads / groups;
  const dims =
    groups === 1 && typeof mode === 'string' && mode !== 'none' && mode !== 'group'
      ? [batch, keys]
      : [batch, groups, keys];
  const data = new Float64Array(count(dims));
  for (let g = 0; g < batch * groups; g++) {
    const members = perHead.slice(g * size, (g + 1) * size);
    for (let j = 0; j < keys; j++) {
      data[g * keys + j] = reduceEntries(
        members.map((head) => head[j]),
        reduce,
        size,
        size,
      );
    }
  }
  return { data, dims };
}
