import { escapeHtml } from '../../experiments/demo/html.js';

/** Columns of text, the first ones aligned left, numbers right. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
    `<tr>${row
      .map((text, i) => `<${tag}${i < leftColumns ? '' : ' class="right"'}>${escapeHtml(text)}</${tag}>`)
      .join('')}</tr>`;
  return (
    `<div class="scroll"><table><thead>${cells('th', head)}</thead>` +
    `<tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></div>`
  );
}

/** A chart, and its figures as a table for those who open it. */
export function figure(chart: string, caption: string, table: string): string {
  return (
    `<figure>${chart}<figcaption>${escapeHtml(caption)}</figcaption>` +
    `<details><summary>The figures</summary>${table}</details></figure>`
  );
}
