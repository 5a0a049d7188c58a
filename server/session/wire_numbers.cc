// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/wire_numbers.h"

#include <limits>
#include <optional>

#include "server/base/errors.h"

namespace percpud {
namespace {

// gRPC's enums are open: a request may hold any int.
template <typename Table>
auto Find(int number) -> decltype(Table::TypeOf(0)) {
  if (number < 0 || number > std::numeric_limits<std::uint8_t>::max()) return std::nullopt;
  return Table::TypeOf(static_cast<std::uint8_t>(number));
}

}  // namespace

absl::StatusOr<Region> RegionFrom(int number) {
  if (number == 0) return Region::kDynamic;
  const auto region = Find<abi::v1::RegionNumbers<Region>>(number);
  if (!region) return errors::UnknownEnum("region", number);
  return *region;
}

absl::StatusOr<VariableType> VariableTypeFrom(int number) {
  if (number == 0) return VariableType::kBytes;
  const auto type = Find<abi::v1::VariableTypeNumbers<VariableType>>(number);
  if (!type) return errors::UnknownEnum("type", number);
  return *type;
}

}  // namespace percpud
