import { methodGroups } from 'tokensieve';
import { duration, table } from '../tables.js';
import { type MethodResult, mostOverhead } from './measure.js';

/** A table for each group of methods; last, how many cost more beside their kernels than they should. */
export function methodsTable(results: readonly MethodResult[]): string {
  const head = ['method', 'shape', 'tokens', 'left', 'time', 'of attention', 'total/ops', 'its ops'];
  const tables = methodGroups.flatMap((group) => {
    const own = results.filter((result) => result.group === group);
    return own.length === 0 ? [] : [`${group}\n${table(head, own.map(rowOf), 2)}`];
  });
  const over = results.filter(({ overhead }) => overhead > mostOverhead);
  const named = over.map(({ method, shape }) => `${method} ${shape}`).join(', ');
  const verdict = `${over.length} of ${results.length} take more than ${mostOverhead} times their ops`;
  return [...tables, over.length === 0 ? verdict : `${verdict}: ${named}`].join('\n\n');
}

function rowOf(result: MethodResult): string[] {
  const { method, shape, over, tokens, left, total, attention, overhead, ops } = result;
  const inOps = ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const shares = ops.map(({ name, milliseconds, calls }) => {
    const share = ((milliseconds / inOps) * 100).toFixed(0);
    return `${name}${calls > 1 ? ` x${calls}` : ''} ${share}%`;
  });
  return [
    method,
    over === 'prompt' ? `${shape}, in a prompt` : shape,
    String(tokens),
    String(left),
    duration(total),
    `${((total / attention) * 100).toPrecision(2)} %`,
    overhead.toFixed(2),
    shares.join(', '),
  ];
}
