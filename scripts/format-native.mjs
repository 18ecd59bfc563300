// Formats the C and C++ sources with the clang-format that the lockfile pins; `--check` only reports.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const clangFormat = createRequire(import.meta.url).resolve('clang-format/index.js');
const sources = ['native', 'cuda', 'test/consumers'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true })
    .filter((file) => !/(^|[\\/])build[\\/]/.test(file) && /\.(h|cc|c|cu|cuh)$/.test(file))
    .map((file) => path.join(root, folder, file)),
);
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const { status } = spawnSync(process.execPath, [clangFormat, ...mode, ...sources], { stdio: 'inherit' });
process.exit(status ?? 1);
