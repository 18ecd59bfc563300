// Says where the two builds of the addon differ: gyp's and CMake's sources, and the flags that decide what the code
// computes and which symbols it shows. Run it after `npm run build:native` and a build by CMake:
//   node scripts/compare-builds.mjs [folder of that build]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const cmakeFolder = process.argv[2] ?? 'build-cmake';
const root = fileURLToPath(new URL('..', import.meta.url));

// Of all flags, those we chose; Node's own common.gypi and CMake add others that change neither results nor symbols.
const chosen =
  /^(-m(?!64$)|-O|-ffp-|-fno-(?!omit-frame-pointer|sanitize)|-fvisibility=|-std=|-D(NAPI|NODE_(API|ADDON_API))_)/;
// Node turns these off for everything; the library needs neither, nor does it mind.
const indifferent = new Set(['-fno-rtti']);

function flagsBySource(file) {
  const sources = new Map();
  for (const { file: source, command } of JSON.parse(readFileSync(path.join(root, file), 'utf8'))) {
    const flags = command
      .replaceAll('"', '')
      .split(/\s+/)
      .filter((flag) => chosen.test(flag))
      .map((flag) => flag.replace('-std=gnu++', '-std=c++'));
    const unique = [...new Set(flags)].sort();
    const name = path.relative(root, source).replaceAll(path.sep, '/');
    if (/^(native\/(?!portable\/)|cuda\/)/.test(name)) sources.set(name, unique);
  }
  return sources;
}

const generated = spawnSync(process.execPath, ['scripts/build-native.mjs', '--compile-commands'], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (generated.status !== 0) process.exit(generated.status ?? 1);

const gyp = flagsBySource('build/Release/compile_commands.json');
const cmake = flagsBySource(path.join(cmakeFolder, 'compile_commands.json'));
let differences = 0;
for (const source of [...new Set([...gyp.keys(), ...cmake.keys()])].sort()) {
  const [a, b] = [gyp.get(source), cmake.get(source)];
  const isKernel = source.startsWith('native/kernels/');
  const missing = (from, flags) =>
    from?.filter((flag) => !flags?.includes(flag) && (isKernel || !indifferent.has(flag)));
  const onlyGyp = b === undefined ? ['the file'] : missing(a ?? [], b);
  const onlyCMake = a === undefined ? ['the file'] : missing(b ?? [], a);
  if (onlyGyp.length > 0) console.error(`${source}: only node-gyp has ${onlyGyp.join(' ')}`);
  if (onlyCMake.length > 0) console.error(`${source}: only CMake has ${onlyCMake.join(' ')}`);
  differences += onlyGyp.length + onlyCMake.length;
}
console.log(`${gyp.size} sources, ${differences} differences between node-gyp and CMake`);
process.exit(differences === 0 ? 0 : 1);
