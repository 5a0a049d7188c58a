// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPOSITION_DECIMAL_H_
#define PERCPUD_CLIENT_EXPOSITION_DECIMAL_H_

#include <cstdint>

namespace percpud::exposition {

// digits * 10^exponent. The digits are 17 at most, and end with no zero.
struct Decimal {
  std::uint64_t digits;
  int exponent;
};

// Returns the shortest decimal that reads back as `value`; of several that are as short,
// the nearest. REQUIRES: `value` is finite and above 0.
Decimal ShortestDecimal(double value);

}  // namespace percpud::exposition

#endif  // PERCPUD_CLIENT_EXPOSITION_DECIMAL_H_
