import { escapeHtml } from './html.js';

/** What a reduction did to one text. */
export interface Strip {
  /** Text of each token; U+2581 marks a word start. */
  readonly pieces: readonly string[];
  /** The score of each token, higher being kept, where the method has one. */
  readonly scores?: Float32Array;
  /** The slots that the tokens went to, each with its members in ascending order. */
  readonly slots: readonly (readonly number[])[];
}

const wordStart = '\u2581';
/** Group colours before they repeat. */
const groupColours = 6;

/**
 * The tokens of a text in a row: the darker, the higher scored; struck out when no slot holds them; tokens of
 * one slot underlined in one colour and numbered, and joined where they are neighbours.
 */
export function tokenStrip({ pieces, scores, slots }: Strip): string {
  const slotOf = new Int32Array(pieces.length).fill(-1);
  slots.forEach((members, slot) => {
    for (const token of members) slotOf[token] = slot;
  });
  const groups = slots
    .map((members, slot) => ({ members, slot }))
    .filter(({ members }) => members.length > 1);
  const groupOf = new Map(groups.map(({ slot }, i) => [slot, i + 1]));
  const shade = scores && shades(scores);

  const spans = pieces.map((piece, i) => {
    const slot = slotOf[i];
    const group = groupOf.get(slot);
    const classes = ['token'];
    if (i > 0 && piece.startsWith(wordStart)) classes.push('word');
    if (slot === -1) classes.push('gone');
    if (group !== undefined) {
      classes.push('merged', `group-${(group - 1) % groupColours}`);
      if (i > 0 && slotOf[i - 1] === slot) classes.push('joined');
    }
    const text = piece.replaceAll(wordStart, '') || '\u2423';
    const style = shade ? ` style="--score:${shade[i].toFixed(2)}"` : '';
    const badge = group !== undefined && slots[slot][0] === i ? `<sub>${group}</sub>` : '';
    const note = [
      scores && `score ${scores[i].toPrecision(3)}`,
      slot === -1 ? 'pruned' : group === undefined ? 'kept' : `merged with ${slots[slot].length - 1} more`,
    ];
    return (
      `<span class="${classes.join(' ')}"${style} title="${note.filter(Boolean).join(', ')}">` +
      `${escapeHtml(text)}${badge}</span>`
    );
  });
  return `<span class="strip">${spans.join('')}</span>`;
}

/** Scores as places from 0 (lowest) to 1: their sizes differ by orders of magnitude, their order is what counts. */
function shades(scores: Float32Array): number[] {
  const order = Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  const shade = new Array<number>(scores.length);
  order.forEach((token, rank) => {
    shade[token] = scores.length === 1 ? 1 : rank / (scores.length - 1);
  });
  return shade;
}
