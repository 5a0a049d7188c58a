// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/static_layout.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

bool IsVariableName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

absl::Status CheckVariable(const StaticVariable& variable) {
  const auto bad = [&](absl::string_view field, absl::string_view why) {
    return errors::BadConfig(absl::StrCat("static_variables[", variable.name, "].", field), why);
  };
  if (!IsVariableName(variable.name)) {
    return bad("name", "use letters, digits, '_', '.', '-', not a digit first, 128 at most");
  }
  if (variable.size == Bytes(0) || variable.size > kMaxUnitSize) {
    return bad("size", absl::StrCat(Format(variable.size), " is not in 1..", Format(kMaxUnitSize)));
  }
  if (!IsPowerOfTwo(variable.alignment) || variable.alignment > kMaxAlign) {
    return bad("alignment", absl::StrCat(variable.alignment.value(),
                                         " is not a power of two up to ", kMaxAlign.value()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StaticLayout> StaticLayout::Build(std::vector<StaticVariable> variables,
                                                 Bytes size) {
  if (size > kMaxUnitSize) {
    return errors::BadConfig(
        "static_size", absl::StrCat(Format(size), " is over the limit of ", Format(kMaxUnitSize)));
  }
  absl::flat_hash_set<std::string> names;
  Bytes end = kNullGuard;
  for (StaticVariable& variable : variables) {
    if (absl::Status status = CheckVariable(variable); !status.ok()) return status;
    if (!names.insert(variable.name).second) {
      return errors::BadConfig("static_variables", absl::StrCat(variable.name, " is named twice"));
    }
    variable.offset = RoundUp(end, std::max(variable.alignment, kMinAlign));
    end = variable.offset + variable.size;
    if (end > kMaxUnitSize) {
      return errors::BadConfig("static_variables",
                               absl::StrCat("they need more than ", Format(kMaxUnitSize)));
    }
  }
  if (size != Bytes(0) && size < end) {
    return errors::BadConfig("static_size",
                             absl::StrCat(size.value(), " bytes do not hold the ", end.value(),
                                          " that the static variables and the null guard need"));
  }
  StaticLayout layout;
  layout.size_ = RoundUp(std::max(size, end), kGranuleSize);
  layout.variables_ = std::move(variables);
  return layout;
}

const StaticVariable* StaticLayout::At(Bytes offset) const {
  const auto above = std::upper_bound(
      variables_.begin(), variables_.end(), offset,
      [](Bytes at, const StaticVariable& variable) { return at < variable.offset; });
  if (above == variables_.begin()) return nullptr;
  const StaticVariable& variable = *std::prev(above);
  return offset < variable.offset + variable.size ? &variable : nullptr;
}

}  // namespace percpud
