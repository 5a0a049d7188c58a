// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A comparison of traces as JSON, and that as tables.

#ifndef PERCPUD_TESTS_BENCH_TRACE_TRACE_REPORT_H_
#define PERCPUD_TESTS_BENCH_TRACE_TRACE_REPORT_H_

#include <vector>

#include "tests/bench/report/report.h"
#include "tests/bench/trace/trace_compare.h"
#include "tests/bench/trace/trace_results.h"

namespace percpud::bench {

Json MakeReport(const CompareOptions& options, const std::vector<Results>& results);
void PrintReport(const Json& report);

// trace_goals.cc: from the report's rows.
void AddTraceGoals(Json& report);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TRACE_TRACE_REPORT_H_
