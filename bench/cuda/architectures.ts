// The GPUs that kernels are compiled for, by the limits that decide how many blocks a multiprocessor holds. Figures of
// CUDA's programming guide, "Compute Capabilities"; every one has 64 K registers a multiprocessor in four parts.

/** What a multiprocessor has. */
export interface Architecture {
  /** A GPU of it. */
  readonly example: string;
  readonly threads: number;
  readonly blocks: number;
  /** Bytes of shared memory, and of those the most that one block may ask for. */
  readonly shared: number;
  readonly sharedOfBlock: number;
  /** Bytes that the driver keeps in each block's shared memory. */
  readonly sharedReserved: number;
  /** Shared memory is handed out in pieces of so many bytes. */
  readonly sharedUnit: number;
}

const kib = 1024;

/** By the number after `sm_`. */
export const architectures = {
  75: {
    example: 'T4',
    threads: 1024,
    blocks: 16,
    shared: 64 * kib,
    sharedOfBlock: 64 * kib,
    sharedReserved: 0,
    sharedUnit: 256,
  },
  80: {
    example: 'A100',
    threads: 2048,
    blocks: 32,
    shared: 164 * kib,
    sharedOfBlock: 163 * kib,
    sharedReserved: kib,
    sharedUnit: 128,
  },
  86: {
    example: 'RTX 3090',
    threads: 1536,
    blocks: 16,
    shared: 100 * kib,
    sharedOfBlock: 99 * kib,
    sharedReserved: kib,
    sharedUnit: 128,
  },
  89: {
    example: 'L4',
    threads: 1536,
    blocks: 24,
    shared: 100 * kib,
    sharedOfBlock: 99 * kib,
    sharedReserved: kib,
    sharedUnit: 128,
  },
  90: {
    example: 'H100',
    threads: 2048,
    blocks: 32,
    shared: 228 * kib,
    sharedOfBlock: 227 * kib,
    sharedReserved: kib,
    sharedUnit: 128,
  },
  100: {
    example: 'B200',
    threads: 2048,
    blocks: 32,
    shared: 228 * kib,
    sharedOfBlock: 227 * kib,
    sharedReserved: kib,
    sharedUnit: 128,
  },
  120: {
    example: 'RTX 5090',
    threads: 1536,
    blocks: 24,
    shared: 100 * kib,
    sharedOfBlock: 99 * kib,
    sharedReserved: kib,
    sharedUnit: 128,
  },
} as const satisfies Record<number, Architecture>;

export type ArchitectureNumber = keyof typeof architectures;

export const architectureNumbers = Object.keys(architectures).map(Number) as ArchitectureNumber[];
