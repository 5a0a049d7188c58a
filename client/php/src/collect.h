// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a namespace shows, as arrays of which promphp's MetricFamilySamples are made.

#ifndef PERCPUD_CLIENT_PHP_SRC_COLLECT_H_
#define PERCPUD_CLIENT_PHP_SRC_COLLECT_H_

#include "client/php/src/module.h"

// Adds the families to an array: counters first, then gauges, histograms and summaries, each
// in the order in which they were made. Their series are in the order of their label values, or,
// unsorted, in the order in which they were made.
void AddFamilies(zval* to, const percpud_collection* all, bool sorted);

#endif  // PERCPUD_CLIENT_PHP_SRC_COLLECT_H_
