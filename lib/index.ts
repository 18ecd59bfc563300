export { type ErrorCode, errorCodes, TokenSieveError } from './errors.js';
export type { DataType, DataTypeMap, FloatTensor, FloatType, Tensor } from './tensor.js';
