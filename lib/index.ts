export { type ErrorCode, errorCodes, TokenSieveError } from './errors.js';
export type { Ragged } from './ragged.js';
export type { DataType, DataTypeMap, FloatTensor, FloatType, Tensor } from './tensor.js';
export { type AssignmentOptions, TokenMap, type TokenMapFields } from './token-map.js';
