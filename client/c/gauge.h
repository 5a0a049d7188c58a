// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Gauges: with a cell for each writer (LaneCells::kWriter), or one that all processes
// share (kShared). Thread safe, async-signal-safe. REQUIRES in every function: a series
// of one of these.

#ifndef PERCPUD_CLIENT_C_GAUGE_H_
#define PERCPUD_CLIENT_C_GAUGE_H_

#include "client/c/series.h"

namespace percpud::c {

// A `timestamp` that is not above 0 is now.
void SetGauge(percpud_series& series, double value, double timestamp);
void AddToGauge(percpud_series& series, double amount);
// Returns what this process has set, or what all have made of a shared one.
double ReadGauge(const percpud_series& series);

// Moves what was set locally to the cell, if this process may write it.
void FoldGauge(percpud_series& series, const Place& place);
bool IsGaugeFolded(const percpud_series& series);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_GAUGE_H_
