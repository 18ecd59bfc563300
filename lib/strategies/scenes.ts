// Scenes of a video: frames that look alike, made stretches of time.

/** Frames from `start` up to, not including, `end`. */
export interface Scene {
  readonly start: number;
  readonly end: number;
}

/**
 * Clusters of frames as scenes, as PruneVid makes them (Huang et al. 2024, arXiv 2412.16117): each cluster keeps its
 * longest runs of frames, if they are longer than one frame; other frames join the longer one of the runs beside them,
 * the one before where both are as long.
 *
 * @param labels the cluster of each frame
 */
export function scenesOf(labels: readonly number[]): Scene[] {
  const kept = keepLongest(labels);
  for (let start = 0; start < kept.length; ) {
    let end = start;
    while (end < kept.length && kept[end] === none) end++;
    if (end > start) {
      const before = runBefore(kept, start);
      const after = runAfter(kept, end);
      const label = after.length > before.length ? after.label : before.label;
      kept.fill(label === none ? 0 : label, start, end);
    }
    start = Math.max(end, start + 1);
  }
  return runsOf(kept);
}

const none = -1;

function keepLongest(labels: readonly number[]): number[] {
  const longest = new Map<number, number>();
  const runs = runsOf(labels);
  for (const { start, end } of runs)
    longest.set(labels[start], Math.max(longest.get(labels[start]) ?? 0, end - start));
  const kept = [...labels];
  for (const { start, end } of runs)
    if (end - start === 1 || end - start < (longest.get(labels[start]) ?? 0)) kept.fill(none, start, end);
  return kept;
}

function runsOf(labels: readonly number[]): Scene[] {
  const starts = labels.flatMap((label, i) => (i === 0 || labels[i - 1] !== label ? [i] : []));
  return starts.map((start, i) => ({ start, end: starts[i + 1] ?? labels.length }));
}

function runBefore(labels: readonly number[], end: number) {
  let start = end;
  while (start > 0 && labels[start - 1] === labels[end - 1]) start--;
  return { label: start < end ? labels[end - 1] : none, length: end - start };
}

function runAfter(labels: readonly number[], start: number) {
  let end = start;
  while (end < labels.length && labels[end] === labels[start]) end++;
  return { label: start < end ? labels[start] : none, length: end - start };
}
