// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One operation a function, for hot_path_test to read as the compiler made it.
// Compiled with -O2, whatever the rest of the build is.

#include <cstdint>

#include "percpu/count_sum_ref.h"
#include "percpu/ref.h"

extern "C" {

bool percpud_probe_add(const percpu::Ref<std::uint64_t>& counter, std::uint64_t delta) {
  return counter.Add(delta);
}

bool percpud_probe_store(const percpu::Ref<std::uint64_t>& counter, std::uint64_t value) {
  return counter.Store(value);
}

bool percpud_probe_add_double(const percpu::Ref<double>& counter, double delta) {
  return counter.Add(delta);
}

bool percpud_probe_observe(const percpu::CountSumRef& bucket, double value) {
  return bucket.Observe(value);
}

}  // extern "C"
