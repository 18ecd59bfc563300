// Compares what cuda/driver/driver_api.h declares, and what the double of libcuda exports, with CUDA's own
// header: numbers, and functions as calls see them. Nothing runs; that it compiles is the test.
#include <cuda.h>

#include <type_traits>

#include "cuda/driver/driver_api.h"
#include "cuda/emulator/cudasim/entry_point_list.h"

// Types alone: functions of C with one name would be one function
namespace cudasim {
#define EXPORTED_TYPE(name, symbol, version, parameters) using symbol##_type = Result parameters;
CUDASIM_FOR_EACH_ENTRY_POINT(EXPORTED_TYPE)
#undef EXPORTED_TYPE
}  // namespace cudasim

namespace {

namespace ours = tsv::cuda;

// Passed in the same way: pointers, or integers and enumerations of one size.
template <class A, class B>
constexpr bool same_to_a_call() {
  if (std::is_pointer<A>::value || std::is_pointer<B>::value)
    return std::is_pointer<A>::value && std::is_pointer<B>::value;
  const bool numbers = (std::is_integral<A>::value || std::is_enum<A>::value) &&
                       (std::is_integral<B>::value || std::is_enum<B>::value);
  return numbers && sizeof(A) == sizeof(B);
}

template <class A, class B>
struct SameFunction : std::false_type {};
template <class R, class S, class... A, class... B>
struct SameFunction<R(A...), S(B...)> {
  static constexpr bool value = same_to_a_call<R, S>() && [] {
    if constexpr (sizeof...(A) == sizeof...(B)) {
      return (same_to_a_call<A, B>() && ...);
    } else {
      return false;
    }
  }();
};

#define COMPARE_NUMBER(name, number) static_assert(int(::name) == number, #name);
TSV_FOR_EACH_CUDA_RESULT(COMPARE_NUMBER)
TSV_FOR_EACH_CUDA_NUMBER(COMPARE_NUMBER)

static_assert(sizeof(ours::CUmemPoolProps) == sizeof(::CUmemPoolProps), "CUmemPoolProps");
#define COMPARE_MEMBER(name) \
  static_assert(offsetof(ours::CUmemPoolProps, name) == offsetof(::CUmemPoolProps, name), #name);
COMPARE_MEMBER(allocType)
COMPARE_MEMBER(handleTypes)
COMPARE_MEMBER(location)
COMPARE_MEMBER(win32SecurityAttributes)
COMPARE_MEMBER(maxSize)
COMPARE_MEMBER(usage)

}  // namespace

// cuda.h names the newest form of a function without its suffix, and sends the name on by a macro.
namespace tsv {
namespace cuda {
#define COMPARE_FUNCTION(name, parameters) \
  static_assert(SameFunction<CUresult parameters, decltype(::name)>::value, #name);
TSV_FOR_EACH_CUDA_FUNCTION(COMPARE_FUNCTION)
}  // namespace cuda
}  // namespace tsv

#define COMPARE_EXPORT(name, symbol, version, parameters) \
  static_assert(SameFunction<cudasim::symbol##_type, decltype(::symbol)>::value, #symbol);
CUDASIM_FOR_EACH_ENTRY_POINT(COMPARE_EXPORT)
