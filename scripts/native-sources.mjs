// Lists C++ sources for the build files: node native-sources.mjs <prefix> [folder ...]; without folders, those of the
// library's core.
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [prefix = '.', ...told] = process.argv.slice(2);
const core = ['native/abi', 'native/runtime', 'cuda/driver', 'cuda/driver/plans'];
for (const folder of told.length > 0 ? told : core) {
  const directory = fileURLToPath(new URL(`../${folder}`, import.meta.url));
  const files = existsSync(directory) ? readdirSync(directory).filter((f) => f.endsWith('.cc')) : [];
  for (const file of files.sort()) console.log(`${prefix}/${folder}/${file}`);
}
