import { everyTarget } from './targets.js';

/** The names of the operations: of what is exported in both forms, synchronous and not. */
export function operationNames(): string[] {
  const paths = new Set(everyTarget().map(({ path }) => path));
  return [...paths].filter((path) => !path.includes('.') && paths.has(`${path}Sync`));
}
