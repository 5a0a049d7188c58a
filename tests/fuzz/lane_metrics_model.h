// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Another reading of the lane's requests about metrics (proto/percpud/abi/v1/lane_metrics.h
// and lane_metrics_pages.h), byte by byte and without the codec.

#ifndef PERCPUD_TESTS_FUZZ_LANE_METRICS_MODEL_H_
#define PERCPUD_TESTS_FUZZ_LANE_METRICS_MODEL_H_

#include <cstdint>

#include "tests/fuzz/lane_cursor.h"

namespace percpud::fuzz::lane {

bool IsOfMetrics(std::uint16_t kind);
// Whether the body is what its kind says. REQUIRES: IsOfMetrics(kind).
bool ReadMetrics(std::uint16_t kind, Cursor body);

}  // namespace percpud::fuzz::lane

#endif  // PERCPUD_TESTS_FUZZ_LANE_METRICS_MODEL_H_
