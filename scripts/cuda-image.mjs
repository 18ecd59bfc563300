// Where `npm run build:cuda` left the container of compiled kernels, for the build files: prints its path with forward
// slashes, or nothing when there is none. Its name has the hash of what is in it.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(root, 'build-cuda');
const image = (existsSync(folder) ? readdirSync(folder) : []).find((file) =>
  /^kernels-\w+\.image$/.test(file),
);
if (image !== undefined) console.log(path.join(folder, image).replaceAll(path.sep, '/'));
