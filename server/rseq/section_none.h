// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// No sequences, for section.h, which alone includes this: other architectures,
// and builds under ThreadSanitizer, which sees no assembly and would report
// races that are none. Every attempt sends its caller to the fallback.

#ifndef PERCPUD_SERVER_RSEQ_SECTION_NONE_H_
#define PERCPUD_SERVER_RSEQ_SECTION_NONE_H_

#include <cstddef>
#include <cstdint>

namespace percpud::rseq::internal {

inline std::uint32_t ReadCpuId(AreaOffset /*area*/) { return ~std::uint32_t{0}; }

template <Word W>
inline Attempt TryAdd(AreaOffset /*area*/, const CpuTable& /*table*/, std::byte* /*unit0*/,
                      W /*delta*/) {
  return Attempt::kUnavailable;
}

inline Attempt TryAddDouble(AreaOffset /*area*/, const CpuTable& /*table*/, std::byte* /*unit0*/,
                            double /*delta*/) {
  return Attempt::kUnavailable;
}

inline Attempt TryAddPair(AreaOffset /*area*/, const CpuTable& /*table*/, std::byte* /*unit0*/,
                          std::uint64_t /*count*/, double /*value*/) {
  return Attempt::kUnavailable;
}

// Half by half: nobody says that an arena's pairs are whole here.
inline void LoadPair(const std::byte* at, std::uint64_t& first, std::uint64_t& second) {
  first = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(at), __ATOMIC_RELAXED);
  second = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(at + 8), __ATOMIC_RELAXED);
}
inline void StorePair(std::byte* at, std::uint64_t first, std::uint64_t second) {
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), first, __ATOMIC_RELAXED);
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(at + 8), second, __ATOMIC_RELAXED);
}

template <Word W>
inline Attempt TryStore(AreaOffset /*area*/, const CpuTable& /*table*/, std::byte* /*unit0*/,
                        W /*value*/) {
  return Attempt::kUnavailable;
}

template <Word W>
inline Attempt TryLoad(AreaOffset /*area*/, const CpuTable& /*table*/, std::byte* /*unit0*/,
                       W& /*seen*/) {
  return Attempt::kUnavailable;
}

template <Word W>
inline Attempt TryExchange(AreaOffset /*area*/, const CpuTable& /*table*/, std::byte* /*unit0*/,
                           W /*value*/, W& /*seen*/) {
  return Attempt::kUnavailable;
}

template <Word W>
inline Attempt TryCompareExchange(AreaOffset /*area*/, const CpuTable& /*table*/,
                                  std::byte* /*unit0*/, W /*expected*/, W /*desired*/,
                                  W& /*seen*/) {
  return Attempt::kUnavailable;
}

inline Attempt TrySlowIncrement(AreaOffset /*area*/, const CpuTable& /*table*/,
                                std::byte* /*unit0*/, std::uint64_t /*spins*/, Arming /*arming*/) {
  return Attempt::kUnavailable;
}

}  // namespace percpud::rseq::internal

#endif  // PERCPUD_SERVER_RSEQ_SECTION_NONE_H_
