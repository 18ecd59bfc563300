// Lists the C++ sources of the library's core for the build files: node native-sources.mjs <prefix>
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const prefix = process.argv[2] ?? '.';
for (const folder of ['native/abi', 'native/runtime']) {
  const files = readdirSync(fileURLToPath(new URL(`../${folder}`, import.meta.url))).filter((f) =>
    f.endsWith('.cc'),
  );
  for (const file of files.sort()) console.log(`${prefix}/${folder}/${file}`);
}
