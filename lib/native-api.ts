import { addon } from './addon.js';

/**
 * The running library for another addon: a Node-API External to its table of C functions. The addon takes it with
 * `tsv_api_from_external()` of `tokensieve_node.h`, which refuses anything else and a library older than its headers.
 * The two then share one copy of the code, one pool of threads and one choice of instruction set.
 */
export function nativeApi(): object {
  return addon.nativeApi();
}
