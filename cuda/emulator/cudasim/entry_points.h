// The functions of the driver API that the double has, declared.
#ifndef TOKENSIEVE_CUDASIM_ENTRY_POINTS_H
#define TOKENSIEVE_CUDASIM_ENTRY_POINTS_H
#include "entry_point_list.h"

#if defined(__GNUC__)
#define CUDASIM_EXPORT __attribute__((visibility("default")))
#else
#define CUDASIM_EXPORT __declspec(dllexport)
#endif

namespace cudasim {
extern "C" {
#define CUDASIM_DECLARE(name, symbol, version, parameters) CUDASIM_EXPORT Result symbol parameters;
CUDASIM_FOR_EACH_ENTRY_POINT(CUDASIM_DECLARE)
#undef CUDASIM_DECLARE
}
}  // namespace cudasim
#endif
