// Loops over registers must be unrolled whole, or the registers become memory; loops over data must not be.
#ifndef TOKENSIEVE_SIMD_UNROLL_H
#define TOKENSIEVE_SIMD_UNROLL_H

#if defined(__clang__)
#define TSV_UNROLL _Pragma("clang loop unroll(full)")
#define TSV_NO_UNROLL _Pragma("clang loop unroll(disable)")
#elif defined(__GNUC__)
#define TSV_UNROLL _Pragma("GCC unroll 16")
#define TSV_NO_UNROLL _Pragma("GCC unroll 1")
#else
#define TSV_UNROLL
#define TSV_NO_UNROLL
#endif

#endif
