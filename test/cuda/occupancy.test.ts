import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { type ArchitectureNumber, architectures } from '../../bench/cuda/architectures.js';
import { occupancy } from '../../bench/cuda/occupancy.js';

/** The toolkit's headers, where nvcc is installed: it says itself where it lies. */
function toolkitHeaders(): string | undefined {
  const { stderr } = spawnSync('nvcc', ['--dryrun', '-E', 'none.cu'], { encoding: 'utf8' });
  const top = /^#\$ TOP=(.*)$/m.exec(stderr ?? '')?.[1];
  const folder = path.join(top ?? '', 'include');
  return top !== undefined && existsSync(path.join(folder, 'cuda_occupancy.h')) ? folder : undefined;
}

suite('occupancy', () => {
  test('by hand: an H100 with 94 registers, 128 threads and 8 KiB', () => {
    const { blocks, share, limits } = occupancy(
      { registers: 94, threads: 128, shared: 8192 },
      architectures[90],
    );
    // 94 * 32 = 3008 registers a warp, given as 3072; 5 warps a part, 20 in all, 5 blocks of 4
    assert.deepEqual({ blocks, limits }, { blocks: 5, limits: ['registers'] });
    assert.equal(share, (5 * 128) / 2048);
  });

  test('a block that asks for too much does not fit', () => {
    assert.equal(occupancy({ registers: 255, threads: 1024, shared: 0 }, architectures[80]).blocks, 0);
    assert.equal(occupancy({ registers: 32, threads: 32, shared: 70_000 }, architectures[75]).blocks, 0);
  });

  const headers = toolkitHeaders();
  test("as NVIDIA's calculator", { skip: headers === undefined && 'no CUDA toolkit here' }, () => {
    const root = path.dirname(require.resolve('tokensieve/package.json'));
    const folder = mkdtempSync(path.join(tmpdir(), 'occupancy-'));
    try {
      const program = path.join(folder, 'occupancy');
      const source = path.join(root, 'cuda', 'test', 'occupancy.cc');
      execFileSync('g++', ['-std=c++17', `-I${headers}`, source, '-o', program]);
      const lines = execFileSync(program, { encoding: 'utf8', maxBuffer: 2 ** 24 })
        .trim()
        .split('\n');
      for (const line of lines) {
        const [number, registers, threads, shared, blocks] = line.split(' ').map(Number);
        const architecture = architectures[number as ArchitectureNumber];
        assert.equal(occupancy({ registers, threads, shared }, architecture).blocks, blocks, line);
      }
      assert.ok(lines.length > 20_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
