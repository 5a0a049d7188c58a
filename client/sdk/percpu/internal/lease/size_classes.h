// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// From a request to a size class. The classes are part of the shared map's
// contract (proto/percpud/abi/v1/lease_map.h); this is how the SDK picks one.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_SIZE_CLASSES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_SIZE_CLASSES_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "proto/percpud/abi/v1/lease_map.h"

namespace percpu::lease {

inline constexpr std::uint32_t kClasses = percpud::abi::v1::kLeaseClasses;
inline constexpr std::uint32_t kLargestSmall = percpud::abi::v1::kLeaseLargestClass;
inline constexpr std::uint32_t kGranule = percpud::abi::v1::kLeaseGranuleBytes;
inline constexpr std::uint32_t kMaxAlignment = 64;

// Here a class is an index from 0; its state byte is one more.
using ClassBytes = std::array<std::uint16_t, kClasses>;
inline constexpr ClassBytes kClassBytes = [] {
  ClassBytes bytes{};
  for (std::uint32_t i = 0; i < kClasses; ++i) {
    bytes[i] = static_cast<std::uint16_t>(percpud::abi::v1::LeaseClassBytes(i + 1));
  }
  return bytes;
}();

// By granules, rounded up; entry 0 is of no use.
inline constexpr auto kClassOfGranules = [] {
  std::array<std::uint8_t, kLargestSmall / kGranule + 1> classes{};
  std::uint8_t size_class = 0;
  for (std::uint32_t granules = 1; granules < classes.size(); ++granules) {
    if (granules * kGranule > kClassBytes[size_class]) ++size_class;
    classes[granules] = size_class;
  }
  return classes;
}();

// The class for `bytes`. REQUIRES: 1 <= bytes <= kLargestSmall.
//
// An area of a class lies at a multiple of the largest power of two in its size,
// up to kMaxAlignment. So a size rounded up to an alignment finds a class that
// is a multiple of it: classes are either every multiple of the alignment, or
// multiples of it only.
constexpr std::uint32_t ClassOf(std::uint64_t bytes) {
  return kClassOfGranules[(bytes + kGranule - 1) / kGranule];
}

// What areas of a class are aligned to, in bytes.
constexpr std::uint32_t ClassAlignment(std::uint32_t size_class) {
  const std::uint32_t bytes = kClassBytes[size_class];
  return std::min(bytes & (~bytes + 1), kMaxAlignment);
}

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_SIZE_CLASSES_H_
