// The JavaScript tests with an addon under AddressSanitizer and UndefinedBehaviorSanitizer, built among the native tests
// of the preset `asan`: out-of-bounds accesses of typed arrays' memory included, for V8 takes it from malloc.
//   node scripts/test-asan.mjs            what crosses into the addon: see `crossing`
//   node scripts/test-asan.mjs --all      every test but those that start programs of their own
// Operations run on the widest instruction set. Leaks are not looked for: every stack in Node ends in Node, whose own
// leaks could not be told apart. LeakSanitizer watches the native tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = path.join(root, 'build-asan', 'tokensieve.node');
const lifetimes = ['abort', 'buffers', 'many-calls', 'workers'].map((name) => path.join('lifetime', name));
const crossing = ['ops', 'token-map', 'tensor', 'mask', 'sieve', 'robustness', ...lifetimes];
const everything = [...crossing, 'lifetime', 'fuzz', 'budgets', 'criteria', 'methods', 'strategies'];

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (error) console.error(`${command} could not be run: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

function output(command, args, env = process.env) {
  return execFileSync(command, args, { cwd: root, env, encoding: 'utf8' }).trim();
}

function build() {
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
  const include = output(process.execPath, [cmakeJs, 'print-cmakejs-include', '--log-level', 'error']);
  const addon = ['-DTOKENSIEVE_ADDON=ON', `-DCMAKE_JS_INC=${include}`];
  run('cmake', ['--preset', 'asan', '--log-level=WARNING', ...addon]);
  run('cmake', ['--build', '--preset', 'asan', '--parallel', '--target', 'tokensieve_addon']);
}

/** The runtimes, which must be there before anything else is: Node was not built with them. */
function preloaded() {
  return ['libasan.so', 'libstdc++.so'].map((name) => output('g++', [`-print-file-name=${name}`])).join(' ');
}

build();
const env = {
  ...process.env,
  LD_PRELOAD: preloaded(),
  ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1', // a test asks for too much
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TOKENSIEVE_BINARY: binary,
};
env.TOKENSIEVE_ISA = output(process.execPath, ['-p', `require(${JSON.stringify(root)}).info().isa`], env);
run(process.execPath, ['scripts/test.mjs', ...(process.argv.includes('--all') ? everything : crossing)], env);
