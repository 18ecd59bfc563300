import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pruneVid } from 'tokensieve';
import { densityPeaks } from '../reference/clustering.js';
import { isArgumentError } from '../support/assertions.js';
import { assertConsistent, membersOf } from '../support/reductions.js';
import { tensorOf, values } from '../support/tensors.js';
import { ascending, cosine, type Video, video } from '../support/videos.js';

type Scene = readonly [number, number];

const meanOf = (vectors: readonly number[][]): number[] =>
  vectors[0].map((_, c) => vectors.reduce((sum, vector) => sum + vector[c], 0) / vectors.length);

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** The clusters of some vectors, as places among them. */
function clusters(vectors: readonly number[][], count: number): number[][] {
  const all = range(0, vectors.length);
  if (count === vectors.length) return all.map((i) => [i]);
  const x = values(vectors.flat(), [vectors.length, vectors[0].length]);
  return densityPeaks(x, all, { count, k: 2, similarity: 'l2' });
}

interface Options {
  readonly threshold: number;
  readonly ratio: number;
  readonly isAuthors: boolean;
}

/** The slots of given scenes: static ones, then dynamic ones frame by frame. */
function slotsOf(
  { at, token }: Video,
  cells: number,
  scenes: readonly Scene[],
  options: Options,
): number[][] {
  const { threshold, ratio, isAuthors } = options;
  const count = (n: number) => (isAuthors && n <= 14 ? n : Math.max(1, Math.floor(n * ratio)));
  return scenes.flatMap(([start, end]) => {
    const frames = range(start, end);
    const isStatic = range(0, cells).map((place) => {
      const cosines = frames.flatMap((t) =>
        frames.filter((u) => u !== t).map((u) => cosine(at(t, place), at(u, place))),
      );
      return cosines.length > 0 && cosines.reduce((sum, c) => sum + c, 0) / cosines.length > threshold;
    });
    const still = range(0, cells).filter((place) => isStatic[place]);
    const moving = range(0, cells).filter((place) => !isStatic[place]);
    const means = still.map((place) => meanOf(frames.map((t) => at(t, place))));
    const overTime = still.length === 0 ? [] : clusters(means, count(still.length));
    return [
      ...overTime.map((own) => ascending(own.flatMap((i) => frames.map((t) => token(t, still[i]))))),
      ...frames.flatMap((t) =>
        moving.length === 0
          ? []
          : clusters(
              moving.map((place) => at(t, place)),
              count(moving.length),
            ).map((own) => own.map((i) => token(t, moving[i]))),
      ),
    ];
  });
}

const byFirst = (slots: readonly number[][]) => [...slots].sort((a, b) => a[0] - b[0]);

/** Each place of a frame drifts from a vector of the frame's scene. */
function filmOf(scenes: readonly Scene[], cells: number, seed: number): Video {
  const frames = scenes[scenes.length - 1][1];
  const noise = video([frames, 1, cells], seed, 3);
  const vector = (t: number, place: number) => {
    const scene = scenes.findIndex(([, end]) => t < end);
    const base = [10 * scene, 4 - scene, Math.sin(place)];
    return noise.at(t, place).map((n, c) => base[c] + n * (place % 3) * 0.4);
  };
  const data = range(0, frames).flatMap((t) => range(0, cells).flatMap((place) => vector(t, place)));
  const hidden = tensorOf('float32', [...new Array(6).fill(0), ...data, 0, 0, 0], [1, frames * cells + 3, 3]);
  return {
    inputs: { ...noise.inputs, hidden },
    token: noise.token,
    at: (t, place) =>
      Array.from(
        hidden.data.subarray(noise.token(t, place) * 3, noise.token(t, place) * 3 + 3) as Float32Array,
      ),
  };
}

describe('pruneVid', () => {
  const scenes: readonly Scene[] = [
    [0, 3],
    [3, 5],
    [5, 9],
  ];
  for (const cells of [6, 20, 40])
    for (const threshold of [0.97, 0.8, 2])
      it(`merges ${cells} places of three scenes, static from ${threshold} on`, () => {
        for (let seed = 0; seed < 3; seed++) {
          const film = filmOf(scenes, cells, seed);
          const last = film.inputs.hidden.dims[1] - 1;
          const options = { threshold, clusterRatio: 0.4, sceneRatio: 0.34, k: 2 };
          const given = { threshold, ratio: 0.4, isAuthors: false };
          const left = pruneVid(options).reduceSync(film.inputs);
          const slots = slotsOf(film, cells, scenes, given);
          assert.deepEqual(membersOf(left.map, 0), byFirst([[0], [1], ...slots, [last]]));
          assertConsistent(film.inputs, left);
          const authors = pruneVid({ ...options, reference: 'authors' }).reduceSync(film.inputs);
          const theirs = slotsOf(film, cells, scenes, { ...given, isAuthors: true });
          assert.deepEqual(membersOf(authors.map, 0), [[0], [1], ...theirs, [last]]);
        }
      });

  it('makes scenes of clusters of frames: the longest run of each, and others with the longer run beside them', () => {
    // Frames of the same picture A, a run of another picture B with an A in it, and one lone C.
    const pictures = [0, 0, 0, 1, 1, 0, 1, 1, 1, 2];
    const vectors = [
      [0, 0, 1],
      [9, 0, 1],
      [0, 9, 1],
    ];
    const hidden = tensorOf(
      'float32',
      pictures.flatMap((p) => vectors[p]),
      [1, 10, 3],
    );
    const options = { threshold: -2, sceneRatio: 0.3, k: 2, grid: [10, 1, 1] } as const;
    // B keeps frames 6 to 8; 3 to 5 join the As before them, as long a run; the C joins the Bs.
    assert.deepEqual(membersOf(pruneVid(options).reduceSync({ hidden }).map, 0), [
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9],
    ]);
  });

  it('leaves a single frame to merge in space alone', () => {
    const film = filmOf([[0, 1]], 8, 1);
    const left = pruneVid({ clusterRatio: 0.25 }).reduceSync(film.inputs);
    assert.equal(left.hidden.dims[1], 3 + 2);
  });

  it('names what is wrong', () => {
    const create = pruneVid as (options: unknown) => unknown;
    for (const [options, path, code] of [
      [{ threshold: '1' }, 'options.threshold', 'TYPE'],
      [{ threshold: Number.NaN }, 'options.threshold', 'RANGE'],
      [{ clusterRatio: 0 }, 'options.clusterRatio', 'RANGE'],
      [{ sceneRatio: 1.5 }, 'options.sceneRatio', 'RANGE'],
      [{ sceneRatio: '1' }, 'options.sceneRatio', 'TYPE'],
      [{ k: 0 }, 'options.k', 'RANGE'],
      [{ k: '7' }, 'options.k', 'TYPE'],
      [{ grid: [1, 0] }, 'options.grid\\[1\\]', 'RANGE'],
    ] as const)
      assert.throws(() => create(options), isArgumentError(`ERR_TOKENSIEVE_${code}`, path));
  });
});
