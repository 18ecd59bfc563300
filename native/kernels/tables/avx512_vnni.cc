#include "simd/avx512_vnni.h"

#include <math.h>

#include "kernels/balance_channels.h"
#include "kernels/int8_argmax.h"
#include "kernels/int8_attention.h"
#include "kernels/pack_bytes.h"
#include "kernels/pack_int8_keys.h"
#include "kernels/quantise_queries.h"
#include "kernels/quantise_tokens.h"

extern "C" const tsv::Int8Kernels tsv::tsv_kernels_avx512_vnni = {
#define TSV_INT8_KERNEL_ENTRY(name, Arguments) name<Avx512Vnni>,
    TSV_FOR_EACH_INT8_KERNEL(TSV_INT8_KERNEL_ENTRY)
#undef TSV_INT8_KERNEL_ENTRY
};
