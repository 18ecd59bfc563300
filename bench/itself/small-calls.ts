// Calls so small that what they cost is the way into the addon and back.
import {
  attentionScoresSync,
  bipartiteMatchSync,
  gatherTokensSync,
  mergeTokensSync,
  tokenNormsSync,
  topKSync,
} from 'tokensieve';
import { type Case, empty, normal } from '../case.js';

/** A call on 16 tokens, with all outputs given and with none. */
export interface SmallCall {
  readonly name: string;
  readonly withOut: Case['prepare'];
  readonly allocating: Case['prepare'];
}

/** `setup` makes the inputs, and gives the call for the outputs that it has or has not. */
function smallCall<Out>(name: string, out: () => Out, setup: () => (out?: Out) => unknown): SmallCall {
  const prepare = (given: Out | undefined) => (): (() => void) => {
    const call = setup();
    return given === undefined ? () => call() : () => call(given);
  };
  return { name, withOut: prepare(out()), allocating: prepare(undefined) };
}

const N = 16;
const C = 64;
const k = 4;

export const smallCalls: readonly SmallCall[] = [
  smallCall(
    'tokenNorms',
    () => ({ out: { norms: empty('float32', [1, N]) } }),
    () => {
      const x = normal([1, N, C]);
      return (options) => tokenNormsSync(x, options);
    },
  ),
  smallCall(
    'topK',
    () => ({ out: { indices: empty('int32', [1, k]), values: empty('float32', [1, k]) } }),
    () => {
      const x = normal([1, N]);
      return (options) => topKSync(x, k, options);
    },
  ),
  smallCall(
    'gatherTokens',
    () => ({ out: { tokens: empty('float32', [1, k, C]) } }),
    () => {
      const x = normal([1, N, C]);
      const { indices } = topKSync(normal([1, N]), k);
      return (options) => gatherTokensSync(x, indices, options);
    },
  ),
  smallCall(
    'mergeTokens',
    () => ({ out: { tokens: empty('float32', [1, N - k, C]), sizes: empty('float32', [1, N - k]) } }),
    () => {
      const x = normal([1, N, C]);
      const map = bipartiteMatchSync(x, { r: k });
      return (options) => mergeTokensSync(x, map, options);
    },
  ),
  smallCall(
    'attentionScores',
    () => ({ out: { scores: empty('float32', [1, N]), lse: empty('float32', [1, 1, N]) } }),
    () => {
      const [q, keys] = [normal([1, 1, N, C]), normal([1, 1, N, C])];
      return (options) => attentionScoresSync(q, keys, options);
    },
  ),
];
