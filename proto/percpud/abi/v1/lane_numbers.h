// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Enumerations of the lane by number (lane.h). The numbers are those of percpud.v1.
// Client and server have enumerations of their own, so the tables take them as types.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_NUMBERS_H_
#define PERCPUD_PROTO_ABI_V1_LANE_NUMBERS_H_

#include <array>
#include <cstdint>
#include <optional>

namespace percpud::abi::v1 {

// A number, and the value that it stands for. 0 stands for no value: the sender leaves
// the choice to the receiver.
template <typename Type>
struct LaneNumber {
  std::uint8_t number;
  Type type;
};

// Table::kRows read both ways.
template <typename Table, typename Type>
struct LaneNumbers {
  static constexpr std::uint8_t NumberOf(Type type) {
    for (const auto& row : Table::kRows) {
      if (row.type == type) return row.number;
    }
    return 0;
  }
  // Returns nothing for 0, and for a number that this version does not know.
  static constexpr std::optional<Type> TypeOf(std::uint8_t number) {
    for (const auto& row : Table::kRows) {
      if (row.number == number) return row.type;
    }
    return std::nullopt;
  }
};

// percpud.v1.VariableType.
template <typename Type>
struct VariableTypeNumbers : LaneNumbers<VariableTypeNumbers<Type>, Type> {
  static constexpr std::array<LaneNumber<Type>, 4> kRows{{
      {1, Type::kCounter},
      {2, Type::kGauge},
      {3, Type::kHistogram},
      {4, Type::kBytes},
  }};
};

// percpud.v1.Region.
template <typename Type>
struct RegionNumbers : LaneNumbers<RegionNumbers<Type>, Type> {
  static constexpr std::array<LaneNumber<Type>, 2> kRows{{
      {1, Type::kDynamic},
      {2, Type::kReserved},
  }};
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_NUMBERS_H_
