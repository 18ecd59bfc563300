/** A text as the model takes it: token ids and the place each has in the text. */
export interface Tokens {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
}

export interface Tokenizer {
  /** The text of every token id; U+2581 stands for the space before a word. */
  readonly pieces: readonly string[];
  encode(text: string): Tokens;
}

/** Id 0 is "unknown", and this model's padding too: such a piece takes a place but is no token. */
const unknownId = 0;
/** Ids below are control symbols, which no text spells. */
const controlIds = 6;
/** SentencePiece's own penalty: an unknown character scores this much below the least likely piece. */
const unknownPenalty = 10;

const wordStart = '\u2581';

/**
 * SentencePiece's unigram tokenizer (Kudo 2018, arXiv 1804.10959): the segmentation with the greatest sum
 * of log probabilities, found by Viterbi over the characters. Text is normalized to NFKC, white space
 * collapsed, and a word start marked, as SentencePiece does by default.
 *
 * @param vocabulary [piece, log probability] by id, in descending probability. Some are published without
 *   their probability; the order says that it lies between those of their neighbours.
 */
export function unigramTokenizer(vocabulary: readonly (readonly [string, number | null])[]): Tokenizer {
  const pieces = vocabulary.map(([piece]) => piece);
  const scores = vocabulary.map(([, score], id) => score ?? scoreFromNeighbours(vocabulary, id));
  const idOf = new Map<string, number>();
  let longest = 1;
  let leastLikely = 0;
  for (let id = controlIds; id < pieces.length; id++) {
    const earlier = idOf.get(pieces[id]);
    if (earlier === undefined || scores[id] > scores[earlier]) idOf.set(pieces[id], id);
    longest = Math.max(longest, pieces[id].length);
    leastLikely = Math.min(leastLikely, scores[id]);
  }
  const unknownScore = leastLikely - unknownPenalty;

  /** The best segmentation of the text, as the ids of its pieces. */
  function segment(text: string): number[] {
    const best = new Float64Array(text.length + 1).fill(Number.NEGATIVE_INFINITY);
    const start = new Int32Array(text.length + 1);
    const ids = new Int32Array(text.length + 1);
    best[0] = 0;
    const offer = (from: number, to: number, id: number, score: number) => {
      if (best[from] + score <= best[to]) return;
      best[to] = best[from] + score;
      start[to] = from;
      ids[to] = id;
    };
    for (let from = 0; from < text.length; from++) {
      const character = String.fromCodePoint(text.codePointAt(from) as number);
      offer(from, from + character.length, unknownId, unknownScore);
      for (let to = from + 1; to <= Math.min(text.length, from + longest); to++) {
        const id = idOf.get(text.slice(from, to));
        if (id !== undefined) offer(from, to, id, scores[id]);
      }
    }
    const path: number[] = [];
    for (let to = text.length; to > 0; to = start[to]) path.push(ids[to]);
    return path.reverse();
  }

  return {
    pieces,
    encode(text) {
      const normalized = text.normalize('NFKC').trim().replace(/\s+/g, wordStart);
      const ids: number[] = [];
      const positions: number[] = [];
      let position = 0;
      let previous = -1;
      for (const id of normalized === '' ? [] : segment(wordStart + normalized)) {
        // SentencePiece makes one unknown piece of a run of unknown characters.
        if (id === unknownId && previous === unknownId) continue;
        if (id !== unknownId) {
          ids.push(id);
          positions.push(position);
        }
        position++;
        previous = id;
      }
      return { ids: Int32Array.from(ids), positions: Int32Array.from(positions) };
    },
  };
}

function scoreFromNeighbours(vocabulary: readonly (readonly [string, number | null])[], id: number): number {
  const nearest = (step: number) => {
    for (let i = id + step; i >= 0 && i < vocabulary.length; i += step) {
      const score = vocabulary[i][1];
      if (score !== null) return score;
    }
    throw new Error(`the piece ${JSON.stringify(vocabulary[id][0])} has no probability, nor has any near it`);
  };
  return (nearest(-1) + nearest(1)) / 2;
}
