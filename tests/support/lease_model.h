// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_LEASE_MODEL_H_
#define PERCPUD_TESTS_SUPPORT_LEASE_MODEL_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "proto/percpud/abi/v1/lease_map.h"

namespace percpud::testing {

// Another reading of the lease map's contract, as plain as can be: one granule
// after the other, nothing skipped.
class LeaseModel {
 public:
  enum class Use : std::uint8_t { kLive, kCached, kRemotelyFreed };
  struct Area {
    std::uint64_t size;
    Use use;
  };
  using Areas = std::map<std::uint64_t, Area>;

  // The areas of the map in `bytes`; nullopt if it breaks the contract.
  static std::optional<Areas> Read(std::span<const std::byte> bytes, std::uint32_t granules) {
    abi::v1::LeaseMapHeader header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (!IsHeader(header, granules)) return std::nullopt;
    const bool clean = header.phase == abi::v1::kLeaseClean;
    Areas areas;
    const auto* const states = reinterpret_cast<const std::uint8_t*>(bytes.data()) + sizeof(header);
    for (std::uint64_t at = 0; at < granules;) {
      if (states[at] == 0 || (states[at] >= abi::v1::kLeaseDigit && !clean)) {
        ++at;
        continue;
      }
      const std::optional<Area> area = AreaAt(states, at, granules);
      if (!area || (clean && area->use != Use::kLive)) return std::nullopt;
      areas[at] = *area;
      at += area->size;
    }
    return areas;
  }

 private:
  static bool IsHeader(const abi::v1::LeaseMapHeader& header, std::uint32_t granules) {
    const std::uint64_t total = (sizeof(header) + std::uint64_t{granules} + 63) / 64 * 64;
    return header.magic == abi::v1::kLeaseMagic && header.version == 1 &&
           header.header_bytes == 64 && header.total_bytes == total &&
           header.granules == granules && header.granule_bytes == 4 && header.reserved[0] == 0 &&
           header.reserved[1] == 0 && (header.phase == 1 || header.phase == 2);
  }

  static std::optional<Area> AreaAt(const std::uint8_t* states, std::uint64_t at,
                                    std::uint32_t granules) {
    const int byte = states[at];
    const std::array<std::pair<int, Use>, 3> kinds{
        {{0, Use::kLive}, {80, Use::kCached}, {160, Use::kRemotelyFreed}}};
    for (const auto& [base, use] : kinds) {
      const int code = byte - base;
      if (code < 1 || code > 65) continue;
      std::uint64_t size = 0;
      std::uint64_t known = 1;
      if (code <= 64) {
        size = abi::v1::LeaseClassBytes(static_cast<std::uint32_t>(code)) / 4;
      } else {
        known = 9;
        if (at + known > granules) return std::nullopt;
        for (std::uint64_t digit = 0; digit < 8; ++digit) {
          if (states[at + 1 + digit] < 240) return std::nullopt;
          size += std::uint64_t{states[at + 1 + digit] - 240u} << (4 * digit);
        }
      }
      if (size < known || at + size > granules) return std::nullopt;
      const bool is_free_inside = std::all_of(states + at + known, states + at + size,
                                              [](std::uint8_t state) { return state == 0; });
      return is_free_inside ? std::optional(Area{size, use}) : std::nullopt;
    }
    return std::nullopt;
  }
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_LEASE_MODEL_H_
