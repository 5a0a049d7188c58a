// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How the SDK picks a size class for a request. The classes themselves are part of the
// shared map's contract (proto/percpud/abi/v1/lease_map.h).

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_SIZE_CLASSES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_SIZE_CLASSES_H_

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

#include "proto/percpud/abi/v1/lease_map.h"

namespace percpu::lease {

inline constexpr std::uint32_t kClasses = percpud::abi::v1::kLeaseClasses;
inline constexpr std::uint32_t kLargestSmall = percpud::abi::v1::kLeaseLargestClass;
inline constexpr std::uint32_t kGranule = percpud::abi::v1::kLeaseGranuleBytes;
inline constexpr std::uint32_t kMaxAlignment = 64;

// A class is an index from 0 here. Its state byte is one more.
using ClassBytes = std::array<std::uint16_t, kClasses>;
inline constexpr ClassBytes kClassBytes = [] {
  ClassBytes bytes{};
  for (std::uint32_t i = 0; i < kClasses; ++i) {
    bytes[i] = static_cast<std::uint16_t>(percpud::abi::v1::LeaseClassBytes(i + 1));
  }
  return bytes;
}();

// [granules, rounded up] -> class. Entry 0 is not used.
inline constexpr auto kClassOfGranules = [] {
  std::array<std::uint8_t, kLargestSmall / kGranule + 1> classes{};
  std::uint8_t size_class = 0;
  for (std::uint32_t granules = 1; granules < classes.size(); ++granules) {
    if (granules * kGranule > kClassBytes[size_class]) ++size_class;
    classes[granules] = size_class;
  }
  return classes;
}();

// Returns the class for `bytes`. REQUIRES: 1 <= bytes <= kLargestSmall.
//
// An area of a class lies at a multiple of the largest power of two that divides its
// size, up to kMaxAlignment. So a size that is rounded up to an alignment finds a class
// that is a multiple of the alignment: near any size, the classes are either all
// multiples of the alignment, or multiples of it only.
constexpr std::uint32_t ClassOf(std::uint64_t bytes) {
  assert(bytes >= 1 && bytes <= kLargestSmall);
  return kClassOfGranules[(bytes + kGranule - 1) / kGranule];
}

// Returns the alignment of a class's areas, in bytes. REQUIRES: a class.
constexpr std::uint32_t ClassAlignment(std::uint32_t size_class) {
  assert(size_class < kClasses);
  const std::uint32_t bytes = kClassBytes[size_class];
  return std::min(bytes & (~bytes + 1), kMaxAlignment);
}

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_SIZE_CLASSES_H_
