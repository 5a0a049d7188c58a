// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/variable_type.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

constexpr std::array<std::pair<VariableType, absl::string_view>, 4> kTypeNames = {{
    {VariableType::kCounter, "counter"},
    {VariableType::kGauge, "gauge"},
    {VariableType::kHistogram, "histogram"},
    {VariableType::kBytes, "bytes"},
}};

}  // namespace

absl::string_view Name(VariableType type) {
  return std::find_if(kTypeNames.begin(), kTypeNames.end(),
                      [type](const auto& entry) { return entry.first == type; })
      ->second;
}

absl::StatusOr<VariableType> ParseVariableType(absl::string_view name) {
  for (const auto& [type, type_name] : kTypeNames) {
    if (type_name == name) return type;
  }
  return errors::BadConfig(
      "type", absl::StrCat("\"", name, "\" is none of counter, gauge, histogram, bytes"));
}

absl::Status CheckShape(VariableType type, Bytes size, Bytes alignment) {
  constexpr Bytes kInteger(8);
  if (type == VariableType::kBytes) return absl::OkStatus();
  const bool is_row = type == VariableType::kHistogram;
  if (is_row ? size == Bytes(0) || size.value() % kInteger.value() != 0 : size != kInteger) {
    return errors::SizeUnfitForType(Name(type), size, is_row);
  }
  if (alignment < kInteger) return errors::AlignmentUnfitForType(Name(type), alignment);
  return absl::OkStatus();
}

}  // namespace percpud
