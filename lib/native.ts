// What the build files of other addons ask for: require('tokensieve/native'). It loads no binary.
import path from 'node:path';

const root = path.join(__dirname, '..');

/** The folder of `tokensieve.h` and `tokensieve_node.h`, absolute and in quotes. */
export const include: string = `"${path.join(root, 'native', 'include')}"`;

/** The same folder from the current one, as `include_dirs` takes it. */
export const include_dir: string = path.relative('.', path.join(root, 'native', 'include'));

/** The gyp file from the current folder: `targets:tokensieve_core` is the library to link. */
export const targets: string = path.relative('.', path.join(root, 'gyp', 'tokensieve.gyp'));
