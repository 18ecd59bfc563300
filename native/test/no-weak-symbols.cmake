# What leaves an object built with instruction-set flags is its table and nothing else: an inline function of a C++
# header would be weak, and the linker could keep that copy for processors that cannot run it.
#   cmake -DNM=nm -DOBJECT=kernels.o -DTABLE=tsv_kernels_avx2 -P no-weak-symbols.cmake
execute_process(COMMAND ${NM} --extern-only --defined-only --format=posix ${OBJECT}
  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" symbols "${symbols}")
foreach(symbol IN LISTS symbols)
  if(NOT symbol MATCHES "^_?${TABLE} [RDSB] ")
    message(SEND_ERROR "${OBJECT} lets out ${symbol}")
  endif()
endforeach()
if(NOT symbols)
  message(SEND_ERROR "${OBJECT} lets nothing out")
endif()
