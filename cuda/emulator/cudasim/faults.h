// Why the last kernel, copy or module was refused, in words.
#ifndef TOKENSIEVE_CUDASIM_FAULTS_H
#define TOKENSIEVE_CUDASIM_FAULTS_H
#include <string>

#include "../fault.h"
#include "types.h"

namespace cudasim {

// The driver's name of an error and its words; null for a number that the double never returns.
const char* error_name(Result error);
const char* error_text(Result error);

// Keeps the text for cudasim_last_fault and writes it to stderr; `error` is returned.
Result report_fault(Result error, const std::string& text);

// What hardware would answer where it would notice; what only the emulator notices is a failed launch.
Result error_of(tsv_sim::FaultKind kind);

std::string last_fault();

}  // namespace cudasim
#endif
