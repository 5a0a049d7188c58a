// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers as scrapers read them. No locale has a say in it.

#ifndef PERCPUD_CLIENT_EXPOSITION_NUMBER_H_
#define PERCPUD_CLIENT_EXPOSITION_NUMBER_H_

#include <cstdint>

#include "client/exposition/text.h"

namespace percpud::exposition {

void AppendInteger(Text& out, std::uint64_t value);

// Appends a sample's value: the shortest text that reads back as the same double. Whole
// numbers that a double can tell apart have no point and no exponent: "1234567". Others
// are as AppendBound has them. NaN, +Inf and -Inf are called so.
void AppendValue(Text& out, double value);

// Appends the text of a label `le`, which names a series and so must be the same in
// every program and format. It is the canonical one of OpenMetrics and of Prometheus's
// clients: a point or an exponent always, an exponent from 1e+06 up and below 0.0001.
void AppendBound(Text& out, double bound);

// Appends nanoseconds as seconds, exactly: "1700000000.25".
void AppendSeconds(Text& out, std::uint64_t nanoseconds);

}  // namespace percpud::exposition

#endif  // PERCPUD_CLIENT_EXPOSITION_NUMBER_H_
