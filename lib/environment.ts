import { availableParallelism } from 'node:os';
import type { Addon } from './addon.js';

/** As many threads as `setNumThreads()` takes. */
export const maxThreads = 1024;

/**
 * Sets the threads that this machine offers, then reads `TOKENSIEVE_NUM_THREADS` and `TOKENSIEVE_ISA`. They lower, never
 * raise; what makes no sense changes nothing and warns, code `TOKENSIEVE_ENVIRONMENT`.
 */
export function applyEnvironment(addon: Addon): void {
  const available = Math.min(availableParallelism(), maxThreads);
  const threads = readVariable('TOKENSIEVE_NUM_THREADS', `an integer from 1 to ${maxThreads}`, (value) =>
    /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= maxThreads ? Number(value) : undefined,
  );
  addon.setThreads(Math.min(threads ?? available, available));

  const isa = readVariable(
    'TOKENSIEVE_ISA',
    `an instruction set of this processor: ${addon.supportedIsas.join(', ')}`,
    (value) => (addon.supportedIsas.includes(value) ? value : undefined),
  );
  if (isa !== undefined) addon.setIsa(isa);
}

/** The value of a variable; undefined when it is unset, empty or, after a warning, nonsense. */
function readVariable<T>(
  name: string,
  expected: string,
  parse: (value: string) => T | undefined,
): T | undefined {
  const value = process.env[name];
  if (value === undefined || value === '') return undefined;
  const parsed = parse(value);
  if (parsed === undefined) {
    process.emitWarning(`${name} must be ${expected}; got ${JSON.stringify(value)}, which changes nothing`, {
      type: 'TokenSieveWarning',
      code: 'TOKENSIEVE_ENVIRONMENT',
    });
  }
  return parsed;
}
