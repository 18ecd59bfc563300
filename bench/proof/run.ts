// npm run bench -- --peers: the jobs against the peers, this package against itself, every case against the ceilings,
// growth with the number of tokens, and from where on reducing pays.
import { loadavg } from 'node:os';
import { info, setNumThreads } from 'tokensieve';
import { blockShapes, breakEvenName, measureBreakEven } from '../break-even/measure.js';
import { caseName } from '../case.js';
import { cases } from '../cases.js';
import { curves, growthName, measureGrowth } from '../growth/curves.js';
import { canContest, contestPair } from '../itself/contest.js';
import { pairs } from '../itself/pairs.js';
import { judge, type Measurement, measure } from '../measure.js';
import { comparePeers } from '../peers/compare.js';
import { entries, entryName } from '../peers/jobs.js';
import type { Proof } from './result.js';

interface Selection {
  readonly entries: typeof entries;
  readonly pairs: typeof pairs;
  readonly cases: typeof cases;
  readonly curves: typeof curves;
  readonly blockShapes: typeof blockShapes;
}

/** What has a name that contains the text, in any case of letters. */
function selected(text: string): Selection {
  const matching = <T>(list: readonly T[], nameOf: (item: T) => string): readonly T[] =>
    list.filter((item) => nameOf(item).toLowerCase().includes(text.toLowerCase()));
  return {
    entries: matching(entries, entryName),
    pairs: matching(pairs, ({ name }) => name).filter(canContest),
    cases: matching(cases, caseName),
    curves: matching(curves, growthName),
    blockShapes: matching(blockShapes, breakEvenName),
  };
}

/** How many jobs, pairs, cases and curves the text leaves. */
export function countSelected(text: string): number {
  return Object.values(selected(text)).reduce((sum, list) => sum + list.length, 0);
}

export async function prove(
  filter: string,
  threads: readonly number[],
  versions: Proof['versions'],
): Promise<Proof> {
  const [load] = loadavg();
  const chosen = selected(filter);
  const jobs = chosen.entries.length * threads.length;
  const total =
    jobs + chosen.pairs.length + chosen.cases.length + chosen.curves.length + chosen.blockShapes.length;
  let begun = 0;
  const progress = (name: string): void => {
    process.stderr.write(`[${++begun}/${total}] ${name}\n`);
  };

  const compared =
    jobs > 0 ? await comparePeers(chosen.entries, threads, progress) : { peers: {}, comparisons: [] };
  const contested = [];
  for (const pair of chosen.pairs) {
    progress(`${pair.name}, against ${pair.against}`);
    contested.push(await contestPair(pair));
  }
  setNumThreads(1);
  const measurements: Measurement[] = [];
  for (const benchmark of chosen.cases) {
    progress(caseName(benchmark));
    measurements.push(await measure(benchmark));
  }
  const growth = chosen.curves.map((curve) => {
    progress(growthName(curve));
    return measureGrowth(curve);
  });
  const breakEven = chosen.blockShapes.map((shape) => {
    progress(breakEvenName(shape));
    return measureBreakEven(shape);
  });
  return {
    date: new Date().toISOString(),
    cpu: info().cpu,
    isa: info().isa,
    threads,
    load,
    versions,
    ...compared,
    pairs: contested,
    cases: judge(measurements),
    growth,
    breakEven,
  };
}
