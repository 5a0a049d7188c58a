// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the C library's header has inlined, one operation a function, for hot_path_test to
// read. Compiled as the other probes are.

#include <cstdint>

#include "client/c/percpud.h"

#ifdef PERCPUD_COUNTER_ADD_IS_INLINE

extern "C" {

void percpud_probe_c_add(percpud_counter* counter, std::uint64_t n) {
  percpud_counter_add(counter, n);
}

void percpud_probe_c_add_double(percpud_number* number, double amount) {
  percpud_number_add(number, amount);
}

// The bucket is found already.
int percpud_probe_c_observe(percpud_histogram* histogram, std::uint64_t at, double value) {
  return percpud_inline_observe(&histogram->cells, at, value);
}

// The library's calls, for updates that were interrupted.
void percpud_counter_add_call(percpud_counter* counter, std::uint64_t n) {
  while (!percpud_inline_add(counter, n)) continue;
}
void percpud_number_add_call(percpud_number* number, double amount) {
  while (!percpud_inline_add_double(&number->cells, amount)) continue;
}

}  // extern "C"

#endif
