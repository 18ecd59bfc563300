// How well each kernel's requests fill the 32-byte sectors that they touch, as the emulated driver counts them while every
// job of bench/cuda/shapes.ts runs: 4 sectors for 128 bytes where the layout allows, and the reason where it does not.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { forms, isBuilt, profile } from '../../bench/cuda/profile.js';

interface Irregular {
  readonly kernels: RegExp;
  readonly access: 'load' | 'store';
  /** Sectors for each that the bytes would fill. */
  readonly most: number;
  readonly why: string;
}

const fragments = 'fragments: 8 rows of 16 bytes a request';
const statistics = 'the statistics of a row are one thread’s, 16 bytes in pieces';
const sorting = 'a sort scatters to where its keys belong';

const irregular: readonly Irregular[] = [
  { kernels: /attention_output_/, access: 'store', most: 2.3, why: fragments },
  { kernels: /attention_lse_(distance_)?b?f16/, access: 'load', most: 2.3, why: fragments },
  { kernels: /attention_lse_(distance_)?b?f16/, access: 'store', most: 4, why: statistics },
  { kernels: /attention_combine$/, access: 'load', most: 4.1, why: statistics },
  { kernels: /attention_combine$/, access: 'store', most: 1.8, why: statistics },
  {
    kernels: /attention_columns_(distance_)?b?f16/,
    access: 'store',
    most: 1.8,
    why: 'keys of a warp begin inside a sector',
  },
  { kernels: /attention_positions/, access: 'load', most: 2, why: 'of each row its query alone is read' },
  {
    kernels: /average_nearest/,
    access: 'load',
    most: 4.7,
    why: 'a thread reads the neighbours of its token',
  },
  { kernels: /bipartite_merge/, access: 'store', most: 2.3, why: 'tokens go where their matches are' },
  { kernels: /gather_columns/, access: 'load', most: 1.9, why: 'channels lie where the indices say' },
  {
    kernels: /layer_norm_b?f16/,
    access: 'load',
    most: 1.7,
    why: 'factors and terms of eight channels a lane come in two requests',
  },
  {
    kernels: /select_by_rule/,
    access: 'store',
    most: 1.8,
    why: 'what a block has chosen begins inside a sector',
  },
  {
    kernels: /mass_prefix|sample_rows|sort_slots|top_k_(order|select)/,
    access: 'store',
    most: 2.5,
    why: sorting,
  },
];

/** What is lost where rows begin inside a sector. */
const slack = 1.5;

suite('sectors of the CUDA kernels', { skip: !isBuilt() && 'no CUDA kernels in this build' }, () => {
  for (const form of forms) {
    test(`the form of sm_${form}`, () => {
      for (const [kernel, { memory }] of profile(form)) {
        for (const access of ['load', 'store'] as const) {
          const requests = memory[`global_${access}_requests`];
          const sectors = memory[`global_${access}_sectors`];
          const fewest = Math.max(requests, memory[`global_${access}_bytes`] / 32);
          const known = irregular.find((entry) => entry.access === access && entry.kernels.test(kernel));
          const most = known?.most ?? slack;
          const found = `${kernel}: ${access}s touch ${sectors} sectors where ${Math.ceil(fewest)} would do`;
          assert.ok(sectors <= most * fewest, known === undefined ? found : `${found} (${known.why})`);
        }
      }
    });
  }
});
